"""The model that fine-tuning makes: a network, and boosted trees on expert features, whose predictions are averaged.

Both make different mistakes. Trees see the average of the features over the seconds around a frame and need few labels;
the network sees the order of events. Their mean is better than either (``experiments/README.md``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import log_softmax

from ssl_behavior.decoding import rebalance
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.inference import EmbeddingsByPair, embed, require_finite
from ssl_behavior.models.trees import Boosting, Trees, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_chunks, expert_features, swap_roles
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.recordings.labels import scored_frames

_EVERY_S = 0.2
"""Seconds between the frames that trees are fitted to: closer frames are too similar to add information."""
_MAX_EXAMPLES = 60_000
"""Largest number of frames, over all pairs, that trees are fitted to; the time of a fit grows with it."""
_SMALLEST = 1e-4
"""Smallest probability before the logarithm, so that trees which exclude a behaviour do not overrule the network."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network and, optionally, trees.

    Attributes:
        classifier: the network, trained so that all behaviours count alike.
        trees: None for a network alone.
    """

    classifier: Classifier
    trees: Trees | None

    def logits(self, video: LabelledPoses, embedded: EmbeddingsByPair | None = None) -> np.ndarray:
        """Return (time, behaviour) log probabilities as if all behaviours were equally frequent; labels are not used.

        Args:
            video: video of any length.
            embedded: embeddings of the video, if they were computed before.
        """
        network = network_logits(self.classifier, video, embedded)
        return average(network, None if self.trees is None else tree_logits(self.trees, video))


def average(network: np.ndarray, trees: np.ndarray | None) -> np.ndarray:
    """Average the log probabilities of the network and of the trees, if there are any: (time, behaviour) float32.

    Args:
        network: (time, behaviour) logits.
        trees: (time, behaviour) log probabilities.
    """
    log_probabilities = log_softmax(network.astype(np.float64), axis=1)
    return (log_probabilities if trees is None else (log_probabilities + trees) / 2).astype(np.float32)


def network_logits(
    classifier: Classifier, video: LabelledPoses, embedded: EmbeddingsByPair | None = None
) -> np.ndarray:
    """Return (time, behaviour) logits of the network, averaged over the pairs that the labels hold for."""
    with torch.inference_mode():
        device = classifier.encoder.mean.device
        by_pair = [
            embed(classifier.encoder, video.poses, pair) if embedded is None else embedded[video.poses.id, pair]
            for pair in video.pairs
        ]
        logits = [classifier.head(embeddings.to(device)[None])[0] for embeddings in by_pair]
        mean = torch.stack(logits).mean(0).cpu()
        return require_finite(mean, "scores of behaviours", classifier.encoder, video.poses).numpy()


def tree_logits(trees: Trees, video: LabelledPoses) -> np.ndarray:
    """Return (time, behaviour) log probabilities of the trees, as if all behaviours were equally frequent.

    Probabilities are averaged over the pairs that the labels hold for.
    """
    by_pair: dict[tuple[int, int], np.ndarray] = {}
    for pair in video.pairs:
        if pair not in by_pair:
            both = [pair, pair[::-1]] if pair[0] != pair[1] and pair[::-1] in video.pairs else [pair]
            by_pair.update(zip(both, _tree_probabilities(trees, video, pair, len(both) == 2), strict=True))
    mean = np.mean([by_pair[pair] for pair in video.pairs], axis=0)
    return np.log(np.maximum(rebalance(mean, trees.frequencies), _SMALLEST))


def _tree_probabilities(
    trees: Trees, video: LabelledPoses, pair: tuple[int, int], with_reverse: bool
) -> list[np.ndarray]:
    """Return probabilities (time, behaviour) of a pair and of its reverse, which has the same features reordered."""
    chunks: list[list[np.ndarray]] = []
    for features in expert_feature_chunks(video.poses, pair):
        reverse = [swap_roles(features, video.poses.positions.shape[2])] if with_reverse else []
        chunks.append([trees.predict(columns) for columns in (features, *reverse)])
    return [np.concatenate(probabilities) for probabilities in zip(*chunks, strict=True)]


@dataclass(frozen=True, eq=False)
class TreeExamples:
    """Frames of one video to fit trees to.

    Attributes:
        features: (time, feature) of each pair, some of the frames.
        labels: (time,) of each pair, of the same frames.
    """

    features: list[np.ndarray]
    labels: list[np.ndarray]


def tree_examples(videos: Sequence[LabelledPoses]) -> list[TreeExamples]:
    """Choose every few frames of the videos to fit trees to, with their expert features and labels.

    The more frames the videos have, the fewer of them are taken. Each pair starts at another frame, so that several
    pairs together cover more of the time.
    """
    frames = sum(len(video.labels) * len(video.pairs) for video in videos)
    every = max(1, round(_EVERY_S * videos[0].poses.frame_rate), math.ceil(frames / _MAX_EXAMPLES))
    return [_every_few_frames(video, every) for video in videos]


def _every_few_frames(video: LabelledPoses, every: int) -> TreeExamples:
    steps = [slice(number % every, None, every) for number in range(len(video.pairs))]
    return TreeExamples(
        [expert_features(video.poses, pair)[step] for pair, step in zip(video.pairs, steps, strict=True)],
        [video.labels[step] for step in steps],
    )


def fit_tree_member(
    examples: Sequence[TreeExamples],
    behaviours: int,
    trees: int,
    seed: int,
    description: str | None = "trees",
) -> Trees | None:
    """Fit the trees of the ensemble.

    For each behaviour, all videos that show it count alike. Otherwise one long fight would define aggression.

    Args:
        examples: one per video.
        behaviours: number of behaviours.
        trees: rounds of boosting.
        seed: seed of the random choice of frames and features.
        description: text of the progress bar; None for no bar.

    Returns:
        The trees, or None if the videos show fewer than two behaviours.
    """
    counts = np.array([scored_frames(np.concatenate(video.labels), behaviours) for video in examples], float)
    if (counts.sum(0) > 0).sum() < 2:
        return None
    videos_with = np.maximum((counts > 0).sum(0), 1)
    weights = counts.sum(0) / videos_with / np.maximum(counts, 1)
    return fit_trees(
        [features for video in examples for features in video.features],
        [labels for video in examples for labels in video.labels],
        behaviours,
        replace(Boosting(), trees=trees),
        seed,
        [
            row[labels].astype(np.float32)
            for row, video in zip(weights, examples, strict=True)
            for labels in video.labels
        ],
        description,
    )
