"""Labels that do not lie where the behaviour is: by how much to shift them so that they tell most of the kinematics."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.labels import UNSCORED

LONGEST_S = 10.0
"""Shifts that are looked at, to either side."""
SUSPICIOUS_S = 0.45
"""Shift from which on people's own reaction times and tastes explain it no longer."""
_LEAST_TOLD = 0.02
"""Share of the kinematics' variance that labels must tell at their best for a shift to be spoken of."""
_BETTER = 1.03
_LEAST_S = 30.0
"""Scored seconds below which nothing is said."""


def best_shift(poses: Poses, labels: np.ndarray) -> float | None:
    """Seconds by which the labels come too late (too early below 0); None where that cannot be told.

    Args:
        poses: of two animals or more; the first two are looked at.
        labels: (time,) at the poses' frames, -1 unscored.
    """
    told = told_by_shift(poses, labels)
    middle, best = len(told) // 2, int(told.argmax())
    if told[best] < _LEAST_TOLD or told[best] < _BETTER * told[middle] or best in (0, len(told) - 1):
        return None if told[best] < _LEAST_TOLD else 0.0
    return (middle - best) / poses.frame_rate


def told_by_shift(poses: Poses, labels: np.ndarray) -> np.ndarray:
    """(shift,) share of the variance of simple kinematics that labels tell, if kinematics of later frames are theirs.

    Shifts are frames from -``LONGEST_S`` to ``LONGEST_S``; labels that come too late fit kinematics of earlier frames.
    """
    values = _kinematics(poses)
    known = ~np.isnan(values)
    values = np.where(known, values, 0.0)
    present = np.unique(labels[labels != UNSCORED])
    longest = min(round(LONGEST_S * poses.frame_rate), len(labels) - 1)
    if (labels != UNSCORED).sum() < _LEAST_S * poses.frame_rate or len(present) < 2:
        return np.zeros(2 * longest + 1)
    is_label = (labels[:, None] == present).astype(np.float64)
    return np.array([_told(values, known, is_label, shift) for shift in range(-longest, longest + 1)])


def _told(values: np.ndarray, known: np.ndarray, is_label: np.ndarray, shift: int) -> float:
    """Share of the variance between behaviours, the mean over kinematics, each of variance 1."""
    time = len(values)
    of_values, of_labels = slice(max(0, shift), time + min(0, shift)), slice(max(0, -shift), time + min(0, -shift))
    labels, seen = is_label[of_labels], known[of_values]
    counts = labels.T @ seen
    sums = labels.T @ values[of_values]
    total = np.maximum(counts.sum(0), 1)
    means, mean = sums / np.maximum(counts, 1), sums.sum(0) / total
    return float((counts * np.square(means - mean)).sum(0).dot(1 / total) / values.shape[1])


def _kinematics(poses: Poses) -> np.ndarray:
    """(time, feature) of mean 0 and deviation 1, NaN where unknown: distance, speeds, and who faces whom."""
    pair = poses.pairs()[0]
    centre, heading = poses.centre[:, pair], poses.heading[:, pair]
    moved = np.full_like(centre, np.nan)
    moved[1:-1] = (centre[2:] - centre[:-2]) * (poses.frame_rate / 2)
    speed = np.linalg.norm(moved, axis=-1)
    offset = centre[:, 1] - centre[:, 0]
    distance = np.linalg.norm(offset, axis=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        toward = offset / distance[:, None]
        columns: Sequence[np.ndarray] = [
            np.log(distance + 0.1),
            np.log(speed.max(1) + 0.1),
            np.log(speed.min(1) + 0.1),
            (heading[:, 0] * toward).sum(-1),
            -(heading[:, 1] * toward).sum(-1),
            (heading[:, 0] * heading[:, 1]).sum(-1),
        ]
        values = np.stack(columns, axis=1).astype(np.float64)
        deviation = np.nanstd(values, axis=0)
        return (values - np.nanmean(values, axis=0)) / np.where(deviation > 0, deviation, np.nan)
