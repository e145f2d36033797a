"""Contrastive learning between two views of neighbouring moments, with lightly's losses and projection heads."""

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
    """Pulls together the embeddings of moments at most ``neighbourhood`` apart and pushes other moments apart.

    Moments are drawn at random, so a few of the other moments may lie in the same neighbourhood (2 in 1,022 by
    default). The embeddings of all processes are gathered before the projection: the head's batch norm then sees the
    whole batch, and so does the loss.

    Args:
        channels: length of an embedding.
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
        """Compute the mean loss over random moments.

        Args:
            first: (batch, time, channel) embeddings of one view.
            second: (batch, time, channel) embeddings of another view; its frames are the same moments.
            generator: generator of the random numbers, on the CPU.
        """
        batch, frames, _ = first.shape
        at = batch_random.randint(0, frames, batch, self.moments, generator=generator)
        shift = batch_random.randint(
            -self.neighbourhood, self.neighbourhood + 1, batch, self.moments, generator=generator
        )
        near = (at + shift).clamp(0, frames - 1)
        rows = torch.arange(batch)[:, None]
        views = [
            self.project(gather_rows(view[rows.to(view.device), when.to(view.device)].flatten(0, 1))).float()
            for view, when in ((first, at), (second, near))
        ]
        if isinstance(self.loss, LeJEPALoss):
            both = torch.stack(views)
            return cast(Tensor, self.loss(local_proj=both, global_proj=both))
        return cast(Tensor, self.loss(*views))


def gather_rows(rows: Tensor) -> Tensor:
    """Gather the rows of all processes, in the order of their ranks. Gradients flow back to each process."""
    return torch.cat(dist.gather(rows)) if dist.world_size() > 1 else rows
