"""A few measurements of a recording that differ little between sound recordings of one kind.

Recordings with a silent error (swapped axes, a mirrored image, a wrong frame rate) stand out in one of them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssl_behavior.poses.landmarks import canonical, mirror
from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.fast_arrays import length
from ssl_behavior.quality.pace import Pace, Speeds, fit_pace, measure_speeds

_STEP_S = 0.7
"""Time over which speeds are measured: longer than the tracker's noise, shorter than a run."""
_MOVING = 1.0
"""Speed in body lengths per second above which an animal is walking, so that its direction of movement is reliable."""
_ENOUGH = 100
"""Recordings that are measured at most to learn what is typical; more would not change the median."""
_ENOUGH_FRAMES = 2000
"""Frames from which the shape of a body is measured; more would hardly change the median."""
_LEAST_S, _LEAST_SPEED_S, _LEAST_MOVING_S = 60.0, 180.0, 2.0
"""Seconds of data, summed over the animals, below which a measurement is NaN: for positions, for the rare high speeds,
and for directions, which vary little."""


@dataclass(frozen=True)
class Vitals:
    """Measurements of one recording, or the medians of many; NaN where there are too few data.

    Attributes:
        body_length: distance from head to tail base, in the recording's unit.
        box: left, top, right and bottom edge of the area that the animals use, in the recording's unit.
        speed: speed that animals exceed in 3 % of the time, in body lengths per second.
        forward: mean cosine of the angle between heading and movement of walking animals; 1 is straight ahead.
        left: share of the time in which left landmarks lie to the left of the body, seen by a camera above.
        proportions: landmark -> median distance from the animal's centre, in body lengths.
        individuals: numbers of individuals that occur; empty if not recorded.
        frame_rates: frame rates before resampling that occur, in Hz to a tenth; empty if not recorded.
        speeds: logarithms of many speeds, of one recording; None if it is too short.
        pace: how to estimate a wrong frame rate, of the medians of ten recordings or more; None otherwise.
    """

    body_length: float
    box: tuple[float, ...]
    speed: float
    forward: float
    left: float
    proportions: Mapping[str, float]
    individuals: tuple[int, ...] = ()
    frame_rates: tuple[float, ...] = ()
    speeds: Speeds | None = None
    pace: Pace | None = None


def measure_vitals(poses: Poses, landmarks: Sequence[str]) -> Vitals:
    """Measure one recording.

    Args:
        poses: the prepared recording.
        landmarks: landmarks that it was prepared with.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a landmark that is never seen has a median of NaN
        speed, forward = _measure_movement(poses)
        box = _measure_box(poses)
        spread = slice(None, None, max(1, len(poses.positions) // _ENOUGH_FRAMES))
        offsets = poses.positions[spread] - poses.centre[spread][:, :, None]
        distances = np.nanmedian(length(offsets), axis=(0, 1))
    return Vitals(
        poses.body_length,
        box,
        speed,
        forward,
        _measure_sides(poses, landmarks),
        dict(zip(landmarks, distances.tolist(), strict=True)),
        (len(poses.individuals),),
        (round(poses.native_rate, 1),),
        measure_speeds(poses),
    )


_NUMBERS = ("body_length", "speed", "forward", "left")


def median_vitals(measured: Sequence[Vitals]) -> Vitals:
    """The median of each measurement over the recordings in which it is not NaN."""
    landmarks = dict.fromkeys(name for vitals in measured for name in vitals.proportions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        numbers: dict[str, Any] = {
            name: float(np.nanmedian([getattr(vitals, name) for vitals in measured])) for name in _NUMBERS
        }
        box = tuple(np.nanmedian([vitals.box for vitals in measured], axis=0).tolist())
        proportions = {
            name: float(np.nanmedian([vitals.proportions.get(name, np.nan) for vitals in measured]))
            for name in landmarks
        }
    return Vitals(
        box=box,
        proportions=proportions,
        individuals=tuple(sorted({number for vitals in measured for number in vitals.individuals})),
        frame_rates=tuple(sorted({rate for vitals in measured for rate in vitals.frame_rates})),
        pace=fit_pace([vitals.speeds for vitals in measured]),
        **numbers,
    )


def log_spread(values: Sequence[float]) -> float:
    """Standard deviation of the logarithms of the positive values; NaN if there are none.

    It is estimated from the median absolute deviation, which a few odd recordings do not change.
    """
    logs = np.log([value for value in values if value > 0])
    # For normally distributed numbers, 1.4826 median absolute deviations are one standard deviation.
    return float(1.4826 * np.median(np.abs(logs - np.median(logs)))) if len(logs) else np.nan


def typical_vitals(recordings: Sequence[Poses], landmarks: Sequence[str]) -> Vitals:
    """The median measurements of recordings, or of a sample of them where there are many."""
    step = math.ceil(len(recordings) / _ENOUGH)
    measured = [measure_vitals(poses, landmarks) for poses in recordings[::step]]
    return replace(
        median_vitals(measured),
        # A rare number of individuals or frame rate must not be missed, and costs nothing to look up.
        individuals=tuple(sorted({len(poses.individuals) for poses in recordings})),
        frame_rates=tuple(sorted({round(poses.native_rate, 1) for poses in recordings})),
    )


def _measure_box(poses: Poses) -> tuple[float, ...]:
    """``Vitals.box``, without the outermost 0.5 % of the positions on each side, which are often tracking errors."""
    if not _is_enough(~np.isnan(poses.centre[..., 0]), poses, _LEAST_S):
        return (np.nan,) * 4
    low, high = np.nanquantile(poses.centre, [0.005, 0.995], axis=(0, 1)) * poses.body_length
    return tuple(np.concatenate([low, high]).tolist())


def _measure_movement(poses: Poses) -> tuple[float, float]:
    """``Vitals.speed`` and ``Vitals.forward``."""
    half = max(1, round(_STEP_S / 2 * poses.frame_rate))
    velocity = (poses.centre[2 * half :] - poses.centre[: -2 * half]) * (poses.frame_rate / (2 * half))
    speed = length(velocity)
    is_moving = speed > _MOVING
    cosines = (poses.heading[half:-half] * velocity).sum(-1)[is_moving] / speed[is_moving]
    exceeded = np.nanquantile(speed, 0.97) if _is_enough(~np.isnan(speed), poses, _LEAST_SPEED_S) else np.nan
    return float(exceeded), float(np.mean(cosines)) if _is_enough(is_moving, poses, _LEAST_MOVING_S) else np.nan


def _measure_sides(poses: Poses, landmarks: Sequence[str]) -> float:
    """``Vitals.left``, the median over the pairs of a left and a right landmark."""
    pairs = [(i, j) for i, j in enumerate(mirror(landmarks)) if i != j and "left" in canonical(landmarks[i])]
    shares = []
    for left, right in pairs:
        across = poses.positions[:, :, left] - poses.positions[:, :, right]
        # In an image y points down, so (y, -x) lies to the left of a heading (x, y).
        side = across[..., 0] * poses.heading[..., 1] - across[..., 1] * poses.heading[..., 0]
        is_tracked = ~np.isnan(side)
        if _is_enough(is_tracked, poses, _LEAST_MOVING_S):
            shares.append(float((side[is_tracked] > 0).mean()))
    return float(np.median(shares)) if shares else np.nan


def _is_enough(is_tracked: np.ndarray, poses: Poses, seconds: float) -> bool:
    return bool(is_tracked.sum() >= seconds * poses.frame_rate)
