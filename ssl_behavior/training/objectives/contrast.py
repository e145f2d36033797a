"""Contrast between two views of neighbouring moments, through lightly's losses and projection heads."""

from __future__ import annotations

from typing import Literal, cast

import torch
from lightly.loss import BarlowTwinsLoss, LeJEPALoss, NTXentLoss, VICRegLoss
from lightly.models.modules.heads import (
    BarlowTwinsProjectionHead,
    LeJEPAProjectionHead,
    SimCLRProjectionHead,
    VICRegProjectionHead,
)
from lightly.utils import dist
from torch import Tensor, nn

from ssl_behavior.compute import batch_random

ContrastLoss = Literal["ntxent", "vicreg", "barlow_twins", "lejepa"]
_WIDTH = 256


class Contrast(nn.Module):
    """Pulls together two views of moments at most ``neighbourhood`` apart and keeps others apart.

    Moments are drawn at random, so a few of the others may lie in the same neighbourhood (2 in 1,022 by default). Those
    of all processes are gathered before they are projected, so that the head's batch norm sees them all and every loss
    is that of the whole batch.

    Args:
        channels: of an embedding.
        loss: ``ntxent`` (SimCLR, https://arxiv.org/abs/2002.05709), ``vicreg`` (https://arxiv.org/abs/2105.04906),
            ``barlow_twins`` (https://arxiv.org/abs/2103.03230) or ``lejepa`` (https://arxiv.org/abs/2511.08544).
        neighbourhood: frames that count as the same moment.
        moments: frames taken from each clip.
    """

    def __init__(self, channels: int, loss: ContrastLoss, neighbourhood: int, moments: int = 32) -> None:
        super().__init__()
        self.neighbourhood, self.moments = neighbourhood, moments
        self.loss: nn.Module
        self.project: nn.Module
        if loss == "ntxent":
            self.project, self.loss = SimCLRProjectionHead(channels, _WIDTH, 64), NTXentLoss(temperature=0.1)
        elif loss == "vicreg":
            self.project, self.loss = VICRegProjectionHead(channels, _WIDTH, _WIDTH), VICRegLoss()
        elif loss == "barlow_twins":
            self.project, self.loss = BarlowTwinsProjectionHead(channels, _WIDTH, _WIDTH), BarlowTwinsLoss()
        elif loss == "lejepa":
            self.project, self.loss = LeJEPAProjectionHead(channels, _WIDTH, 64), LeJEPALoss()
        else:
            raise ValueError(f"loss must be ntxent, vicreg, barlow_twins or lejepa; got {loss!r}")

    def forward(self, first: Tensor, second: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of two views (batch, time, channel) of the same clips, frame by frame the same moments."""
        batch, frames, _ = first.shape
        at = batch_random.randint(0, frames, batch, self.moments, generator=generator)
        shift = batch_random.randint(
            -self.neighbourhood, self.neighbourhood + 1, batch, self.moments, generator=generator
        )
        near = (at + shift).clamp(0, frames - 1)
        rows = torch.arange(batch)[:, None]
        views = [
            self.project(gathered(view[rows.to(view.device), when.to(view.device)].flatten(0, 1))).float()
            for view, when in ((first, at), (second, near))
        ]
        if isinstance(self.loss, LeJEPALoss):
            both = torch.stack(views)
            return cast(Tensor, self.loss(local_proj=both, global_proj=both))
        return cast(Tensor, self.loss(*views))


def gathered(rows: Tensor) -> Tensor:
    """The rows of all processes, those of the first process first; gradients find their way back."""
    return torch.cat(dist.gather(rows)) if dist.world_size() > 1 else rows
