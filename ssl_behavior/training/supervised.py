"""Learning from few labelled videos: training of heads, and cross-validation over videos that chooses all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ssl_behavior.cli.validators import Above, AtLeast, Share
from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.heads import classification_loss
from ssl_behavior.models.inference import Embedded
from ssl_behavior.poses.augment import Augmentation, augment, warp
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.loop import Schedule, StateFolder, fit

Tune = Literal["linear", "temporal", "full"]


@dataclass(frozen=True)
class Supervision:
    """How a head, or the whole network, is fitted to labels.

    Attributes:
        tune: ``linear`` or ``temporal`` head on the frozen encoder, or ``full``: a linear head and the encoder too.
        steps: batches for one labelled video; more videos take more, by the square root of their number.
        batch: clips per step.
        clip_seconds: length of a clip.
        learning_rate: of the head.
        encoder_rate: the encoder's rate relative to the head's, if it is pretrained.
        weight_decay: of AdamW.
        average: decay of the running mean of the weights.
        dropout: share of the encoder's channels that are dropped.
        drop_features: share of the kinematic features that each clip goes without.
        focal: gamma of the focal loss; 0 is cross-entropy.
        label_smoothing: share of each label spread over all behaviours.
        mixup: clips are mixed in pairs with weights from Beta(mixup, mixup); 0 switches it off.
        trees: rounds of boosted trees on expert features, whose opinion is averaged with the network's; 0 for none.
        folds: of the cross-validation over videos; fewer where there are fewer videos.
    """

    tune: Tune = "full"
    steps: Annotated[int, Above(0)] = 200
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

    def steps_for(self, videos: int) -> int:
        """Batches to take on so many labelled videos."""
        return max(1, round(self.steps * videos**0.5))


AUGMENTATION = Augmentation(jitter=0.02, warp=0.1, drop_landmarks=0.1, drop_animals=0.0, swap_identities=0.0)


def class_weights(shares: np.ndarray) -> Tensor:
    """(behaviour,) weights under which all behaviours count alike, of mean 1 over frames; 0 for what never occurs."""
    weights = np.divide(1.0, shares * (shares > 0).sum(), out=np.zeros_like(shares), where=shares > 0)
    return torch.tensor(weights, dtype=torch.float32)


def train(
    classifier: Classifier,
    videos: Sequence[LabelledPoses],
    settings: Supervision,
    seed: int,
    precision: Precision,
    embedded: Embedded | None = None,
    description: str = "fine-tuning",
    keep: StateFolder | None = None,
) -> None:
    """Fit the classifier, or with ``embedded`` its head alone, to the videos' labels, in place.

    All behaviours count alike however rare they are, so its probabilities are those of a world in which all are equally
    frequent.

    Args:
        classifier: on its device.
        videos: labelled.
        settings: how.
        seed: of all random numbers.
        precision: of the forward pass.
        embedded: embeddings of the videos by the frozen encoder.
        description: of the progress bar.
        keep: where its state is kept, to go on from after an interruption; nowhere by default.
    """
    outputs, device = classifier.outputs, classifier.encoder.mean.device
    weights = class_weights(frequencies(videos, outputs)).to(device)
    classifier.encoder.set_dropout(settings.dropout)
    examples = _Examples(classifier, videos, settings, embedded)

    def losses(generator: torch.Generator) -> dict[str, Tensor]:
        embeddings, labels = examples.draw(settings.batch, generator)
        target = F.one_hot(labels.clamp(min=0), outputs).float() * (labels != UNSCORED)[..., None]
        if settings.mixup:
            share = _beta(settings.mixup, generator)
            embeddings = torch.lerp(embeddings.roll(1, 0), embeddings, share)
            target = torch.lerp(target.roll(1, 0), target, share)
        logits = classifier.head(embeddings)
        return {"loss": classification_loss(logits, target, weights, settings.focal, settings.label_smoothing)}

    rate = 0.0 if embedded is not None else settings.encoder_rate
    schedule = Schedule(
        settings.steps_for(len(videos)),
        settings.learning_rate,
        settings.weight_decay,
        warmup=50,
        cosine=False,
        average=settings.average,
    )
    fit(
        classifier,
        losses,
        schedule,
        seed=seed,
        precision=precision,
        groups={"encoder.": rate},
        folder=keep.folder if keep else None,
        key=keep.key if keep else "",
        description=description,
        learned_from=examples.sampler.drawn,
        rate_option="--supervision.learning-rate",
        size_options="--supervision.batch or --supervision.clip-seconds",
    )


def _beta(concentration: float, generator: torch.Generator) -> float:
    seed = int(torch.randint(2**31, (), generator=generator))
    return float(np.random.default_rng(seed).beta(concentration, concentration))


class _Examples:
    """Random clips of the scored frames: as embeddings, with their labels (batch, time)."""

    def __init__(
        self,
        classifier: Classifier,
        videos: Sequence[LabelledPoses],
        settings: Supervision,
        embedded: Embedded | None,
    ) -> None:
        self.encoder, self.embedded, self.drop_features = classifier.encoder, embedded, settings.drop_features
        self.frames = round(settings.clip_seconds * classifier.encoder.preparation.frame_rate)
        self.ids = [video.poses.id for video in videos]
        self.labels = [torch.from_numpy(video.labels.astype(np.int64)) for video in videos]
        self.mirror = mirror(classifier.encoder.landmarks)
        self.sampler = ClipSampler(
            [video.poses for video in videos],
            [video.pairs for video in videos],
            [(video.labels != UNSCORED).astype(float) for video in videos],
            classifier.encoder.mean.device,
        )

    def draw(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        device = self.encoder.mean.device
        if self.embedded is not None:
            places = self.sampler.places(batch, self.frames, generator)
            labels = [_part(self.labels[r], start, self.frames, UNSCORED) for r, start, _ in places]
            parts = [_part(self.embedded[self.ids[r], pair], start, self.frames, 0) for r, start, pair in places]
            return torch.stack(parts).to(device), torch.stack(labels).to(device)
        drawn = AUGMENTATION.frames_needed(self.frames)
        places = self.sampler.places(batch, drawn, generator)
        clip, at = warp(self.sampler.clips(places, drawn), self.frames, AUGMENTATION.warp, generator)
        clip = augment(clip, self.mirror, AUGMENTATION, generator)
        labels = [
            _part(self.labels[r], start, drawn, UNSCORED)[when]
            for (r, start, _), when in zip(places, at.cpu(), strict=True)
        ]
        left = torch.rand(batch, 1, self.encoder.features, generator=generator) >= self.drop_features
        embeddings = self.encoder(clip, left.to(device))
        return embeddings, torch.stack(labels).to(device)


def _part(values: Tensor, start: int, frames: int, padding: float) -> Tensor:
    part = values[start : start + frames]
    return torch.cat([part, part.new_full((frames - len(part), *part.shape[1:]), padding)])
