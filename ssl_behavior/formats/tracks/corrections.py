"""Poses that a person set beside predictions: a correction takes the place of the prediction that it corrects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

_NEAR = 0.5
"""A pose set by hand that lies this close to a prediction, in its own size, corrects it."""


@dataclass(frozen=True, eq=False)
class Instance:
    """The pose of one animal in one frame.

    Attributes:
        frame: number of the frame.
        points: (node, x y score) float32; NaN where unseen, and the score of a pose that a person set.
        track: number of its track; None without one.
        by_hand: a person set it.
        corrects: the prediction that it was made from.
        score: of the whole instance.
    """

    frame: int
    points: np.ndarray
    track: int | None = None
    by_hand: bool = False
    corrects: Instance | None = None
    score: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Tell whether no keypoint is seen."""
        return not np.isfinite(self.points[:, 0]).any()


def corrected(by_frame: Mapping[int, Sequence[Instance]]) -> tuple[dict[int, list[Instance]], int]:
    """Return the instances of each frame without the predictions that a person corrected, and the number of these.

    Frames in which nothing is seen are left out. A correction has the place, and where it has none the track, of its
    prediction.

    Args:
        by_frame: frame -> instances in the order of the file.
    """
    animals = 0
    for instances in by_frame.values():
        by_hand = sum(instance.by_hand for instance in instances)
        animals = max(animals, by_hand, len(instances) - by_hand)
    count, kept = 0, {}
    for frame, instances in by_frame.items():
        remaining, number = _of_frame(instances, animals)
        count += number
        if seen := [instance for instance in remaining if not instance.is_empty]:
            kept[frame] = seen
    return kept, count


def _of_frame(instances: Sequence[Instance], animals: int) -> tuple[list[Instance], int]:
    remaining = list(instances)
    by_hand = [instance for instance in instances if instance.by_hand]
    if not by_hand or len(by_hand) == len(instances):
        return remaining, 0
    count = 0
    # Stated corrections come first, so that no guess takes a prediction away from them.
    for choose in (_stated, _of_same_track, _nearest):
        for instance in [one for one in by_hand if one in remaining]:
            predictions = [one for one in remaining if not one.by_hand]
            prediction = choose(instance, predictions, len(remaining) > animals)
            if prediction is None:
                continue
            by_hand.remove(instance)
            remaining.remove(instance)
            track = prediction.track if instance.track is None else instance.track
            remaining[remaining.index(prediction)] = replace(instance, track=track)
            count += 1
    return remaining, count


def _stated(instance: Instance, predictions: Sequence[Instance], crowded: bool) -> Instance | None:
    return instance.corrects if instance.corrects in predictions else None


def _of_same_track(instance: Instance, predictions: Sequence[Instance], crowded: bool) -> Instance | None:
    same = (one for one in predictions if one.track is not None and one.track == instance.track)
    return next(same, None)


def _nearest(instance: Instance, predictions: Sequence[Instance], crowded: bool) -> Instance | None:
    """Return the prediction in whose place a pose without a track lies, or the nearest where there are too many."""
    open_ones = [one for one in predictions if instance.track is None or one.track is None]
    if not open_ones or instance.is_empty:
        return None
    distances = [_distance(instance, one) for one in open_ones]
    nearest = int(np.argmin(distances))
    xy = instance.points[:, :2]
    size = float(np.hypot(*(np.nanmax(xy, 0) - np.nanmin(xy, 0))))
    return open_ones[nearest] if crowded or distances[nearest] <= _NEAR * size else None


def _distance(a: Instance, b: Instance) -> float:
    """Return the mean distance of the keypoints that both show; infinite if there are none."""
    distances = np.hypot(*(a.points[:, :2] - b.points[:, :2]).T)
    return float(np.nanmean(distances)) if np.isfinite(distances).any() else float("inf")
