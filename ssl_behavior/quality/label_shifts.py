"""Labels that are shifted in time: the shift at which they explain most of the animals' movement."""

from __future__ import annotations

import numpy as np

from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.kinematics import kinematics
from ssl_behavior.recordings.labels import UNSCORED

LONGEST_S = 10.0
"""Longest shift that is tried, in either direction."""
SUSPICIOUS_S = 0.45
"""Shortest shift that people's reaction times and habits do not explain."""
SUSPICIOUS_LONE_S = 0.8
"""The same for a lone animal, whose movement changes half a second before people name another behaviour."""
_LEAST_EXPLAINED = 0.02
"""Share of the variance that labels must explain at their best shift; random labels stay below."""
_BETTER = 1.03
"""Ratio by which the best shift must explain more than no shift."""
_LEAST_S = 30.0
"""Seconds of scored frames below which no shift can be estimated."""


def best_shift(poses: Poses, labels: np.ndarray) -> float | None:
    """Estimate by how much labels are late.

    Args:
        poses: a prepared recording.
        labels: (time,) labels at the frames of the poses, -1 where unscored.

    Returns:
        Seconds by which the labels come too late, negative if too early; None if they do not explain the movement.
    """
    explained = explained_by_shift(poses, labels)
    middle, best = len(explained) // 2, int(explained.argmax())
    if explained[best] < _LEAST_EXPLAINED:
        return None
    # At either end the true maximum may lie beyond, so it says nothing of the shift.
    if explained[best] < _BETTER * explained[middle] or best in (0, len(explained) - 1):
        return 0.0
    return (middle - best) / poses.frame_rate


def explained_by_shift(poses: Poses, labels: np.ndarray) -> np.ndarray:
    """Compute how much of the movement labels explain, for every shift.

    Args:
        poses: as in ``best_shift``.
        labels: as in ``best_shift``.

    Returns:
        (shift,) share of the variance of simple kinematics between behaviours, for shifts from -``LONGEST_S`` to
        ``LONGEST_S`` in frames. A positive shift compares labels with the kinematics of later frames, so labels that
        come too late have their maximum at a negative one. All zeros if there are too few scored frames or behaviours.
    """
    values = kinematics(poses)
    is_tracked = ~np.isnan(values)
    values = np.where(is_tracked, values, 0.0)
    present = np.unique(labels[labels != UNSCORED])
    longest = min(round(LONGEST_S * poses.frame_rate), len(labels) - 1)
    if (labels != UNSCORED).sum() < _LEAST_S * poses.frame_rate or len(present) < 2:
        return np.zeros(2 * longest + 1)
    is_label = (labels[:, None] == present).astype(np.float64)
    return np.array([_explained(values, is_tracked, is_label, shift) for shift in range(-longest, longest + 1)])


def _explained(values: np.ndarray, is_tracked: np.ndarray, is_label: np.ndarray, shift: int) -> float:
    """Share of the variance between behaviours, averaged over the kinematics, each of which has variance 1."""
    time = len(values)
    of_values, of_labels = slice(max(0, shift), time + min(0, shift)), slice(max(0, -shift), time + min(0, -shift))
    labels, tracked = is_label[of_labels], is_tracked[of_values]
    counts = labels.T @ tracked
    sums = labels.T @ values[of_values]
    total = np.maximum(counts.sum(0), 1)
    means, mean = sums / np.maximum(counts, 1), sums.sum(0) / total
    return float((counts * np.square(means - mean)).sum(0).dot(1 / total) / values.shape[1])
