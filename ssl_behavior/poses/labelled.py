"""Poses with labels, on which models are trained and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.labels import scored_frames


@dataclass(frozen=True, eq=False)
class LabelledPoses:
    """Poses of one video with a label per frame; a video in which several pairs are labelled has one for each.

    Attributes:
        poses: poses of the video.
        labels: (time,) int, -1 where unscored.
        pairs: ordered pairs (agent, target) that the labels hold for, as indices of individuals.
        asked: (behaviour,) bool, the behaviours that the annotators looked for; None for all.
        lab: name of the laboratory, whose annotators have habits of their own; empty if it is unknown.
        pair: names of the agent and the target, as in ``Labels.pair``.
    """

    poses: Poses
    labels: np.ndarray
    pairs: tuple[tuple[int, int], ...]
    asked: np.ndarray | None = None
    lab: str = ""
    pair: tuple[str, str] | None = None


def labelled_pairs(poses: Poses, pair: tuple[str, str] | None) -> tuple[tuple[int, int], ...]:
    """Return the ordered pairs that labels hold for, as indices of individuals.

    Args:
        poses: poses with the names of the individuals.
        pair: names of the agent and the target, or None for labels of the whole group, which hold for all pairs. Labels
            of what an individual does by itself (twice the same name) hold for its pairs with every other one. If the
            tracks have other names than the annotations, the first individual is the agent and the second the target.
    """
    if pair is None:
        return tuple(poses.pairs())
    if set(pair) <= set(poses.individuals):
        if pair[0] == pair[1]:
            agent = poses.individuals.index(pair[0])
            return tuple(each for each in poses.pairs() if each[0] == agent)
        return ((poses.individuals.index(pair[0]), poses.individuals.index(pair[1])),)
    return (poses.pairs()[0],)


def are_of_pairs(videos: Sequence[LabelledPoses]) -> bool:
    """Return whether several pairs of a video may be labelled, each with behaviours of its own that were looked for."""
    return any(video.asked is not None for video in videos)


def behaviour_counts(videos: Sequence[LabelledPoses], behaviours: int) -> np.ndarray:
    """Count the scored frames of each behaviour in each video: (video, behaviour) int64."""
    return np.stack([scored_frames(video.labels, behaviours) for video in videos])


def frequencies(videos: Sequence[LabelledPoses], behaviours: int) -> np.ndarray:
    """Return (behaviour,) share of each behaviour among the scored frames of the videos in which it was looked for."""
    counts = behaviour_counts(videos, behaviours)
    frames = counts.sum(1) @ asked_behaviours(videos, behaviours)
    return np.divide(counts.sum(0), frames, out=np.zeros(behaviours), where=frames > 0)


def asked_behaviours(videos: Sequence[LabelledPoses], behaviours: int) -> np.ndarray:
    """Return (video, behaviour) bool, which behaviours were looked for in which video."""
    everything = np.ones(behaviours, bool)
    return np.stack([everything if video.asked is None else video.asked for video in videos])


def describe_shares(videos: Sequence[LabelledPoses], behaviours: Sequence[str]) -> str:
    """Return the share of each behaviour among the scored frames, as text to print: ``attack 2.8%, other 97.2%``."""
    counts = behaviour_counts(videos, len(behaviours)).sum(0)
    return ", ".join(f"{name} {count / counts.sum():.1%}" for name, count in zip(behaviours, counts, strict=True))
