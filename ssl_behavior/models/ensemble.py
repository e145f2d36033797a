"""The model that fine-tuning makes: a network, and boosted trees on expert features, whose predictions are averaged.

Both make different mistakes. Trees see the average of the features over the seconds around a frame and need few labels;
the network sees the order of events. Their mean is better than either (``experiments/README.md``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
from ssl_behavior.models.tree_examples import with_lab
from ssl_behavior.models.trees import Trees
from ssl_behavior.poses.expert_features import expert_feature_chunks, swap_roles
from ssl_behavior.poses.labelled import LabelledPoses

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
