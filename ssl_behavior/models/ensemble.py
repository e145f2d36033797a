"""What fine-tuning makes: a network, and boosted trees on expert features beside it, whose opinions are averaged.

They err differently: trees see how features were on average over the seconds around and need few labels for it, the
network sees how they went. Their mean is better than either (``experiments/README.md``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax

from ssl_behavior.decoding import balanced
from ssl_behavior.models.heads import Classifier
from ssl_behavior.models.inference import Embedded, video_logits
from ssl_behavior.models.trees import Boosting, Trees, fit_trees
from ssl_behavior.poses.expert_features import expert_features, expert_parts, in_other_order
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.recordings.labels import scored_frames
from ssl_behavior.training.supervised import Supervision

_EVERY_S = 0.2
"""Frames nearer to each other than this are too alike to teach trees more."""
_MOST_EXAMPLES = 60_000
"""Frames of pairs that trees learn from at most, as their time grows with them."""
_SMALLEST = 1e-4


@dataclass(frozen=True, eq=False)
class Model:
    """A network and, unless they are left out, trees.

    Attributes:
        classifier: the network; all behaviours count alike in its training.
        trees: or None.
    """

    classifier: Classifier
    trees: Trees | None

    def logits(self, video: LabelledPoses, embedded: Embedded | None = None) -> np.ndarray:
        """(time, behaviour) log probabilities as if all behaviours were equally frequent."""
        own = video_logits(self.classifier, video, embedded)
        return averaged(own, None if self.trees is None else tree_logits(self.trees, video))


def averaged(network: np.ndarray, trees: np.ndarray | None) -> np.ndarray:
    """(time, behaviour) mean of the network's log probabilities and the trees', if there are any."""
    own = log_softmax(network.astype(np.float64), axis=1)
    return (own if trees is None else (own + trees) / 2).astype(np.float32)


def tree_logits(trees: Trees, video: LabelledPoses) -> np.ndarray:
    """(time, behaviour) log probabilities as if all behaviours were equally frequent, of the mean over pairs."""
    each: dict[tuple[int, int], list[np.ndarray]] = {pair: [] for pair in video.pairs}
    for pair, own in each.items():
        other = each.get(pair[::-1], own)
        for part in () if own else expert_parts(video.poses, pair):
            own.append(trees.predict(part))
            if other is not own:
                other.append(trees.predict(in_other_order(part, video.poses.positions.shape[2])))
    mean = np.mean([np.concatenate(parts) for parts in each.values()], axis=0)
    return np.log(np.maximum(balanced(mean, trees.frequencies), _SMALLEST))


@dataclass(frozen=True, eq=False)
class TreeExamples:
    """A video's frames as trees learn from them: (time, feature) of each pair, thinned, and the labels (time,)."""

    features: list[np.ndarray]
    labels: list[np.ndarray]


def tree_examples(videos: Sequence[LabelledPoses]) -> list[TreeExamples]:
    """Expert features of the videos' pairs, each pair's thinned from another frame on; where videos are many, more."""
    frames = sum(len(video.labels) * len(video.pairs) for video in videos)
    fewest = round(_EVERY_S * videos[0].poses.frame_rate)
    every = max(1, fewest, math.ceil(frames / _MOST_EXAMPLES))
    return [_thinned(video, every) for video in videos]


def _thinned(video: LabelledPoses, every: int) -> TreeExamples:
    parts = [slice(number % every, None, every) for number in range(len(video.pairs))]
    return TreeExamples(
        [expert_features(video.poses, pair)[part] for pair, part in zip(video.pairs, parts, strict=True)],
        [video.labels[part] for part in parts],
    )


def fit_tree_member(
    examples: Sequence[TreeExamples],
    behaviours: int,
    settings: Supervision,
    seed: int,
    description: str | None = "trees",
) -> Trees | None:
    """Trees of these videos; None where they show fewer than two behaviours.

    Of each behaviour, all videos that show it count alike: else one long fight would be what aggression looks like.
    """
    counts = np.array([scored_frames(np.concatenate(one.labels), behaviours) for one in examples], float)
    if (counts.sum(0) > 0).sum() < 2:
        return None
    shown = np.maximum((counts > 0).sum(0), 1)
    weights = counts.sum(0) / shown / np.maximum(counts, 1)
    return fit_trees(
        [features for one in examples for features in one.features],
        [labels for one in examples for labels in one.labels],
        behaviours,
        replace(Boosting(), trees=settings.trees),
        seed,
        [row[labels].astype(np.float32) for row, one in zip(weights, examples, strict=True) for labels in one.labels],
        description,
    )
