"""Masked modelling: predict hidden kinematics from the frames around them (BERT, https://arxiv.org/abs/1810.04805).

Landmarks are hidden in the poses, before the kinematics are computed, so that no distance or velocity gives a hidden
animal away. (A single hidden landmark leaves the body's centre and heading, which other landmarks carry too.) The
target is the kinematics and not the coordinates, so that it moves with the animals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.cli.validators import Above, Share
from ssl_behavior.compute import batch_random
from ssl_behavior.compute.distributed import mean_over_processes
from ssl_behavior.poses.augment import hide, hide_animals
from ssl_behavior.poses.clips import ClipBatch


@dataclass(frozen=True)
class Masking:
    """How much masked modelling hides.

    Attributes:
        landmarks: share of frames in which a single landmark is hidden.
        animals: share of frames in which a whole animal is hidden.
        everything: share of the frames in which both animals are hidden.
        seconds: mean length of a hidden span.
    """

    landmarks: Annotated[float, Share()] = 0.2
    animals: Annotated[float, Share()] = 0.25
    everything: Annotated[float, Share()] = 0.25
    seconds: Annotated[float, Above(0)] = 2.0


def random_spans(rows: int, frames: int, share: float, length: float, generator: torch.Generator) -> Tensor:
    """Draw (rows, frames) bool: about ``share`` of the frames are True, in spans of about ``length`` frames.

    A two-state Markov chain draws the spans, so their lengths are geometric: often short, sometimes long.
    """
    if share <= 0:
        return torch.zeros(rows, frames, dtype=torch.bool)
    renewed = batch_random.rand(rows, frames, generator=generator) < 1 / length
    renewed[:, 0] = True
    state = batch_random.rand(rows, frames, generator=generator) < share
    last_renewal = torch.where(renewed, torch.arange(frames), 0).cummax(1).values
    return state.gather(1, last_renewal)


def mask(clip: ClipBatch, settings: Masking, frame_rate: float, generator: torch.Generator) -> ClipBatch:
    """Hide random spans of single landmarks, of whole animals and of all animals at once.

    Args:
        clip: batch of clips.
        settings: share of landmarks and animals to hide.
        frame_rate: frame rate of the clip, in Hz.
        generator: generator of the random numbers, on the CPU.
    """
    batch, frames, animals, landmarks = clip.known.shape
    length = settings.seconds * frame_rate
    single_landmarks = random_spans(batch * animals * landmarks, frames, settings.landmarks, length, generator)
    whole_animals = random_spans(batch * animals, frames, settings.animals, length, generator)
    all_animals = random_spans(batch, frames, settings.everything, length, generator)
    hidden = whole_animals.reshape(batch, animals, frames) | all_animals[:, None]
    device = clip.known.device
    clip = hide(clip, single_landmarks.reshape(batch, animals, landmarks, frames).movedim(-1, 1).to(device))
    return hide_animals(clip, hidden.movedim(-1, 1).to(device))


class MaskedModelling(nn.Module):
    """Predicts the kinematics that ``mask`` hid.

    Args:
        channels: length of an embedding.
        features: number of kinematic features.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.decoder = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, features))

    def forward(self, embeddings: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
        """Compute the mean smooth L1 distance over the hidden values of the whole batch.

        Args:
            embeddings: (batch, time, channel) of the masked clip.
            target: (batch, time, feature) kinematics of the whole clip.
            hidden: (batch, time, feature) bool: known in the whole clip and unknown in the masked one.
        """
        error = F.smooth_l1_loss(self.decoder(embeddings).float(), target, reduction="none")
        # Each process divides by the mean count, so that the mean of the processes' losses is the whole batch's.
        return (error * hidden).sum() / mean_over_processes(hidden.sum()).clamp(min=1)
