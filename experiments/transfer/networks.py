"""Networks that learn from labelled windows: an encoder, fresh or pretrained, and a linear layer on what it gives."""

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
from ssl_behavior.poses.clips import Clip
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.training.loop import fit
from ssl_behavior.training.schedule import Schedule

_BATCH = 16  # windows of each kind
_AUGMENTATION = Augmentation(drop_animals=0.0, swap_identities=0.0)
_PRETRAINED = 0.3  # rate of a pretrained encoder relative to the layer's, as when fine-tuning with the shipped defaults


class WindowClassifier(nn.Module):
    """An encoder and a linear layer on its embeddings, pooled over a window."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.score = nn.Linear(4 * encoder.architecture.channels, 1)

    def forward(self, clip: Clip) -> Tensor:
        """Clip of windows -> logits (window,)."""
        return cast(Tensor, self.score(pooled(self.encoder, clip))[:, 0])


def trained(
    encoder: Encoder, pretrained: bool, clips: Clip, shown: np.ndarray, draw: Draw, steps: int, seed: int
) -> dict[str, float]:
    """Scores, on the draw's test windows, of a copy of the encoder trained on the draw's labelled ones.

    Args:
        encoder: to begin with.
        pretrained: whether it has learned already, and is moved less.
        clips: all windows.
        shown: (window,) bool.
        draw: which to learn from.
        steps: batches, half of each showing the behaviour.
        seed: of all random numbers.
    """
    torch.manual_seed(seed)
    model = WindowClassifier(deepcopy(encoder))
    kinds = [torch.from_numpy(draw.labelled[shown[draw.labelled] == kind]) for kind in (True, False)]
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
    return scores(shown[draw.test], logits.sigmoid().float().numpy())
