"""Networks that learn from labelled windows: an encoder, pretrained or not, and a linear layer on its embeddings."""

from __future__ import annotations

from copy import deepcopy
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.transfer.probes import Draw, pooled, scores
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.augment import Augmentation, augment
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.training.loop import fit
from ssl_behavior.training.schedule import Schedule

_BATCH = 16  # windows of each kind
_AUGMENTATION = Augmentation(drop_animals=0.0, swap_identities=0.0)
_PRETRAINED = 0.3  # rate of a pretrained encoder relative to the layer's; finetune's default


class WindowClassifier(nn.Module):
    """An encoder and a linear layer on its embeddings, pooled over a window."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.score = nn.Linear(4 * encoder.architecture.channels, 1)

    def forward(self, clip: ClipBatch) -> Tensor:
        """Logits (window,) of a clip of windows."""
        return cast(Tensor, self.score(pooled(self.encoder, clip))[:, 0])


def train(
    encoder: Encoder, pretrained: bool, clips: ClipBatch, shows: np.ndarray, draw: Draw, steps: int, seed: int
) -> dict[str, float]:
    """Train a copy of the encoder on the labelled windows of a draw; returns its scores on the test windows.

    Args:
        encoder: to start from.
        pretrained: whether it is pretrained, which lowers its learning rate.
        clips: all windows.
        shows: (window,) bool, whether a window shows the behaviour.
        draw: the windows to learn from and to test on.
        steps: number of batches; half of each batch shows the behaviour.
        seed: of all random numbers.
    """
    torch.manual_seed(seed)
    model = WindowClassifier(deepcopy(encoder))
    kinds = [torch.from_numpy(draw.labelled[shows[draw.labelled] == kind]) for kind in (True, False)]
    target = torch.tensor([1.0, 0.0]).repeat_interleave(_BATCH)
    reflected = mirror(encoder.landmarks)

    def losses(generator: torch.Generator) -> dict[str, Tensor]:
        chosen = torch.cat([kind[torch.randint(len(kind), (_BATCH,), generator=generator)] for kind in kinds])
        batch = augment(clips.map(lambda tensor: tensor[chosen]), reflected, _AUGMENTATION, generator)
        return {"loss": F.binary_cross_entropy_with_logits(model(batch).float(), target)}

    rates = {"encoder.": _PRETRAINED if pretrained else 1.0}
    fit(model, losses, Schedule(steps, weight_decay=0.05, warmup=20, factors=rates), seed=seed)
    with torch.inference_mode():
        logits = model(clips.map(lambda tensor: tensor[torch.from_numpy(draw.test)]))
    return scores(shows[draw.test], logits.sigmoid().float().numpy())
