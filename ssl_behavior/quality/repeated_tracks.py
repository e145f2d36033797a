"""Tracks that repeat: frozen frames, and two individuals with one track."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ssl_behavior.quality.fast_arrays import middle, runs

_FROZEN_S, _FROZEN_INDIVIDUAL_S, _FEW_POINTS_S = 1.0, 2.0, 10.0
"""Shortest stretch of equal frames that is suspicious: of all animals, of one, and where few keypoints are seen. A
tracker that rounds may give a sleeping animal the same position again, but not all its keypoints."""
_FEW_POINTS = 4
_SAME = 0.02
"""Distance in body lengths between keypoints, along x and y, below which two animals are in one place."""
_LEAST_SHARED_S = 10.0


class Repeats:
    """Frames in which animals are exactly where they were in the frame before.

    Args:
        positions: (time, individual, keypoint, space) float32 in any unit, NaN where unseen.
        frame_rate: Hz.
    """

    def __init__(self, positions: np.ndarray, frame_rate: float) -> None:
        # Compared as integers, NaN equals NaN.
        bits = np.ascontiguousarray(positions).view(np.int32).reshape(*positions.shape[:2], -1)
        self.frame_rate = frame_rate
        # One coordinate after the other is ten times as fast as one reduction over the short last axis.
        self.is_equal = np.logical_and.reduce([bits[1:, :, i] == bits[:-1, :, i] for i in range(bits.shape[2])])
        """(time - 1, individual), for every frame but the first; True too where an animal is unseen in both."""
        self.points = sum(np.isfinite(positions[1:, :, i, 0]).astype(np.int16) for i in range(positions.shape[2]))
        """(time - 1, individual) number of keypoints that are seen."""
        self.all_still = self.is_equal.all(1) & (self.points.sum(1) > 0)
        """(time - 1,) whether the frame is a copy of the one before."""

    def share(self) -> float:
        """Return the share of the frames with seen animals that are copies of the frame before."""
        return float(self.all_still.sum() / max((self.points.sum(1) > 0).sum(), 1))

    def frozen(self) -> list[tuple[int, int, tuple[int, ...]]]:
        """Find stretches in which animals stay exactly in one place.

        Returns:
            First frame, the frame after the last, and the animals that are frozen; first the stretches of all animals.
        """
        animals = range(self.is_equal.shape[1])
        found = [(*run, tuple(animals)) for run in self._long_runs(self.all_still, self.points.sum(1), _FROZEN_S)]
        for animal in animals if len(animals) > 1 else ():
            alone = self.is_equal[:, animal] & (self.points[:, animal] > 0) & ~self.all_still
            found += [(*run, (animal,)) for run in self._long_runs(alone, self.points[:, animal], _FROZEN_INDIVIDUAL_S)]
        return found

    def _long_runs(self, is_still: np.ndarray, points: np.ndarray, seconds: float) -> list[tuple[int, int]]:
        longer = round(_FEW_POINTS_S * self.frame_rate)
        return [
            (start, stop + 1)
            for start, stop in runs(is_still, max(2, round(seconds * self.frame_rate)))
            if points[start] >= _FEW_POINTS or stop - start >= longer
        ]


def share_of_same_track(tracks: np.ndarray, frame_rate: float) -> tuple[float, tuple[int, int]]:
    """Return the largest share of the time that two animals spend in one place, and these animals.

    Args:
        tracks: (keypoint, time, individual, 2) in body lengths, NaN where unseen; at most three keypoints.
        frame_rate: Hz.

    Returns:
        The share of the frames in which both are seen, and the two animals; 0 where no two are seen together.
    """
    best = (0.0, (0, 0))
    for first, second in combinations(range(tracks.shape[2]), 2):
        distance = middle(np.maximum(*np.moveaxis(np.abs(tracks[:, :, first] - tracks[:, :, second]), -1, 0)))
        both = ~np.isnan(distance)
        if both.sum() >= _LEAST_SHARED_S * frame_rate:
            best = max(best, (float((distance[both] < _SAME).mean()), (first, second)))
    return best
