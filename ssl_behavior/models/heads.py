"""Heads on the encoder: embeddings -> one score per frame and behaviour."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture, Temporal
from ssl_behavior.poses.clips import Clip

HeadKind = Literal["linear", "temporal"]


class LinearHead(nn.Module):
    """One weight per channel and behaviour."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, outputs)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(batch, time, channel) -> logits (batch, time, behaviour)."""
        return cast(Tensor, self.score(embeddings))


class TemporalHead(nn.Module):
    """A small temporal network, for behaviours that take context to tell from frozen embeddings."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.temporal = Temporal(channels, Architecture(channels=64, blocks=6, dropout=0.2))
        self.score = nn.Linear(64, outputs)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(batch, time, channel) -> logits (batch, time, behaviour)."""
        return cast(Tensor, self.score(self.temporal(embeddings)))


def make_head(kind: HeadKind, channels: int, outputs: int) -> nn.Module:
    """A head of this kind with fresh weights."""
    return LinearHead(channels, outputs) if kind == "linear" else TemporalHead(channels, outputs)


class Classifier(nn.Module):
    """An encoder with a head.

    Args:
        encoder: pretrained or fresh.
        kind: of head.
        outputs: number of behaviours.
    """

    def __init__(self, encoder: Encoder, kind: HeadKind, outputs: int) -> None:
        super().__init__()
        self.encoder, self.kind, self.outputs = encoder, kind, outputs
        self.head = make_head(kind, encoder.architecture.channels, outputs)

    def forward(self, clip: Clip) -> Tensor:
        """Clip -> logits (batch, time, behaviour)."""
        return cast(Tensor, self.head(self.encoder(clip)))


def classification_loss(
    logits: Tensor, target: Tensor, weights: Tensor, focal: float = 0.0, smoothing: float = 0.0
) -> Tensor:
    """Weighted cross-entropy over scored frames.

    Args:
        logits: (..., behaviour).
        target: (..., behaviour) probabilities; a row of zeros is an unscored frame.
        weights: (behaviour,) of each behaviour.
        focal: gamma of the focal loss (https://arxiv.org/abs/1708.02002); 0 is plain cross-entropy.
        smoothing: share of the target spread evenly over behaviours.
    """
    scored = target.sum(-1, keepdim=True)
    target = target * (1 - smoothing) + scored * smoothing / target.shape[-1]
    log_probability = F.log_softmax(logits.float(), -1)
    if focal:
        # Not quite 0, where the gradient of a power below 1 is infinite.
        log_probability = (1 - log_probability.exp()).clamp(min=1e-6) ** focal * log_probability
    share = target * weights
    return -(share * log_probability).sum() / share.sum().clamp(min=1e-6)
