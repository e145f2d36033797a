"""Fine-tuning: cross-validate over the labelled videos, calibrate, then train on all of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ssl_behavior.compute.devices import Precision, uses_bfloat16
from ssl_behavior.decoding import CalibratedDecoder, default_decoder
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.heads import HeadKind
from ssl_behavior.models.inference import EmbeddingsByPair, embed_all
from ssl_behavior.models.tree_examples import TreeExamples, fit_tree_member, tree_examples
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.storage.digests import digest
from ssl_behavior.training.cross_validation import fit_calibrated_decoder, folds_by_video
from ssl_behavior.training.state import StateFolder, run_key
from ssl_behavior.training.supervised import Supervision, train_classifier

_MOST_FOLDS = 5
"""Folds over which members are spread at most: more would leave little to calibrate on."""
_SEEDS_APART = 1000
"""Between the seeds of two networks of one fold; seeds of folds are one apart."""


@dataclass(frozen=True, eq=False)
class FinetuneResult:
    """A model fitted to labelled videos, with its predictions for held-out videos.

    Attributes:
        model: trained on all videos.
        calibrated_decoder: turns its logits into probabilities and labels.
        held_out_logits: (time, behaviour) of each video, from a model trained on others; empty for a single video.
        held_out_videos: each video with the labels that these logits get from a decoder fitted to others; empty for a
            single video.
    """

    model: Model
    calibrated_decoder: CalibratedDecoder
    held_out_logits: list[np.ndarray]
    held_out_videos: list[ScoredVideo]

    def label(self, video: LabelledPoses) -> np.ndarray:
        """Return (time,) indices of behaviours, at the frame rate of the recording itself."""
        probabilities = self.calibrated_decoder.probabilities(self.model.logits(video))
        return video.poses.to_native(self.calibrated_decoder.decoder.decode(probabilities, video.poses.frame_rate))


def finetune_encoder(
    encoder: Encoder,
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    settings: Supervision,
    seed: int,
    precision: Precision,
    from_scratch: bool = False,
    state_folder: Path | None = None,
    members: int = 1,
) -> FinetuneResult:
    """Fit a model to the videos' labels.

    Args:
        encoder: pretrained encoder on the device to compute on; it is not changed.
        videos: labelled videos. A single video allows no cross-validation: its model is not calibrated.
        behaviours: names of the labels.
        settings: settings of the training.
        seed: seed of all random numbers.
        precision: precision of the encoder, in training and in the resulting model.
        from_scratch: start from a fresh encoder of the same architecture.
        state_folder: where the trainings save their states, so that an interrupted run can be resumed. None saves
            nothing.
        members: as in ``train_model``.
    """
    model, logits = train_model(
        encoder, videos, behaviours, settings, seed, precision, from_scratch, state_folder, members
    )
    decoded: list[ScoredVideo] = []
    if logits:
        decoder, decoded = fit_calibrated_decoder(logits, videos, behaviours, encoder.preparation.frame_rate)
    else:
        shares = frequencies(videos, len(behaviours))
        decoder = CalibratedDecoder(tuple(shares.tolist()), 1.0, default_decoder(shares))
    return FinetuneResult(model, decoder, logits, decoded)


def train_model(
    encoder: Encoder,
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    settings: Supervision,
    seed: int,
    precision: Precision,
    from_scratch: bool = False,
    state_folder: Path | None = None,
    members: int = 1,
    labs: Sequence[str] = (),
) -> tuple[Model, list[np.ndarray]]:
    """Train a model on the videos' labels, and others like it in cross-validation.

    Args:
        encoder: as in ``finetune_encoder``.
        videos: as in ``finetune_encoder``, or labelled pairs of videos.
        behaviours: as in ``finetune_encoder``.
        settings: as in ``finetune_encoder``.
        seed: as in ``finetune_encoder``.
        precision: as in ``finetune_encoder``.
        from_scratch: as in ``finetune_encoder``.
        state_folder: as in ``finetune_encoder``.
        members: 1 trains the model on all videos after cross-validation. More keep the models of the cross-validation,
            with several networks per fold if there are fewer folds, and average them all: this number of networks.
        labs: names of the laboratories that the model tells apart.

    Returns:
        The model; and (time, behaviour) logits of every video by models that were trained on others, none for a single
        video.
    """
    states = None
    if state_folder:
        more = [each for each in (members, tuple(labs)) if each not in (1, ())]
        key = _key(encoder, videos, precision, behaviours, settings, seed, from_scratch, *more)
        states = StateFolder(state_folder, key)
    device = encoder.mean.device
    if from_scratch:
        # There are no pretrained weights to preserve, so the encoder learns as fast as the head.
        encoder, settings = fresh_encoder(encoder, videos, seed), replace(settings, encoder_rate=1.0)
    kind: HeadKind = "temporal" if settings.tune == "temporal" else "linear"
    torch.manual_seed(seed)
    classifier = Classifier(copy.deepcopy(encoder), kind, len(behaviours), labs).to(device)
    classifier.encoder.precision = precision
    embedded = None if settings.tune == "full" else embed_all(classifier.encoder, videos)
    examples = tree_examples(videos) if settings.trees else []
    logits, models = list[np.ndarray](), list[Model]()
    if len(folds_by_video(videos, len(behaviours), 2)) > 1:
        logits, models = cross_validate(
            classifier, videos, behaviours, settings, seed, precision, embedded, examples, states, members
        )
    if members > 1 and models:
        networks = tuple(network for model in models for network in model.classifiers)
        return Model(networks, tuple(trees for model in models for trees in model.trees)), logits
    trees = fit_tree_member(examples, len(behaviours), settings.trees, seed, labs=labs) if examples else None
    all_videos = states and states.subfolder("all")
    train_classifier(classifier, videos, settings, seed, precision, embedded, state_folder=all_videos)
    return Model((classifier.eval(),), () if trees is None else (trees,)), logits


def cross_validate(
    classifier: Classifier,
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    settings: Supervision,
    seed: int,
    precision: Precision,
    embedded: EmbeddingsByPair | None = None,
    examples: Sequence[TreeExamples] = (),
    states: StateFolder | None = None,
    members: int = 1,
) -> tuple[list[np.ndarray], list[Model]]:
    """Compute the logits of every video, as ``Model.logits`` does, with a model that was trained on other videos.

    Args:
        classifier: the start of every fold; not changed.
        videos: two or more labelled videos.
        behaviours: names of the outputs.
        settings: settings of the training.
        seed: seed of all random numbers.
        precision: precision of the forward pass.
        embedded: embeddings of the videos by the frozen encoder, to train the head alone.
        examples: examples of the videos, to grow trees from; without them the models have no trees.
        states: where the trainings save their states; each fold has a subfolder.
        members: number of networks in all; at least one per fold.

    Returns:
        (time, behaviour) per video; and the model of each fold.
    """
    logits = [np.empty(0)] * len(videos)
    models: list[Model] = []
    folds = folds_by_video(videos, len(behaviours), folds_for(settings, members))
    for number, held_out in enumerate(folds, 1):
        description = f"cross-validation {number}/{len(folds)}"
        others = [i for i in range(len(videos)) if i not in held_out]
        trees = None
        if examples:
            chosen, title = [examples[i] for i in others], f"{description}, trees"
            trees = fit_tree_member(chosen, len(behaviours), settings.trees, seed + number, title, classifier.labs)
        others_videos, networks = [videos[i] for i in others], list[Classifier]()
        for repeat in range(max(1, math.ceil((members - number + 1) / len(folds)))):
            network = copy.deepcopy(classifier)
            fold = states and states.subfolder(f"fold{number}" + f"-{repeat + 1}" * (repeat > 0))
            repeat_seed = seed + number + _SEEDS_APART * repeat
            train_classifier(network, others_videos, settings, repeat_seed, precision, embedded, description, fold)
            networks.append(network)
        models.append(Model(tuple(networks), () if trees is None else (trees,)))
        by_video: dict[int, list[int]] = {}
        for i in held_out:
            by_video.setdefault(id(videos[i].poses), []).append(i)
        for of_video in by_video.values():
            values = models[-1].logits_of_pairs([videos[i] for i in of_video], embedded)
            for i, value in zip(of_video, values, strict=True):
                logits[i] = value
    return logits, models


def folds_for(settings: Supervision, members: int) -> int:
    """Return the number of folds: more than the settings ask for, up to five, where members are to be spread over them.

    Examples:
        >>> [folds_for(Supervision(folds=3), members) for members in (1, 4, 10)]
        [3, 4, 5]
    """
    return max(settings.folds, min(members, _MOST_FOLDS))


def _key(encoder: Encoder, videos: Sequence[LabelledPoses], precision: Precision, *settings: object) -> str:
    """Name a run by everything that its weights depend on."""
    device = encoder.mean.device
    arithmetic = device.type, uses_bfloat16(precision, device)
    labels = [digest(video.labels, length=64) for video in videos]
    pairs = [video.pairs for video in videos]
    return run_key((encoder.fingerprint(), arithmetic, labels, pairs, settings), [video.poses for video in videos])


def fresh_encoder(encoder: Encoder, videos: Sequence[LabelledPoses], seed: int) -> Encoder:
    """Make an untrained encoder of the same architecture, standardised on the labelled videos."""
    torch.manual_seed(seed)
    fresh = Encoder(encoder.landmarks, encoder.preparation, encoder.architecture)
    sampler, generator = ClipSampler([video.poses for video in videos]), torch.Generator().manual_seed(seed)
    fresh.standardise(sampler.draw(16, 256, generator) for _ in range(16))
    return fresh.eval()
