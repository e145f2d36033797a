"""The network of a model: an encoder with a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.heads import HeadKind, LabHabits, make_head
from ssl_behavior.poses.clips import ClipBatch


class Classifier(nn.Module):
    """An encoder with a head: clips -> one score per frame and behaviour.

    Args:
        encoder: an encoder, pretrained or with fresh weights.
        kind: kind of head.
        outputs: number of behaviours.
        labs: names of the laboratories whose habits of annotation the head learns; without any, all are taken alike.
    """

    def __init__(self, encoder: Encoder, kind: HeadKind, outputs: int, labs: Sequence[str] = ()) -> None:
        super().__init__()
        self.encoder, self.kind, self.outputs, self.labs = encoder, kind, outputs, tuple(labs)
        self.habits = LabHabits(encoder.architecture.channels, len(self.labs)) if labs else None
        self.head = make_head(kind, encoder.architecture.channels, outputs)

    def forward(self, clip: ClipBatch, labs: Tensor | None = None) -> Tensor:
        """Compute logits (batch, time, behaviour) of a batch of clips, see ``score``."""
        return self.score(self.encoder(clip), labs)

    def score(self, embeddings: Tensor, labs: Tensor | None = None) -> Tensor:
        """Compute logits (batch, time, behaviour) of embeddings (batch, time, channel).

        Args:
            embeddings: as from ``encoder``.
            labs: (batch,) numbers as from ``lab_numbers``; all unknown by default.
        """
        if self.habits is not None:
            if labs is None:
                labs = torch.zeros(len(embeddings), dtype=torch.long, device=embeddings.device)
            embeddings = self.habits(embeddings, labs)
        return cast(Tensor, self.head(embeddings))

    def lab_numbers(self, labs: Sequence[str]) -> Tensor:
        """Return (lab,) numbers of laboratories by their names; 0 for an unknown one."""
        return torch.tensor([self.labs.index(lab) + 1 if lab in self.labs else 0 for lab in labs])
