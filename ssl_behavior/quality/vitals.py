"""What is measured of a recording to tell whether something is wrong with it: few numbers that differ little."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.poses import Poses

_STEP_S = 0.7
"""Over which speeds are taken: longer than the tracker's noise, shorter than a run."""
_MOVING = 1.0
"""Body lengths a second at which an animal goes somewhere."""
_ENOUGH = 100
"""Recordings that tell what is usual."""
_LEAST_S, _LEAST_SPEED_S, _LEAST_MOVING_S = 60.0, 180.0, 2.0
"""Seconds of animals' time that a number must be of."""


@dataclass(frozen=True)
class Vitals:
    """Of one recording, or what is usual in many; NaN what is not known.

    Attributes:
        body_length: in the recording's unit.
        box: left, top, right and bottom of where the animals are, in the recording's unit.
        speed: body lengths a second that animals seldom exceed (in three hundredths of the time).
        forward: mean cosine between where a moving animal heads and where it goes; 1 is straight ahead.
        left: share of the time in which what is called left lies to the left of the body, as cameras above see it.
        proportions: landmark -> its median distance from the animal's centre, in body lengths.
    """

    body_length: float
    box: tuple[float, ...]
    speed: float
    forward: float
    left: float
    proportions: Mapping[str, float]


def vitals(poses: Poses, landmarks: Sequence[str]) -> Vitals:
    """Measure one recording, prepared with these landmarks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of what is never seen
        speed, forward = _motion(poses)
        box = _box(poses)
        away = np.nanmedian(np.linalg.norm(poses.positions - poses.centre[:, :, None], axis=-1), axis=(0, 1))
    return Vitals(
        poses.body_length,
        box,
        speed,
        forward,
        _left(poses, landmarks),
        dict(zip(landmarks, away.tolist(), strict=True)),
    )


_PLAIN = ("body_length", "speed", "forward", "left")


def median(found: Sequence[Vitals]) -> Vitals:
    """What is usual in recordings: the median of each number, of those that know it."""
    names = dict.fromkeys(name for one in found for name in one.proportions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        plain = {name: float(np.nanmedian([getattr(one, name) for one in found])) for name in _PLAIN}
        box = tuple(np.nanmedian([one.box for one in found], axis=0).tolist())
        away = {name: float(np.nanmedian([one.proportions.get(name, np.nan) for one in found])) for name in names}
    return Vitals(box=box, proportions=away, **plain)


def spread(values: Sequence[float]) -> float:
    """Standard deviation of the logarithms, from their median distance, which a few odd ones do not change."""
    logs = np.log([one for one in values if one > 0])
    return float(1.4826 * np.median(np.abs(logs - np.median(logs)))) if len(logs) else np.nan


def usual(poses: Sequence[Poses], landmarks: Sequence[str]) -> Vitals:
    """The median of recordings, or of some of them where they are many."""
    return median([vitals(one, landmarks) for one in poses[:: math.ceil(len(poses) / _ENOUGH)]])


def _box(poses: Poses) -> tuple[float, ...]:
    """``box``, without the outermost hundredth of the time."""
    if not _is_enough(~np.isnan(poses.centre[..., 0]), poses, _LEAST_S):
        return (np.nan,) * 4
    low, high = np.nanquantile(poses.centre, [0.005, 0.995], axis=(0, 1)) * poses.body_length
    return tuple(np.concatenate([low, high]).tolist())


def _motion(poses: Poses) -> tuple[float, float]:
    """``speed`` and ``forward``."""
    half = max(1, round(_STEP_S / 2 * poses.frame_rate))
    moved = (poses.centre[2 * half :] - poses.centre[: -2 * half]) * (poses.frame_rate / (2 * half))
    speed = np.linalg.norm(moved, axis=-1)
    moving = speed > _MOVING
    ahead = (poses.heading[half:-half] * moved).sum(-1)[moving] / speed[moving]
    fastest = np.nanquantile(speed, 0.97) if _is_enough(~np.isnan(speed), poses, _LEAST_SPEED_S) else np.nan
    return float(fastest), float(np.mean(ahead)) if _is_enough(moving, poses, _LEAST_MOVING_S) else np.nan


def _left(poses: Poses, landmarks: Sequence[str]) -> float:
    """``left``: in an image x goes to the right and y down, so that left of a heading (x, y) is (y, -x)."""
    pairs = [(i, j) for i, j in enumerate(mirror(landmarks)) if i != j and "left" in landmarks[i].split()]
    shares = []
    for left, right in pairs:
        across = poses.positions[:, :, left] - poses.positions[:, :, right]
        side = across[..., 0] * poses.heading[..., 1] - across[..., 1] * poses.heading[..., 0]
        known = ~np.isnan(side)
        if _is_enough(known, poses, _LEAST_MOVING_S):
            shares.append(float((side[known] > 0).mean()))
    return float(np.median(shares)) if shares else np.nan


def _is_enough(known: np.ndarray, poses: Poses, seconds: float) -> bool:
    return bool(known.sum() >= seconds * poses.frame_rate)
