"""Suspicions that something is wrong with a recording that no error tells of: each with its evidence.

What a mouse can and cannot do is known; what cameras and trackers of a lab do is told by its other recordings. How
often which fault is seen, and how often there is none, is measured (``experiments/checks``).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ssl_behavior.errors import some
from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.identity_swaps import exchanges
from ssl_behavior.quality.label_shifts import SUSPICIOUS_S, best_shift
from ssl_behavior.quality.vitals import Vitals, median, spread, vitals

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
    """What may be wrong with a recording.

    Attributes:
        video: its id.
        kind: of fault, a word or two.
        told: the evidence, and what to look at, in a sentence.
        frames: of the recording, where it shows; none where it shows everywhere.
    """

    video: str
    kind: Kind
    told: str
    frames: tuple[int, ...] = ()


FEWEST = 3
"""Other recordings from which on one is held against them."""
_FASTER, _LARGER, _OTHER_BODY = 1.27, 1.5, 1.5
"""Ratios to what is usual from which on a speed, a body length or a landmark's distance is suspicious."""
_BEYOND, _FEW = 2.0, 3
"""Standard deviations of speeds within which they are like the others, and how many others tell half of these."""
_OTHER_SPEED = 2.0
"""Ratio to the speed in what an encoder was pretrained on, which other mice in other arenas may well differ from."""
_SMALLEST = 0.15
"""Body lengths from the centre below which a landmark's distance says nothing."""
_SIDE, _MIXED = 0.8, 0.7
_LENGTHS = {"mm": (40.0, 160.0), "cm": (4.0, 16.0), "m": (0.04, 0.16)}
"""From head to tail base, of a mouse or a rat."""


def impossible(video: str, found: Vitals, unit: str) -> Iterator[Suspicion]:
    """What is suspicious of a recording whatever others are like."""
    if found.forward < 0:
        yield Suspicion(
            video,
            "backwards",
            f"animals go backwards (mean cosine between heading and way {found.forward:.2f}, expected above 0): are "
            "nose and tail exchanged in the keypoints' names?",
        )
    if 1 - _MIXED < found.left < _MIXED:
        yield Suspicion(
            video,
            "sides mixed",
            f"what is called left lies to the left of the body in {found.left:.0%} of the time, and to the right in "
            "the rest: does the tracker exchange the sides?",
        )
    low, high = _LENGTHS.get(unit, (0.0, np.inf))
    if not low <= found.body_length <= high:
        yield Suspicion(
            video,
            "size",
            f"from head to tail base {found.body_length:.3g} {unit}, expected {low:g} to {high:g}: is the size of a "
            "pixel right?",
        )


def unlike(video: str, found: Vitals, others: Sequence[Vitals]) -> Iterator[Suspicion]:
    """What is suspicious of a recording beside others.

    Args:
        video: the recording's id.
        found: of it.
        others: of three other recordings or more.
    """
    usual, among = median(others), "in the others"
    if _turned(found, usual):
        yield Suspicion(
            video,
            "turned",
            f"animals are within {_place(found)} and {among} within {_place(usual)}: are x and y exchanged?",
        )
    if _is_other_side(found.left, usual.left):
        yield Suspicion(
            video,
            "mirrored",
            f"what is called left lies to the left of the body in {found.left:.0%} of the time, and {among} in "
            f"{usual.left:.0%}: is the image mirrored, does y go up, or are x and y or the sides' names exchanged?",
        )
    ratio = _ratio(found.speed, usual.speed)
    unsure = 1 + _FEW / len(others)
    if abs(np.log(ratio)) > unsure * max(np.log(_FASTER), _BEYOND * spread([one.speed for one in others])):
        yield Suspicion(
            video,
            "frame rate",
            f"animals exceed {found.speed:.2f} body lengths a second in three hundredths of the time, and {among} "
            f"{usual.speed:.2f}, {ratio:.2f} times that: is the frame rate right?",
        )
    ratio = _ratio(found.body_length, usual.body_length)
    if max(ratio, 1 / ratio) > _LARGER:
        yield Suspicion(
            video,
            "size",
            f"from head to tail base {found.body_length:.3g} and {among} {usual.body_length:.3g}, {ratio:.2g} times "
            "that: is it the same camera and unit?",
        )
    if other := _other_proportions(found, usual):
        told = ", ".join(f"{name} {found.proportions[name]:.2f} ({usual.proportions[name]:.2f})" for name in other[:3])
        yield Suspicion(
            video,
            "proportions",
            f"other distances from the body's centre than {among}, in body lengths: {told}: are the keypoints' names "
            "right, and is it the same species?",
        )


def strange(video: str, found: Vitals, known: Vitals) -> Iterator[Suspicion]:
    """What of a recording is unlike all that an encoder was pretrained on, in body lengths: size does not matter to it.

    Args:
        video: the recording's id.
        found: of it.
        known: the median of what the encoder was pretrained on.
    """
    told = [
        f"{name} {found.proportions[name]:.2f} ({known.proportions[name]:.2f}) body lengths from the centre"
        for name in _other_proportions(found, known)[:3]
    ]
    ratio = _ratio(found.speed, known.speed)
    if max(ratio, 1 / ratio) > _OTHER_SPEED:
        told.append(f"seldom exceeded speed {found.speed:.2f} ({known.speed:.2f}) body lengths a second")
    if told:
        yield Suspicion(
            video,
            "strange to the encoder",
            f"otherwise than in what the encoder was pretrained on (in brackets): {', '.join(told)}: is it the same "
            "species, and do the keypoints' names mean the same?",
        )


def _ratio(found: float, usual: float) -> float:
    """NaN where one of them is none."""
    return found / usual if found > 0 and usual > 0 else np.nan


def _turned(found: Vitals, usual: Vitals) -> bool:
    """Whether the box is where the usual one would be with x and y exchanged, and not where it is."""
    own, other = np.array(found.box), np.array(usual.box)
    apart, turned = (np.abs(own - one).max() for one in (other, other[[1, 0, 3, 2]]))
    return bool(apart > 0.25 * np.ptp(other.reshape(2, 2), axis=0).max() and turned < apart / 2)


def _is_other_side(found: float, usual: float) -> bool:
    return (found < 1 - _SIDE and usual > _SIDE) or (found > _SIDE and usual < 1 - _SIDE)


def _other_proportions(found: Vitals, usual: Vitals) -> list[str]:
    """Landmarks whose distance from the centre is another, the worst first."""
    both = [name for name, one in usual.proportions.items() if one > _SMALLEST and name in found.proportions]
    ratios = {name: found.proportions[name] / usual.proportions[name] for name in both}
    off = {name: max(one, 1 / max(one, 1e-3)) for name, one in ratios.items()}
    return sorted((name for name, one in off.items() if one > _OTHER_BODY), key=lambda name: -off[name])


def _place(one: Vitals) -> str:
    left, top, right, bottom = one.box
    return f"x {left:.0f} to {right:.0f} and y {top:.0f} to {bottom:.0f}"


class QualityInput(NamedTuple):
    """What is looked at of a recording: its poses, the unit of its coordinates, and labels (time,) if there are any."""

    poses: Poses
    unit: str
    labels: np.ndarray | None


def look(
    given: Sequence[QualityInput], landmarks: Sequence[str], known: Vitals | None = None
) -> list[tuple[Vitals, list[Suspicion]]]:
    """What is measured, and what is suspicious, of each of some recordings, beside the others.

    Args:
        given: the recordings; labels are at the poses' frames, -1 unscored.
        landmarks: that they were prepared with.
        known: the median of what an encoder that is to read them was pretrained on, where that is known.
    """
    measured = [vitals(one.poses, landmarks) for one in given]
    return [
        (found, suspicions(one, found, measured[:place] + measured[place + 1 :], known))
        for place, (one, found) in enumerate(zip(given, measured, strict=True))
    ]


def suspicions(
    one: QualityInput, found: Vitals, others: Sequence[Vitals], known: Vitals | None = None
) -> list[Suspicion]:
    """All that is suspicious of a recording, of which ``found`` is measured, beside others, if these are enough."""
    video = one.poses.id
    told = [*impossible(video, found, one.unit)]
    if len(others) >= FEWEST:
        told += unlike(video, found, others)
    if known is not None:
        told += strange(video, found, known)
    if frames := exchanges(one.poses):
        shown = ", ".join(map(str, frames[:5])) + (f" and {len(frames) - 5} more" if len(frames) > 5 else "")
        what = f"two animals jump to where the other one was at {'frame' if len(frames) == 1 else 'frames'} {shown}"
        told.append(Suspicion(video, "exchanged", f"{what}: are they exchanged from there on?", tuple(frames)))
    shift = None if one.labels is None or len(one.poses.individuals) < 2 else best_shift(one.poses, one.labels)
    if shift is not None and abs(shift) >= SUSPICIOUS_S:
        late = "late" if shift > 0 else "early"
        what = f"labels tell most of what the animals do if they are taken to come {abs(shift):.1f} s too {late}"
        told.append(Suspicion(video, "shifted labels", f"{what}: are they of this video, from its first frame on?"))
    return told


def print_warnings(
    given: Sequence[QualityInput], encoder: Path, landmarks: Sequence[str], known: Vitals | None
) -> None:
    """Say what is suspicious, for commands that go on all the same: a line for each kind.

    Args:
        given: as for ``look``, as are ``landmarks`` and ``known``.
        encoder: folder of what reads the recordings.
        landmarks: of it.
        known: to it.
    """
    videos: dict[str, list[str]] = {}
    for _, found in look(given, landmarks, known):
        for one in found:
            videos.setdefault(one.kind, []).append(one.video)
    for kind, names in videos.items():
        option = f" --encoder {shlex.quote(str(encoder))}" if kind == "strange to the encoder" else ""
        print(f"suspicious ({kind}): {some(names)}; ssl-behavior check{option} shows why")
