"""Rules that tell a sound recording from one with a silent error, each with the evidence in a sentence.

Limits of a mouse's or rat's body are the same everywhere. Cameras and trackers differ between labs, so most rules
compare a recording with the others. ``experiments/checks`` measures how often the rules see an error, and how often
they suspect a sound recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssl_behavior.quality.vitals import Vitals, log_spread, median_vitals

Kind = Literal[
    "turned",
    "mirrored",
    "sides mixed",
    "backwards",
    "frame rate",
    "size",
    "proportions",
    "exchanged",
    "shifted labels",
    "strange to the encoder",
]


@dataclass(frozen=True)
class Suspicion:
    """A possible error in a recording.

    Attributes:
        video: id of the recording.
        kind: kind of error.
        evidence: the measurement that looks wrong, and what to check.
        frames: frames of the recording at which the error shows; empty if it shows everywhere.
    """

    video: str
    kind: Kind
    evidence: str
    frames: tuple[int, ...] = ()


# Thresholds. experiments/checks measures what they see and what they suspect in vain.
_FASTER, _LARGER, _OTHER_BODY = 1.27, 1.5, 1.5
"""Ratios to the typical recording above which a speed, a body length and a landmark's distance are suspicious."""
_STANDARD_DEVIATIONS = 2.0
"""Speeds vary between sound recordings: a suspicious one differs by so many standard deviations too."""
_FEW = 3
"""With so many other recordings the median is unsure, and the threshold of a speed doubles."""
_OTHER_SPEED = 2.0
"""Ratio to the speed in pretraining. Other mice in other arenas may well differ more than mice of one lab."""
_NEAR_CENTRE = 0.15
"""Distance from the centre in body lengths, below which a ratio of distances means nothing."""
_SIDE, _MIXED = 0.8, 0.7
"""Shares of the time: above the first, a landmark keeps to its side; below the second, it keeps to none."""
_BODY_LENGTHS = {"mm": (40.0, 160.0), "cm": (4.0, 16.0), "m": (0.04, 0.16)}
"""Distance from head to tail base of a mouse or a rat, by unit."""


def check_alone(video: str, vitals: Vitals, unit: str) -> Iterator[Suspicion]:
    """Apply the rules that need no other recording.

    Args:
        video: id of the recording.
        vitals: measurements of the recording.
        unit: unit of its coordinates.
    """
    if vitals.forward < 0:
        yield Suspicion(
            video,
            "backwards",
            f"Animals move backwards (mean cosine between heading and movement {vitals.forward:.2f}, expected above "
            "0). Check whether nose and tail are exchanged in the names of the keypoints.",
        )
    if 1 - _MIXED < vitals.left < _MIXED:
        yield Suspicion(
            video,
            "sides mixed",
            f"Left landmarks lie to the left of the body in {vitals.left:.0%} of the time, and to the right in the "
            "rest. Check whether the tracker exchanges the sides.",
        )
    low, high = _BODY_LENGTHS.get(unit, (0.0, np.inf))
    if not low <= vitals.body_length <= high:
        yield Suspicion(
            video,
            "size",
            f"The distance from head to tail base is {vitals.body_length:.3g} {unit}, expected {low:g} to {high:g}. "
            "Check the size of a pixel.",
        )


def check_against_others(video: str, vitals: Vitals, others: Sequence[Vitals]) -> Iterator[Suspicion]:
    """Apply the rules that compare a recording with the others.

    Args:
        video: id of the recording.
        vitals: measurements of the recording.
        others: measurements of three or more other recordings.
    """
    typical, where = median_vitals(others), "in the other recordings"
    if _is_turned(vitals, typical):
        yield Suspicion(
            video,
            "turned",
            f"Animals stay within {_describe_box(vitals)}, and {where} within {_describe_box(typical)}. Check whether "
            "x and y are exchanged.",
        )
    if _is_other_side(vitals.left, typical.left):
        yield Suspicion(
            video,
            "mirrored",
            f"Left landmarks lie to the left of the body in {vitals.left:.0%} of the time, and {where} in "
            f"{typical.left:.0%}. Check whether the image is mirrored, y points up, x and y are exchanged, or left and "
            "right are exchanged in the names of the keypoints.",
        )
    ratio = _ratio(vitals.speed, typical.speed)
    caution = 1 + _FEW / len(others)
    spread = log_spread([other.speed for other in others])
    if abs(np.log(ratio)) > caution * max(np.log(_FASTER), _STANDARD_DEVIATIONS * spread):
        yield Suspicion(
            video,
            "frame rate",
            f"Animals exceed {vitals.speed:.2f} body lengths per second in 3% of the time, and {where} "
            f"{typical.speed:.2f} (ratio {ratio:.2f}). Check the frame rate.",
        )
    ratio = _ratio(vitals.body_length, typical.body_length)
    if max(ratio, 1 / ratio) > _LARGER:
        yield Suspicion(
            video,
            "size",
            f"The distance from head to tail base is {vitals.body_length:.3g}, and {where} {typical.body_length:.3g} "
            f"(ratio {ratio:.2g}). Check that camera and unit are the same.",
        )
    if landmarks := _differing_landmarks(vitals, typical):
        distances = ", ".join(_compare_distance(name, vitals, typical) for name in landmarks[:3])
        yield Suspicion(
            video,
            "proportions",
            "Landmarks lie at other distances from the centre of the body than in the other recordings (in brackets, "
            f"all in body lengths): {distances}. Check the names of the keypoints, and that the species is the same.",
        )


def check_against_pretraining(video: str, vitals: Vitals, pretraining: Vitals) -> Iterator[Suspicion]:
    """Apply the rules that compare a recording with those that an encoder was pretrained on.

    Sizes are not compared: an encoder sees bodies scaled to unit length.

    Args:
        video: id of the recording.
        vitals: measurements of the recording.
        pretraining: median measurements of the recordings that the encoder was pretrained on.
    """
    differences = [
        f"{_compare_distance(name, vitals, pretraining)} body lengths from the centre"
        for name in _differing_landmarks(vitals, pretraining)[:3]
    ]
    ratio = _ratio(vitals.speed, pretraining.speed)
    if max(ratio, 1 / ratio) > _OTHER_SPEED:
        differences.append(
            f"speed exceeded in 3% of the time {vitals.speed:.2f} ({pretraining.speed:.2f}) body lengths per second"
        )
    if differences:
        yield Suspicion(
            video,
            "strange to the encoder",
            "The recording differs from those that the encoder was pretrained on (in brackets): "
            f"{', '.join(differences)}. Check that it shows the same species, and that keypoints of the same name lie "
            "on the same place of the body.",
        )


def _ratio(value: float, typical: float) -> float:
    """The ratio of two positive numbers; else NaN, for which no comparison is true."""
    return value / typical if value > 0 and typical > 0 else np.nan


def _is_turned(vitals: Vitals, typical: Vitals) -> bool:
    """Return whether the box fits the typical one with x and y exchanged, and does not fit it as it is."""
    box, typical_box = np.array(vitals.box), np.array(typical.box)
    distance, exchanged_distance = (np.abs(box - other).max() for other in (typical_box, typical_box[[1, 0, 3, 2]]))
    longest_side = np.ptp(typical_box.reshape(2, 2), axis=0).max()
    return bool(distance > 0.25 * longest_side and exchanged_distance < distance / 2)


def _is_other_side(left: float, typical: float) -> bool:
    return (left < 1 - _SIDE and typical > _SIDE) or (left > _SIDE and typical < 1 - _SIDE)


def _differing_landmarks(vitals: Vitals, typical: Vitals) -> list[str]:
    """Landmarks whose distance from the centre differs, the largest difference first."""
    shared = [
        name for name, distance in typical.proportions.items() if distance > _NEAR_CENTRE and name in vitals.proportions
    ]
    ratios = {name: vitals.proportions[name] / typical.proportions[name] for name in shared}
    differences = {name: max(ratio, 1 / max(ratio, 1e-3)) for name, ratio in ratios.items()}
    differing = [name for name, difference in differences.items() if difference > _OTHER_BODY]
    return sorted(differing, key=lambda name: -differences[name])


def _compare_distance(landmark: str, vitals: Vitals, typical: Vitals) -> str:
    return f"{landmark} {vitals.proportions[landmark]:.2f} ({typical.proportions[landmark]:.2f})"


def _describe_box(vitals: Vitals) -> str:
    left, top, right, bottom = vitals.box
    return f"x {left:.0f} to {right:.0f} and y {top:.0f} to {bottom:.0f}"
