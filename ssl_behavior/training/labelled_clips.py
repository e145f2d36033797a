"""Random clips of labelled videos, embedded, with their labels: what a classifier is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from torch import Tensor

from ssl_behavior.models.classifier import Classifier
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

# Weaker than in pretraining: a hidden animal or swapped identities would change what the label means.
AUGMENTATION = Augmentation(jitter=0.02, warp=0.1, drop_landmarks=0.1, drop_animals=0.0, swap_identities=0.0)


class LabelledClips:
    """Random clips around scored frames, embedded, with their labels.

    Args:
        classifier: network whose encoder embeds the clips, on its device.
        videos: labelled videos, or labelled pairs of videos.
        clip_seconds: length of a clip.
        drop_features: share of the kinematic features that are hidden in each clip.
        drop_labs: share of the clips whose laboratory is hidden.
        embedded: embeddings of the videos by a frozen encoder, in place of clips.
    """

    def __init__(
        self,
        classifier: Classifier,
        videos: Sequence[LabelledPoses],
        clip_seconds: float,
        drop_features: float,
        drop_labs: float,
        embedded: EmbeddingsByPair | None,
    ) -> None:
        self.classifier, self.encoder, self.embedded = classifier, classifier.encoder, embedded
        self.videos, self.drop_features, self.drop_labs = videos, drop_features, drop_labs
        self.frames = round(clip_seconds * classifier.encoder.preparation.frame_rate)
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
        if self.classifier.habits is None or self.drop_labs == 1:
            return torch.zeros_like(numbers)
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
