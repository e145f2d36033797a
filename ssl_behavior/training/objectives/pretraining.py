"""The pretraining objective: the weighted sum of masked modelling, summaries and contrast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from ssl_behavior.cli.validators import AtLeast
from ssl_behavior.compute import batch_random
from ssl_behavior.compute.distributed import world_size
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.augment import Augmentation, augment, warp
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.training.objectives.contrast import Contrast, gather_rows
from ssl_behavior.training.objectives.masking import MaskedModelling, Masking, mask
from ssl_behavior.training.objectives.summaries import Summaries


@dataclass(frozen=True)
class Objective:
    """The losses that the encoder is trained with.

    Attributes:
        masked_weight: weight of masked modelling; 0 leaves it out.
        summaries_weight: weight of the summaries of the seconds around a frame; 0 leaves them out.
        contrast: loss between two views of neighbouring moments, or ``none``.
        contrast_weight: weight of this loss; 0 leaves it out.
        neighbourhood: moments at most this many seconds apart count as the same for the contrast.
        masking: how much is hidden from the encoder, for all three losses.
        augmentation: how clips are varied.
    """

    masked_weight: Annotated[float, AtLeast(0)] = 1.0
    summaries_weight: Annotated[float, AtLeast(0)] = 1.0
    contrast: Literal["ntxent", "vicreg", "barlow_twins", "lejepa", "none"] = "none"
    contrast_weight: Annotated[float, AtLeast(0)] = 0.1
    neighbourhood: Annotated[float, AtLeast(0)] = 0.25
    masking: Masking = field(default_factory=Masking)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def weights(self) -> dict[str, float]:
        """Return the weights of the losses that are not left out, by name.

        Examples:
            >>> Objective(summaries_weight=0).weights()
            {'masked': 1.0}
        """
        contrast = 0.0 if self.contrast == "none" else self.contrast_weight
        weights = {"masked": self.masked_weight, "summaries": self.summaries_weight, "contrast": contrast}
        return {name: weight for name, weight in weights.items() if weight}


class Pretraining(nn.Module):
    """Losses of an encoder on augmented and masked clips.

    One pass of the encoder serves all losses. Contrast needs two views of each clip; without it there is one.

    Args:
        encoder: encoder to train.
        objective: the losses and their weights.
    """

    def __init__(self, encoder: Encoder, objective: Objective) -> None:
        super().__init__()
        self.encoder, self.objective, self.weights = encoder, objective, objective.weights()
        channels, rate = encoder.architecture.channels, encoder.preparation.frame_rate
        self.masked = MaskedModelling(channels, encoder.features) if "masked" in self.weights else None
        self.summaries = Summaries(channels, encoder.features, rate) if "summaries" in self.weights else None
        self.contrast = (
            Contrast(channels, objective.contrast, round(objective.neighbourhood * rate))
            if "contrast" in self.weights and objective.contrast != "none"
            else None
        )
        self.mirror = mirror(encoder.landmarks)

    def forward(self, clip: ClipBatch, frames: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the losses of one batch by name. ``loss`` is their weighted sum, and ``rank`` watches for a collapse.

        Args:
            clip: batch of clips of ``objective.augmentation.frames_needed(frames)`` frames.
            frames: number of frames of a view, after the change of tempo.
            generator: generator of the random numbers, on the CPU.
        """
        clip, _ = warp(clip, frames, self.objective.augmentation.warp, generator)
        with batch_random.views(1 if self.contrast is None else 2):
            views = self._views(clip, generator)
            with torch.no_grad():
                target, known = self.encoder.kinematics(views)
                hidden = mask(views, self.objective.masking, self.encoder.preparation.frame_rate, generator)
                masked, visible = self.encoder.mask_kinematics(target, hidden)
            embeddings = self.encoder.temporal(masked)
        losses: dict[str, Tensor] = {}
        if self.masked is not None:
            losses["masked"] = self.masked(embeddings, target, known & ~visible)
        if self.summaries is not None:
            losses["summaries"] = self.summaries(embeddings, target, known)
        if self.contrast is not None:
            losses["contrast"] = self.contrast(*embeddings.chunk(2), generator)
        total = torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum()
        return {"loss": total, **losses, "rank": effective_rank(embeddings.detach())}

    def _views(self, clip: ClipBatch, generator: torch.Generator) -> ClipBatch:
        """Make one view of each clip, or for contrast two of the same moments: all first views, then all second."""
        if self.contrast is not None:
            clip = clip.map(lambda tensor: torch.cat([tensor, tensor]))
        return augment(clip, self.mirror, self.objective.augmentation, generator)


def effective_rank(embeddings: Tensor, frames: int = 1024) -> Tensor:
    """Compute the effective number of directions that embeddings use; a fall towards 1 is a collapse.

    It is the exponential of the entropy of their covariance's spectrum (Roy and Vetterli 2007;
    https://arxiv.org/abs/2210.02885).

    Args:
        embeddings: (batch, time, channel).
        frames: number of embeddings to use, evenly spread, as all would take long.

    Returns:
        Scalar between 1 and the number of channels.
    """
    flat = embeddings.float().flatten(0, 1).nan_to_num()
    flat = gather_rows(flat[:: max(1, len(flat) * world_size() // frames)])
    spectrum = torch.linalg.eigvalsh(torch.cov(flat.T)).clamp(min=0)
    # The floor keeps the rounding errors of identical embeddings from counting as many directions.
    share = spectrum / spectrum.sum().clamp(min=1e-6)
    return (-torch.xlogy(share, share).sum()).exp()
