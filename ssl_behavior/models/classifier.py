"""The network of a model: an encoder with a head."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.heads import HeadKind, make_head
from ssl_behavior.poses.clips import ClipBatch


class Classifier(nn.Module):
    """An encoder with a head: clips -> one score per frame and behaviour.

    Args:
        encoder: an encoder, pretrained or with fresh weights.
        kind: kind of head.
        outputs: number of behaviours.
    """

    def __init__(self, encoder: Encoder, kind: HeadKind, outputs: int) -> None:
        super().__init__()
        self.encoder, self.kind, self.outputs = encoder, kind, outputs
        self.head = make_head(kind, encoder.architecture.channels, outputs)

    def forward(self, clip: ClipBatch) -> Tensor:
        """Compute logits (batch, time, behaviour) of a batch of clips."""
        return cast(Tensor, self.head(self.encoder(clip)))
