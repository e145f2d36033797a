"""From labelled videos to a model and how to read it: cross-validate, choose, then train on all of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ssl_behavior.compute.devices import Precision, uses_bfloat16
from ssl_behavior.decoding import CalibratedDecoder, Decoder, balancing_weights
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model, fit_tree_member, tree_examples
from ssl_behavior.models.heads import HeadKind
from ssl_behavior.models.inference import embed_all
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.storage.digests import digest
from ssl_behavior.training.cross_validation import choose_reading, cross_validate
from ssl_behavior.training.loop import StateFolder, run_key
from ssl_behavior.training.supervised import Supervision, train

_UNCHECKED_SMOOTHING_S = 0.25


@dataclass(frozen=True, eq=False)
class FinetuneResult:
    """What labelled videos taught.

    Attributes:
        model: trained on all of them.
        calibrated_decoder: how its logits are read.
        held_out: logits of the videos, each by a model trained on others; none for a single video.
        read: the videos as these logits are read with what was chosen on others; none for a single video.
    """

    model: Model
    calibrated_decoder: CalibratedDecoder
    held_out: list[np.ndarray]
    read: list[ScoredVideo]

    def label(self, video: LabelledPoses) -> np.ndarray:
        """(time,) indices of behaviours at the recording's own frame rate."""
        probabilities, poses = self.calibrated_decoder.probabilities(self.model.logits(video)), video.poses
        return poses.to_native(self.calibrated_decoder.decoder.decode(probabilities, poses.frame_rate))


def learn(
    encoder: Encoder,
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    settings: Supervision,
    seed: int,
    precision: Precision,
    from_scratch: bool = False,
    keep: Path | None = None,
) -> FinetuneResult:
    """Fit a model to the videos' labels.

    Args:
        encoder: pretrained, on the device to compute on; left as it is.
        videos: labelled. With one alone nothing is chosen: no calibration, and a little smoothing.
        behaviours: names of the labels.
        settings: how.
        seed: of all random numbers.
        precision: of the encoder, while it learns and in what it labels then.
        from_scratch: start from an encoder of the same make that has seen nothing but these videos.
        keep: folder for the trainings' states, from which an interrupted run goes on; none by default.
    """
    keeping = (
        StateFolder(keep, _key(encoder, videos, precision, behaviours, settings, seed, from_scratch)) if keep else None
    )
    device = encoder.mean.device
    if from_scratch:
        encoder, settings = fresh_encoder(encoder, videos, seed), replace(settings, encoder_rate=1.0)
    kind: HeadKind = "temporal" if settings.tune == "temporal" else "linear"
    torch.manual_seed(seed)
    classifier = Classifier(copy.deepcopy(encoder), kind, len(behaviours)).to(device)
    classifier.encoder.precision = precision
    embedded = None if settings.tune == "full" else embed_all(classifier.encoder, videos)
    examples = tree_examples(videos) if settings.trees else []
    held_out: list[np.ndarray] = []
    read: list[ScoredVideo] = []
    if len(videos) > 1:
        held_out = cross_validate(
            classifier, videos, behaviours, settings, seed, precision, embedded, examples, keeping
        )
        reading, read = choose_reading(held_out, videos, behaviours, encoder.preparation.frame_rate)
    else:
        shares = frequencies(videos, len(behaviours))
        decoder = Decoder(balancing_weights(shares), _UNCHECKED_SMOOTHING_S)
        reading = CalibratedDecoder(tuple(shares.tolist()), 1.0, decoder)
    trees = fit_tree_member(examples, len(behaviours), settings.trees, seed) if examples else None
    train(classifier, videos, settings, seed, precision, embedded, keep=keeping and keeping.part("all"))
    return FinetuneResult(Model(classifier.eval(), trees), reading, held_out, read)


def _key(encoder: Encoder, videos: Sequence[LabelledPoses], precision: Precision, *settings: object) -> str:
    """Names a run by all that its weights depend on."""
    device = encoder.mean.device
    computed = device.type, uses_bfloat16(precision, device)
    labels = [digest(one.labels, length=64) for one in videos]
    pairs = [one.pairs for one in videos]
    return run_key((encoder.fingerprint(), computed, labels, pairs, settings), [one.poses for one in videos])


def fresh_encoder(encoder: Encoder, videos: Sequence[LabelledPoses], seed: int) -> Encoder:
    """An encoder of the same make that has seen nothing but the labelled videos' mean kinematics."""
    torch.manual_seed(seed)
    fresh = Encoder(encoder.landmarks, encoder.preparation, encoder.architecture)
    sampler, generator = ClipSampler([video.poses for video in videos]), torch.Generator().manual_seed(seed)
    fresh.standardise(sampler.draw(16, 256, generator) for _ in range(16))
    return fresh.eval()
