"""Frames of labelled videos that trees are fitted to, and the fit of the ensemble's trees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssl_behavior.models.trees import Boosting, Trees, fit_trees
from ssl_behavior.poses.expert_features import expert_features
from ssl_behavior.poses.labelled import LabelledPoses, are_of_pairs
from ssl_behavior.recordings.labels import UNSCORED, scored_frames

_EVERY_S = 0.2
"""Seconds between the frames that trees are fitted to: closer frames are too similar to add information."""
_MOST_COLUMNS = 300
"""Features that a tree may use, where labels are of pairs."""
_MAX_EXAMPLES = 60_000
"""Largest number of frames, over all pairs, that trees are fitted to; the time of a fit grows with it."""


@dataclass(frozen=True, eq=False)
class TreeExamples:
    """Frames of one video to fit trees to.

    Attributes:
        features: (time, feature) of each pair, some of the frames.
        labels: (time,) of each pair, of the same frames.
        weights: (time,) of each pair, for how many frames each of these stands, relative to the others.
        asked: (behaviour,) bool, as in ``LabelledPoses``.
        lab: as in ``LabelledPoses``.
    """

    features: list[np.ndarray]
    labels: list[np.ndarray]
    weights: list[np.ndarray]
    asked: np.ndarray | None = None
    lab: str = ""


def tree_examples(videos: Sequence[LabelledPoses]) -> list[TreeExamples]:
    """Choose every few frames of the videos to fit trees to, with their expert features and labels.

    The more frames the videos have, the fewer of them are taken. Each pair starts at another frame, so that several
    pairs together cover more of the time. Where labels are of pairs, nearly all frames show nothing: then frames of a
    video's commonest behaviour are thinned further than the others, and stand for more.
    """
    of_pairs = are_of_pairs(videos)
    rare = [_is_uncommon(video) if of_pairs else np.ones(len(video.labels), bool) for video in videos]
    shortest = max(1, round(_EVERY_S * videos[0].poses.frame_rate))
    most = _MAX_EXAMPLES // 2 if of_pairs else _MAX_EXAMPLES
    steps = []
    for masks in (rare, [~mask for mask in rare]):
        frames = sum(int(mask.sum()) * len(video.pairs) for mask, video in zip(masks, videos, strict=True))
        steps.append(max(shortest, math.ceil(frames / most)))
    return [_every_few_frames(video, mask, steps) for video, mask in zip(videos, rare, strict=True)]


def _is_uncommon(video: LabelledPoses) -> np.ndarray:
    """Return (time,) bool, the scored frames with another label than the commonest one."""
    scored = video.labels != UNSCORED
    return scored & (video.labels != np.bincount(video.labels[scored], minlength=1).argmax())


def _every_few_frames(video: LabelledPoses, rare: np.ndarray, steps: Sequence[int]) -> TreeExamples:
    """Choose frames of one video; ``steps`` are those between frames that are rare, and that are not."""
    features, labels, weights = [], [], []
    for number, pair in enumerate(video.pairs):
        of_kind = [np.flatnonzero(mask)[number % step :: step] for mask, step in zip((rare, ~rare), steps, strict=True)]
        chosen = np.sort(np.concatenate(of_kind))
        features.append(expert_features(video.poses, pair)[chosen])
        labels.append(video.labels[chosen])
        weights.append(np.where(rare[chosen], 1.0, steps[1] / steps[0]).astype(np.float32))
    return TreeExamples(features, labels, weights, video.asked, video.lab)


def fit_tree_member(
    examples: Sequence[TreeExamples],
    behaviours: int,
    trees: int,
    seed: int,
    description: str | None = "trees",
    labs: Sequence[str] = (),
) -> Trees | None:
    """Fit the trees of the ensemble.

    For each behaviour, all videos that show it count alike. Otherwise one long fight would define aggression.

    Args:
        examples: one per video.
        behaviours: number of behaviours.
        trees: rounds of boosting.
        seed: seed of the random choice of frames and features.
        description: text of the progress bar; None for no bar.
        labs: names of the laboratories that the trees tell apart; none to take all alike.

    Returns:
        The trees, or None if the videos show fewer than two behaviours.
    """
    counts = np.array([scored_frames(np.concatenate(video.labels), behaviours) for video in examples], float)
    if (counts.sum(0) > 0).sum() < 2:
        return None
    videos_with = np.maximum((counts > 0).sum(0), 1)
    balance = counts.sum(0) / videos_with / np.maximum(counts, 1)
    weights = [
        row[labels].astype(np.float32) * shares
        for row, video in zip(balance, examples, strict=True)
        for labels, shares in zip(video.labels, video.weights, strict=True)
    ]
    asked, settings = None, replace(Boosting(), trees=trees)
    if any(video.asked is not None for video in examples):
        # Many behaviours of many keypoints: each round grows a tree for each behaviour.
        settings = replace(settings, columns=min(settings.columns, _MOST_COLUMNS / examples[0].features[0].shape[1]))
        everything = np.ones(behaviours, bool)
        asked = [everything if each.asked is None else each.asked for each in examples for _ in each.labels]
    return fit_trees(
        [with_lab(features, labs, video.lab) for video in examples for features in video.features],
        [labels for video in examples for labels in video.labels],
        behaviours,
        settings,
        seed,
        weights,
        description,
        asked,
        labs,
    )


def with_lab(features: np.ndarray, labs: Sequence[str], lab: str) -> np.ndarray:
    """Return features (time, feature) with a column for each known laboratory: 1 for this one, 0 for the others."""
    if not labs:
        return features
    columns = np.broadcast_to(np.array([name == lab for name in labs], features.dtype), (len(features), len(labs)))
    return np.concatenate([features, columns], axis=1)
