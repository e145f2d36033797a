"""Poses with a label per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.poses.prepare import Poses
from ssl_behavior.recordings.labels import scored_frames


def behaviour_counts(videos: Sequence[LabelledPoses], behaviours: int) -> np.ndarray:
    """(video, behaviour) int64: scored frames of each behaviour in each video."""
    return np.stack([scored_frames(video.labels, behaviours) for video in videos])


def shares(videos: Sequence[LabelledPoses], behaviours: Sequence[str]) -> str:
    """How much of the scored frames each behaviour has, to print."""
    counts = behaviour_counts(videos, len(behaviours)).sum(0)
    return ", ".join(f"{name} {count / counts.sum():.1%}" for name, count in zip(behaviours, counts, strict=True))


@dataclass(frozen=True, eq=False)
class LabelledPoses:
    """Poses with a label per frame (time,), -1 unscored, and the ordered pairs the labels speak of."""

    poses: Poses
    labels: np.ndarray
    pairs: tuple[tuple[int, int], ...]


def labelled_pairs(poses: Poses, pair: tuple[str, str] | None) -> tuple[tuple[int, int], ...]:
    """The ordered pairs that labels speak of: the named one, or all where they hold for the whole group.

    Where tracks name the animals otherwise than the annotations did, the first is the agent and the second the target.
    """
    if pair is None:
        return tuple(poses.pairs())
    if set(pair) <= set(poses.individuals):
        return ((poses.individuals.index(pair[0]), poses.individuals.index(pair[1])),)
    return (poses.pairs()[0],)


def frequencies(videos: Sequence[LabelledPoses], behaviours: int) -> np.ndarray:
    """(behaviour,) share of each behaviour among the scored frames."""
    counts = scored_frames(np.concatenate([video.labels for video in videos]), behaviours)
    return counts / counts.sum()
