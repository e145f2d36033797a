"""Supervised training: a head, or the whole network, learns the labels of a few videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ssl_behavior.cli.validators import Above, AtLeast, AtMost, Share
from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.heads import classification_loss, mask_unasked
from ssl_behavior.models.inference import EmbeddingsByPair
from ssl_behavior.poses.labelled import (
    LabelledPoses,
)
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.labelled_clips import LabelledClips
from ssl_behavior.training.loop import Messages, fit
from ssl_behavior.training.schedule import Schedule
from ssl_behavior.training.state import StateFolder

Tune = Literal["linear", "temporal", "full"]

# With 20 minutes of labels, more batches overfit; with 200 minutes, thirteen times as many still gain. More than five
# hours were never tried, and must not take a night.
_FIRST_MINUTES, _FURTHER_MINUTES, _MOST_TIMES = 20.0, 15.0, 20.0


@dataclass(frozen=True)
class Supervision:
    """Settings of supervised training.

    Attributes:
        tune: ``linear`` or ``temporal`` trains a head of this kind on the frozen encoder; ``full`` trains a linear head
            and the encoder.
        steps: batches for up to 20 minutes of scored frames; each further quarter of an hour adds as many, up to 20
            times as many in all.
        batch: clips per step.
        clip_seconds: length of a clip.
        learning_rate: learning rate of the head.
        encoder_rate: learning rate of a pretrained encoder, relative to the head's.
        weight_decay: weight decay of AdamW.
        average: decay of the running mean of the weights.
        dropout: share of the encoder's channels that are dropped in training.
        drop_features: share of the kinematic features that are hidden from the encoder in each clip.
        focal: gamma of the focal loss; 0 is cross-entropy.
        label_smoothing: share of each label spread over all behaviours.
        mixup: clips are mixed in pairs with weights from Beta(mixup, mixup); 0 switches it off.
        trees: rounds of boosted trees on expert features, averaged with the network's predictions; 0 for no trees.
        folds: number of folds of the cross-validation; as many as videos if there are fewer videos.
        drop_labs: share of the clips whose laboratory is hidden from the network. With 1 it takes all laboratories
            alike; below, it learns the habits of each, and those of an unknown one from the hidden share.
    """

    tune: Tune = "full"
    steps: Annotated[int, Above(0)] = 350
    batch: Annotated[int, Above(0)] = 16
    clip_seconds: Annotated[float, Above(0)] = 10.0
    learning_rate: Annotated[float, Above(0)] = 1e-3
    encoder_rate: Annotated[float, AtLeast(0)] = 0.3
    weight_decay: Annotated[float, AtLeast(0)] = 0.05
    average: Annotated[float, Share()] = 0.99
    dropout: Annotated[float, Share()] = 0.3
    drop_features: Annotated[float, Share()] = 0.2
    focal: Annotated[float, AtLeast(0)] = 0.0
    label_smoothing: Annotated[float, Share()] = 0.0
    mixup: Annotated[float, AtLeast(0)] = 0.0
    trees: Annotated[int, AtLeast(0)] = 200
    folds: Annotated[int, AtLeast(2)] = 3
    drop_labs: Annotated[float, AtLeast(0), AtMost(1)] = 1.0

    def steps_for(self, minutes: float) -> int:
        """Return the number of batches for so many minutes of scored frames, of all labelled videos together.

        Examples:
            >>> [Supervision(steps=100).steps_for(minutes) for minutes in (5, 20, 35, 600)]
            [100, 100, 200, 2000]
        """
        times = 1 + max(minutes - _FIRST_MINUTES, 0.0) / _FURTHER_MINUTES
        return round(self.steps * min(times, _MOST_TIMES))


def scored_minutes(videos: Sequence[LabelledPoses]) -> float:
    """Return the minutes of scored frames of all videos together."""
    return sum(float((video.labels != UNSCORED).sum()) / video.poses.frame_rate for video in videos) / 60


def class_weights(shares: np.ndarray) -> Tensor:
    """Return (behaviour,) weights that make all behaviours count equally, with mean 1 over frames.

    A behaviour that never occurs has weight 0.

    Args:
        shares: (behaviour,) share of each behaviour among the scored frames.
    """
    weights = np.divide(1.0, shares * (shares > 0).sum(), out=np.zeros_like(shares), where=shares > 0)
    return torch.tensor(weights, dtype=torch.float32)


def train_classifier(
    classifier: Classifier,
    videos: Sequence[LabelledPoses],
    settings: Supervision,
    seed: int,
    precision: Precision,
    embedded: EmbeddingsByPair | None = None,
    description: str = "fine-tuning",
    state_folder: StateFolder | None = None,
) -> None:
    """Train the classifier on the videos' labels, in place; with ``embedded``, train its head alone.

    All behaviours count equally, however rare they are. So the probabilities are those of a world in which all
    behaviours are equally frequent, and a ``CalibratedDecoder`` must correct them.

    Args:
        classifier: classifier to train, on its device.
        videos: labelled videos.
        settings: settings of the training.
        seed: seed of all random numbers.
        precision: precision of the forward pass.
        embedded: embeddings of the videos by the frozen encoder.
        description: text of the progress bar.
        state_folder: where the state is saved, so that an interrupted run can be resumed. None saves nothing.
    """
    outputs, device = classifier.outputs, classifier.encoder.mean.device
    examples = LabelledClips(
        classifier, videos, settings.clip_seconds, settings.drop_features, settings.drop_labs, embedded
    )
    weights = class_weights(examples.shares(outputs)).to(device)
    classifier.encoder.set_dropout(settings.dropout)

    def losses(generator: torch.Generator) -> dict[str, Tensor]:
        embeddings, labels, drawn = examples.draw(settings.batch, generator)
        target = F.one_hot(labels.clamp(min=0), outputs).float() * (labels != UNSCORED)[..., None]
        if settings.mixup:
            share = _beta(settings.mixup, generator)
            embeddings = torch.lerp(embeddings.roll(1, 0), embeddings, share)
            target = torch.lerp(target.roll(1, 0), target, share)
        logits = classifier.score(embeddings, examples.labs(drawn, generator))
        if examples.asked is not None:
            asked = examples.asked[drawn]
            logits = mask_unasked(logits, (asked & asked.roll(1, 0) if settings.mixup else asked)[:, None])
        return {"loss": classification_loss(logits, target, weights, settings.focal, settings.label_smoothing)}

    rate = 0.0 if embedded is not None else settings.encoder_rate
    schedule = Schedule(
        settings.steps_for(scored_minutes(videos)),
        settings.learning_rate,
        settings.weight_decay,
        warmup=50,
        cosine=False,
        average=settings.average,
        factors={"encoder.": rate},
    )
    fit(
        classifier,
        losses,
        schedule,
        seed=seed,
        precision=precision,
        state_folder=state_folder,
        messages=Messages(
            description,
            "--supervision.learning-rate",
            "--supervision.batch or --supervision.clip-seconds",
            examples.sampler.drawn,
        ),
    )


def _beta(concentration: float, generator: torch.Generator) -> float:
    """Draw a number from Beta(concentration, concentration); torch itself could only use its global generator."""
    seed = int(torch.randint(2**31, (), generator=generator))
    return float(np.random.default_rng(seed).beta(concentration, concentration))
