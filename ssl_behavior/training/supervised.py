"""Supervised training: a head, or the whole network, learns the labels of a few videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from torch import Tensor
from torch.nn import functional as F

from ssl_behavior.cli.validators import Above, AtLeast, Share
from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.heads import classification_loss, mask_unasked
from ssl_behavior.models.inference import EmbeddingsByPair
from ssl_behavior.poses.augment import Augmentation, augment, warp
from ssl_behavior.poses.labelled import (
    LabelledPoses,
    are_of_pairs,
    asked_behaviours,
    behaviour_counts,
    frequencies,
)
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.labels import UNSCORED
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
        drop_labs: share of the clips whose laboratory is hidden, so that the network can do without it.
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
    drop_labs: Annotated[float, Share()] = 0.3

    def steps_for(self, minutes: float) -> int:
        """Return the number of batches for so many minutes of scored frames, of all labelled videos together.

        Examples:
            >>> [Supervision(steps=100).steps_for(minutes) for minutes in (5, 20, 35, 600)]
            [100, 100, 200, 2000]
        """
        times = 1 + max(minutes - _FIRST_MINUTES, 0.0) / _FURTHER_MINUTES
        return round(self.steps * min(times, _MOST_TIMES))


# Weaker than in pretraining: a hidden animal or swapped identities would change what the label means.
AUGMENTATION = Augmentation(jitter=0.02, warp=0.1, drop_landmarks=0.1, drop_animals=0.0, swap_identities=0.0)


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
    examples = _Examples(classifier, videos, settings, embedded)
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


class _Examples:
    """Random clips around scored frames, embedded, with their labels."""

    def __init__(
        self,
        classifier: Classifier,
        videos: Sequence[LabelledPoses],
        settings: Supervision,
        embedded: EmbeddingsByPair | None,
    ) -> None:
        self.classifier, self.encoder, self.embedded = classifier, classifier.encoder, embedded
        self.videos, self.drop_features, self.drop_labs = videos, settings.drop_features, settings.drop_labs
        self.frames = round(settings.clip_seconds * classifier.encoder.preparation.frame_rate)
        self.ids = [video.poses.id for video in videos]
        self.labels = [torch.from_numpy(video.labels.astype(np.int64)) for video in videos]
        self.mirror = mirror(classifier.encoder.landmarks)
        device = classifier.encoder.mean.device
        self.asked = None
        if are_of_pairs(videos):
            self.asked = torch.from_numpy(asked_behaviours(videos, classifier.outputs)).to(device)
        self.weights = draw_weights(videos, classifier.outputs)
        self.lab_numbers = classifier.lab_numbers([video.lab for video in videos]).to(device)
        self.sampler = ClipSampler(
            [video.poses for video in videos], [video.pairs for video in videos], self.weights, device
        )

    def shares(self, behaviours: int) -> np.ndarray:
        """Return (behaviour,) share of each behaviour among the frames that are drawn, where it was looked for."""
        if not are_of_pairs(self.videos):
            return frequencies(self.videos, behaviours)
        drawn = np.zeros((len(self.videos), behaviours))
        for counts, video, weights in zip(drawn, self.videos, self.weights, strict=True):
            # A drawn frame brings those around it, as it lies anywhere in its clip.
            coverage = uniform_filter1d(weights, self.frames, mode="constant")
            scored = video.labels != UNSCORED
            counts[:] = np.bincount(video.labels[scored], np.maximum(coverage[scored], 0), behaviours)
        frames = drawn.sum(1) @ asked_behaviours(self.videos, behaviours)
        return np.divide(drawn.sum(0), frames, out=np.zeros(behaviours), where=frames > 0)

    def labs(self, drawn: Tensor, generator: torch.Generator) -> Tensor:
        """Return (batch,) numbers of the laboratories of these videos, some of them hidden."""
        numbers = self.lab_numbers[drawn]
        if self.classifier.habits is None:
            return numbers
        hidden = torch.rand(len(drawn), generator=generator) < self.drop_labs
        return numbers.masked_fill(hidden.to(numbers.device), 0)

    def draw(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw embeddings (batch, time, channel), labels (batch, time) and numbers of videos (batch,) of a batch."""
        device = self.encoder.mean.device
        if self.embedded is not None:
            places = self.sampler.places(batch, self.frames, generator)
            labels = [_span(self.labels[r], start, self.frames, UNSCORED) for r, start, _ in places]
            embeddings = [_span(self.embedded[self.ids[r], pair], start, self.frames, 0) for r, start, pair in places]
            return torch.stack(embeddings).to(device), torch.stack(labels).to(device), _videos_of(places, device)
        drawn = AUGMENTATION.frames_needed(self.frames)
        places = self.sampler.places(batch, drawn, generator)
        clip, at = warp(self.sampler.clips(places, drawn), self.frames, AUGMENTATION.warp, generator)
        clip = augment(clip, self.mirror, AUGMENTATION, generator)
        labels = [
            _span(self.labels[r], start, drawn, UNSCORED)[when]
            for (r, start, _), when in zip(places, at.cpu(), strict=True)
        ]
        visible = torch.rand(batch, 1, self.encoder.features, generator=generator) >= self.drop_features
        embedded = self.encoder(clip, visible.to(device))
        return embedded, torch.stack(labels).to(device), _videos_of(places, device)


def _videos_of(places: Sequence[tuple[int, int, tuple[int, int]]], device: torch.device) -> Tensor:
    return torch.tensor([video for video, _, _ in places], device=device)


def draw_weights(videos: Sequence[LabelledPoses], behaviours: int) -> list[np.ndarray]:
    """Return (time,) per video, how often clips are drawn around each frame.

    Labels of a group: each scored frame as often as any other. Labels of pairs, in which nearly all frames show
    nothing: laboratories are drawn evenly; within one, half of the draws are of any scored frame, and half are of its
    behaviours in turn, however rare they are.

    Args:
        videos: labelled videos, or labelled pairs of videos.
        behaviours: number of behaviours.
    """
    scored = [(video.labels != UNSCORED).astype(float) for video in videos]
    if not are_of_pairs(videos):
        return scored
    for lab in dict.fromkeys(video.lab for video in videos):
        chosen = [i for i, video in enumerate(videos) if video.lab == lab]
        counts = behaviour_counts([videos[i] for i in chosen], behaviours).sum(0)
        of_behaviour = np.divide(0.5 / max((counts > 0).sum(), 1), counts, out=np.zeros(behaviours), where=counts > 0)
        per_frame = of_behaviour + 0.5 / max(counts.sum(), 1)
        for i in chosen:
            scored[i] *= per_frame[videos[i].labels]
    return scored


def _span(values: Tensor, start: int, frames: int, padding: float) -> Tensor:
    """Return ``frames`` rows from ``start`` on, padded where the video ends before."""
    span = values[start : start + frames]
    return torch.cat([span, span.new_full((frames - len(span), *span.shape[1:]), padding)])
