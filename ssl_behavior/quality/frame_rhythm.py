"""Frames that are repeated or missing at regular intervals, so that the steps between frames have a rhythm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssl_behavior.quality.fast_arrays import middle

_PERIODS = range(2, 31)
_LEAST_STEP = 0.005
"""Steps are compared while an animal moves by this many body lengths per frame; less is the noise of a tracker."""
_REACH = 3
"""Frames before and after a step, from which the step is expected."""
_LEAST_STEPS = 12
_LONGEST = 4.0
"""Steps that are longer than this many times the expected one are counted as so long: trackers' errors are longer."""


class Rhythm(NamedTuple):
    """The most conspicuous rhythm of the steps of a recording.

    Attributes:
        period: one step in so many differs from the others.
        ratio: its length relative to the others: 0 if frames are repeated, 2 if one frame is missing.
        z: difference of the two lengths in standard errors, less where these are those of few steps.
    """

    period: int
    ratio: float
    z: float


def find_rhythm(tracks: np.ndarray) -> Rhythm:
    """Look for steps between two frames that differ from the others at regular intervals.

    A step is measured along the movement of the frames around it, where the noise of a tracker and the key frames of a
    compressed video, which move keypoints in any direction, change its mean little.

    Args:
        tracks: (keypoint, time, individual, 2) in body lengths, NaN where unseen; at most three keypoints.
    """
    lengths, frames = _relative_steps(tracks)
    # Sums over the animals in each frame, which are then added up by their place in the period.
    by_frame = [np.bincount(frames, weights=power) for power in (np.ones_like(lengths), lengths, lengths**2)]
    # One row per place in a period, of all periods.
    counts, sums, squares = (np.concatenate([_fold(values, period) for period in _PERIODS]) for values in by_frame)
    others = [
        np.repeat(values.sum(), len(counts)) - part
        for values, part in zip(by_frame, (counts, sums, squares), strict=True)
    ]
    means, errors = _moments(counts, sums, squares)
    other_means, other_errors = _moments(*others)
    z = (means - other_means) / np.sqrt(np.maximum(errors + other_errors, 1e-6))
    z = _normal(z, counts - 1)
    z[(counts < _LEAST_STEPS) | (others[0] < _LEAST_STEPS)] = 0.0
    best = int(np.abs(z).argmax())
    period = int(np.repeat(_PERIODS, _PERIODS)[best])
    return Rhythm(period, float(means[best] / max(other_means[best], 1e-3)), float(z[best]))


def _relative_steps(tracks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps of fast animals relative to the steps around them, and the frame before each step."""
    if tracks.shape[1] < 4 * _REACH:
        return np.zeros(0), np.zeros(0, int)
    step = middle(np.diff(tracks, axis=1)[:, _REACH:-_REACH])
    around = middle(tracks[:, 2 * _REACH + 1 :] - tracks[:, : -2 * _REACH - 1]) - step
    squares = around[..., 0] ** 2 + around[..., 1] ** 2
    at = squares > (2 * _REACH * _LEAST_STEP) ** 2  # not where an animal is unseen
    along = 2 * _REACH * (step[at] * around[at]).sum(-1) / squares[at]
    return np.clip(along, -1.0, _LONGEST).astype(np.float64), np.nonzero(at)[0] + _REACH


def _fold(values: np.ndarray, period: int) -> np.ndarray:
    """Sum of all values at each place in the period: (period,)."""
    whole = len(values) // period * period
    # As a sum over the first dimension, which takes ten times as long.
    folded = np.ones(whole // period) @ values[:whole].reshape(-1, period)
    folded[: len(values) - whole] += values[whole:]
    return folded


def _normal(t: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Return values of Student's t as those of a normal distribution that are as rare, after Wallace (1959).

    The spread of a dozen steps is small by chance at some of the hundreds of places that are looked at.
    """
    freedom = np.maximum(freedom, 1)
    size = np.sqrt(freedom * np.log1p(t**2 / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return np.copysign(size, t)


def _moments(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means, and the squares of their standard errors."""
    counts = np.maximum(counts, 1)
    means = sums / counts
    return means, np.maximum(squares / counts - means**2, 0.0) / counts
