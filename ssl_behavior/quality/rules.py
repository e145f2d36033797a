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

from ssl_behavior.quality.comparisons import (
    compare_distance,
    describe_box,
    differing_landmarks,
    is_other_side,
    is_turned,
    ratio_of,
)
from ssl_behavior.quality.vitals import Vitals, log_spread, median_vitals

Kind = Literal[
    "turned",
    "mirrored",
    "sides mixed",
    "backwards",
    "frame rate",
    "size",
    "proportions",
    "same track",
    "frozen",
    "jump",
    "frames repeated",
    "frames missing",
    "exchanged",
    "shifted labels",
    "unrelated labels",
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
_FASTER, _LARGER = 1.27, 1.5
"""Ratios to the typical recording above which a speed and a body length are suspicious."""
_STANDARD_DEVIATIONS = 2.0
"""Speeds vary between sound recordings: a suspicious one differs by so many standard deviations too."""
_FEW = 3
"""With so many other recordings the median is unsure, and the threshold of a speed doubles."""
OTHER_PACE = 3.0
"""Standard deviations of the pace between sound recordings above which a frame rate is suspicious."""
_MIXED = 0.7
"""Share of the time below which a landmark keeps to no side."""
_BODY_LENGTHS = {"mm": (40.0, 160.0), "cm": (4.0, 16.0), "m": (0.04, 0.16), "px": (2.0, 4000.0)}
"""Distance from head to tail base of a mouse or a rat, by unit. Pixels have limits too: coordinates from 0 to 1 are
none."""


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
            "Check the unit and the size of a pixel.",
        )


def check_against_others(video: str, vitals: Vitals, others: Sequence[Vitals]) -> Iterator[Suspicion]:
    """Apply the rules that compare a recording with the others.

    Args:
        video: id of the recording.
        vitals: measurements of the recording.
        others: measurements of three or more other recordings.
    """
    typical, where = median_vitals(others), "in the other recordings"
    yield from check_orientation(video, vitals, typical, where)
    yield from _check_frame_rate(video, vitals, others, typical)
    ratio = ratio_of(vitals.body_length, typical.body_length)
    if max(ratio, 1 / ratio) > _LARGER:
        yield Suspicion(
            video,
            "size",
            f"The distance from head to tail base is {vitals.body_length:.3g}, and {where} {typical.body_length:.3g} "
            f"(ratio {ratio:.2g}). Check that camera and unit are the same.",
        )
    if landmarks := differing_landmarks(vitals, typical):
        distances = ", ".join(compare_distance(name, vitals, typical) for name in landmarks[:3])
        yield Suspicion(
            video,
            "proportions",
            "Landmarks lie at other distances from the centre of the body than in the other recordings (in brackets, "
            f"all in body lengths): {distances}. Check the names of the keypoints, and that the species is the same.",
        )


def check_orientation(video: str, vitals: Vitals, typical: Vitals, where: str) -> Iterator[Suspicion]:
    """Apply the rules for exchanged axes and mirrored images.

    Args:
        video: id of the recording.
        vitals: measurements of the recording.
        typical: median measurements of others, in the same unit.
        where: words for the others, such as "in the other recordings".
    """
    if is_turned(vitals, typical):
        yield Suspicion(
            video,
            "turned",
            f"Animals stay within {describe_box(vitals)}, and {where} within {describe_box(typical)}. Check whether "
            "x and y are exchanged.",
        )
    if is_other_side(vitals.left, typical.left):
        yield Suspicion(
            video,
            "mirrored",
            f"Left landmarks lie to the left of the body in {vitals.left:.0%} of the time, and {where} in "
            f"{typical.left:.0%}. Check whether the image is mirrored, y points up, x and y are exchanged, or left and "
            "right are exchanged in the names of the keypoints.",
        )


def _check_frame_rate(video: str, vitals: Vitals, others: Sequence[Vitals], typical: Vitals) -> Iterator[Suspicion]:
    """Compare a high speed, which a large error of the frame rate changes, and the pace, which a smaller one does."""
    ratio = ratio_of(vitals.speed, typical.speed)
    spread = log_spread([other.speed for other in others])
    caution = 1 + _FEW / len(others)
    if abs(np.log(ratio)) > caution * max(np.log(_FASTER), _STANDARD_DEVIATIONS * spread):
        yield Suspicion(
            video,
            "frame rate",
            f"Animals exceed {vitals.speed:.2f} body lengths per second in 3% of the time, and in the other recordings "
            f"{typical.speed:.2f} (ratio {ratio:.2f}). Check the frame rate.",
        )
    elif vitals.speeds is not None and typical.pace is not None:
        estimate, deviation = typical.pace.of(vitals.speeds), typical.pace.deviation
        if abs(estimate) > OTHER_PACE * deviation:
            yield Suspicion(
                video,
                "frame rate",
                f"All that animals do looks {np.exp(abs(estimate)):.1f} times {'faster' if estimate > 0 else 'slower'} "
                f"than in the other recordings ({abs(estimate) / deviation:.1f} standard deviations). Check the "
                "frame rate.",
            )
