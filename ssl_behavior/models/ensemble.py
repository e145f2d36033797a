"""The model that fine-tuning makes: a network, and boosted trees on expert features, whose predictions are averaged.

Both make different mistakes. Trees see the average of the features over the seconds around a frame and need few labels;
the network sees the order of events. Their mean is better than either (``experiments/README.md``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import log_softmax
from torch import Tensor

from ssl_behavior.compute.devices import Precision
from ssl_behavior.decoding import rebalance
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.heads import UNASKED, mask_unasked
from ssl_behavior.models.inference import EmbeddingsByPair, embed, require_finite
from ssl_behavior.models.trees import Boosting, Trees, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_chunks, expert_features, swap_roles
from ssl_behavior.poses.labelled import LabelledPoses, are_of_pairs
from ssl_behavior.recordings.labels import UNSCORED, scored_frames

_EVERY_S = 0.2
"""Seconds between the frames that trees are fitted to: closer frames are too similar to add information."""
_MAX_EXAMPLES = 60_000
"""Largest number of frames, over all pairs, that trees are fitted to; the time of a fit grows with it."""
_SMALLEST = 1e-4
"""Smallest probability before the logarithm, so that trees which exclude a behaviour do not overrule the network."""


@dataclass(frozen=True, eq=False)
class Model:
    """Networks and trees whose log probabilities are averaged: half the weight to each kind.

    Attributes:
        classifiers: one or more networks, trained so that all behaviours count alike.
        trees: none for networks alone.
    """

    classifiers: tuple[Classifier, ...]
    trees: tuple[Trees, ...] = ()

    @property
    def encoder(self) -> Encoder:
        """The encoder of the first network; landmarks and preparation are the same for all."""
        return self.classifiers[0].encoder

    def to(self, device: torch.device | str, precision: Precision = "auto") -> None:
        """Move the networks to a device, and set the precision of their forward passes."""
        for classifier in self.classifiers:
            classifier.to(device)
            classifier.encoder.precision = precision

    def logits(self, video: LabelledPoses, embedded: EmbeddingsByPair | None = None) -> np.ndarray:
        """Return (time, behaviour) log probabilities as if all behaviours were equally frequent; labels are not used.

        Args:
            video: video of any length.
            embedded: embeddings of the video by a frozen encoder that the networks share, if they were computed before.
        """
        return next(self.logits_of_pairs([video], embedded))

    def logits_of_pairs(
        self, units: Sequence[LabelledPoses], embedded: EmbeddingsByPair | None = None
    ) -> Iterator[np.ndarray]:
        """Yield ``logits`` of each unit; all units are of one video, whose pairs are embedded once.

        Args:
            units: labelled pairs of one video.
            embedded: as in ``logits``.
        """
        by_network: list[dict[tuple[str, tuple[int, int]], Tensor]] = [{} for _ in self.classifiers]
        by_trees: list[dict[tuple[int, int], np.ndarray]] = [{} for _ in self.trees]
        for unit in units:
            networks = [
                log_softmax(network_logits(classifier, unit, embedded, memory).astype(np.float64), axis=1)
                for classifier, memory in zip(self.classifiers, by_network, strict=True)
            ]
            trees = [tree_logits(each, unit, memory) for each, memory in zip(self.trees, by_trees, strict=True)]
            yield average(mean(networks), mean(trees) if trees else None)


def mean(log_probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean of arrays; a single one stays as it is, to the last digit."""
    return log_probabilities[0] if len(log_probabilities) == 1 else np.mean(log_probabilities, axis=0)


def average(networks: np.ndarray, trees: np.ndarray | None) -> np.ndarray:
    """Average the log probabilities of networks and of trees, if there are any: (time, behaviour) float32.

    Args:
        networks: (time, behaviour) log probabilities or logits.
        trees: (time, behaviour) log probabilities.
    """
    log_probabilities = log_softmax(networks.astype(np.float64), axis=1)
    return (log_probabilities if trees is None else (log_probabilities + trees) / 2).astype(np.float32)


def network_logits(
    classifier: Classifier,
    video: LabelledPoses,
    embedded: EmbeddingsByPair | None = None,
    memory: dict[tuple[str, tuple[int, int]], Tensor] | None = None,
) -> np.ndarray:
    """Return (time, behaviour) logits of the network, averaged over the pairs that the labels hold for.

    Args:
        classifier: the network.
        video: the labelled pair, whose labels are not used.
        embedded: embeddings by the network's encoder, if they were computed before.
        memory: embeddings that earlier calls computed; gets those of this call.
    """
    memory = {} if memory is None else memory
    with torch.inference_mode():
        device = classifier.encoder.mean.device
        lab = classifier.lab_numbers([video.lab]).to(device)
        logits = []
        for pair in video.pairs:
            key = (video.poses.id, pair)
            if embedded is None and key not in memory:
                memory[key] = embed(classifier.encoder, video.poses, pair)
            embeddings = memory[key] if embedded is None else embedded[key]
            logits.append(classifier.score(embeddings.to(device)[None], lab)[0])
        scores = torch.stack(logits).mean(0).cpu()
        if video.asked is not None:
            scores = mask_unasked(scores, torch.from_numpy(video.asked))
        return require_finite(scores, "scores of behaviours", classifier.encoder, video.poses).numpy()


def tree_logits(
    trees: Trees, video: LabelledPoses, memory: dict[tuple[int, int], np.ndarray] | None = None
) -> np.ndarray:
    """Return (time, behaviour) log probabilities of the trees, as if all behaviours were equally frequent.

    Probabilities are averaged over the pairs that the labels hold for.

    Args:
        trees: the trees.
        video: the labelled pair, whose labels are not used.
        memory: probabilities (time, behaviour) by pair that earlier calls for this video computed; gets those of this
            call.
    """
    by_pair = {} if memory is None else memory
    for pair in video.pairs:
        if pair not in by_pair:
            both = [pair, pair[::-1]] if pair[0] != pair[1] and pair[::-1] in video.pairs else [pair]
            by_pair.update(zip(both, _tree_probabilities(trees, video, pair, len(both) == 2), strict=True))
    probabilities = np.mean([by_pair[pair] for pair in video.pairs], axis=0)
    if video.asked is None:
        return np.log(np.maximum(rebalance(probabilities, trees.frequencies), _SMALLEST))
    balanced = rebalance(probabilities * video.asked, trees.frequencies)
    return np.where(video.asked, np.log(np.maximum(balanced, _SMALLEST)), UNASKED)


def _tree_probabilities(
    trees: Trees, video: LabelledPoses, pair: tuple[int, int], with_reverse: bool
) -> list[np.ndarray]:
    """Return probabilities (time, behaviour) of a pair and of its reverse, which has the same features reordered."""
    chunks: list[list[np.ndarray]] = []
    for features in expert_feature_chunks(video.poses, pair):
        reverse = [swap_roles(features, video.poses.positions.shape[2])] if with_reverse else []
        chunks.append([trees.predict(with_lab(columns, trees.labs, video.lab)) for columns in (features, *reverse)])
    return [np.concatenate(probabilities) for probabilities in zip(*chunks, strict=True)]


def with_lab(features: np.ndarray, labs: Sequence[str], lab: str) -> np.ndarray:
    """Return features (time, feature) with a column for each known laboratory: 1 for this one, 0 for the others."""
    if not labs:
        return features
    columns = np.broadcast_to(np.array([name == lab for name in labs], features.dtype), (len(features), len(labs)))
    return np.concatenate([features, columns], axis=1)


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
    steps = [
        max(
            shortest,
            math.ceil(sum(count * len(v.pairs) for count, v in zip(counts, videos, strict=True)) / _MAX_EXAMPLES),
        )
        for counts in ([int(mask.sum()) for mask in rare], [int((~mask).sum()) for mask in rare])
    ]
    examples, memory = [], dict[tuple[int, int], np.ndarray]()
    for number, (video, mask) in enumerate(zip(videos, rare, strict=True)):
        if number and video.poses is not videos[number - 1].poses:
            memory.clear()
        examples.append(_every_few_frames(video, mask, steps, memory))
    return examples


def _is_uncommon(video: LabelledPoses) -> np.ndarray:
    """Return (time,) bool, the scored frames with another label than the commonest one."""
    scored = video.labels != UNSCORED
    return scored & (video.labels != np.bincount(video.labels[scored], minlength=1).argmax())


def _every_few_frames(
    video: LabelledPoses, rare: np.ndarray, steps: Sequence[int], memory: dict[tuple[int, int], np.ndarray]
) -> TreeExamples:
    """Choose frames of one video; ``steps`` are those between frames that are rare, and that are not."""
    features, labels, weights = [], [], []
    for number, pair in enumerate(video.pairs):
        if pair not in memory:
            memory[pair] = expert_features(video.poses, pair)
        chosen = np.sort(
            np.concatenate(
                [np.flatnonzero(m)[number % step :: step] for m, step in zip((rare, ~rare), steps, strict=True)]
            )
        )
        features.append(memory[pair][chosen])
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
    asked = None
    if any(video.asked is not None for video in examples):
        everything = np.ones(behaviours, bool)
        asked = [everything if each.asked is None else each.asked for each in examples for _ in each.labels]
    return fit_trees(
        [with_lab(features, labs, video.lab) for video in examples for features in video.features],
        [labels for video in examples for labels in video.labels],
        behaviours,
        replace(Boosting(), trees=trees),
        seed,
        weights,
        description,
        asked,
        labs,
    )
