"""Heads: embeddings -> one score per frame and behaviour; and the loss that trains them."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.models.tcn import TCN, Architecture

HeadKind = Literal["linear", "temporal"]

UNASKED = -1e4
"""Score of a behaviour that nobody looked for: low enough for a probability of 0, and finite."""


def mask_unasked(logits: Tensor, asked: Tensor) -> Tensor:
    """Return logits (..., behaviour) with ``UNASKED`` where ``asked`` (..., behaviour) bool is False."""
    return logits.masked_fill(~asked, UNASKED)


class LinearHead(nn.Module):
    """One weight per channel and behaviour (logistic regression)."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, outputs)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(batch, time, channel) -> logits (batch, time, behaviour)."""
        return cast(Tensor, self.score(embeddings))


class TemporalHead(nn.Module):
    """A small temporal network, for behaviours that frozen embeddings of single frames do not tell apart."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.temporal = TCN(channels, Architecture(channels=64, blocks=6, dropout=0.2))
        self.score = nn.Linear(64, outputs)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(batch, time, channel) -> logits (batch, time, behaviour)."""
        return cast(Tensor, self.score(self.temporal(embeddings)))


class LabHabits(nn.Module):
    """The habits of each laboratory: a scale and a shift of every channel of the embeddings.

    Feature-wise linear modulation (Perez et al. 2018, https://arxiv.org/abs/1709.07871). All start without effect;
    number 0, the unknown laboratory, stays so.

    Args:
        channels: channels of the embeddings.
        labs: number of known laboratories.
    """

    def __init__(self, channels: int, labs: int) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(torch.zeros(labs + 1, 2 * channels), freeze=False, padding_idx=0)

    def forward(self, embeddings: Tensor, labs: Tensor) -> Tensor:
        """(batch, time, channel) and (batch,) numbers of laboratories -> (batch, time, channel)."""
        scale, shift = self.table(labs)[:, None].chunk(2, -1)
        return embeddings * (1 + scale) + shift


def make_head(kind: HeadKind, channels: int, outputs: int) -> nn.Module:
    """Make a head with fresh weights for embeddings of so many channels and so many outputs."""
    return LinearHead(channels, outputs) if kind == "linear" else TemporalHead(channels, outputs)


def classification_loss(
    logits: Tensor, target: Tensor, weights: Tensor, focal: float = 0.0, smoothing: float = 0.0
) -> Tensor:
    """Compute the weighted cross-entropy, divided by the number of scored frames.

    Dividing by the weight of a batch instead would let a batch without a rare behaviour count the others in full.

    Args:
        logits: (..., behaviour), ``UNASKED`` where nobody looked for the behaviour (see ``mask_unasked``).
        target: (..., behaviour) probabilities; a row of zeros is an unscored frame.
        weights: (behaviour,) how much a frame of each behaviour counts.
        focal: gamma of the focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002); 0 is plain cross-entropy.
        smoothing: share of the target that is spread evenly over all behaviours (label smoothing).

    Returns:
        A scalar; 0 if no frame is scored.
    """
    # Half of it, as bfloat16 rounds.
    scored, asked = target.sum(-1, keepdim=True), logits > UNASKED / 2
    target = target * (1 - smoothing) + scored * asked * smoothing / asked.sum(-1, keepdim=True).clamp(min=1)
    log_probability = F.log_softmax(logits.float(), -1)
    if focal:
        # Above 0: there the gradient of a power below 1 is infinite.
        log_probability = (1 - log_probability.exp()).clamp(min=1e-6) ** focal * log_probability
    share = target * weights
    return -(share * log_probability).sum() / scored.sum().clamp(min=1e-6)
