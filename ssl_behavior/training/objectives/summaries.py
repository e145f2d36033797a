"""Summaries: tell how the kinematics go over the seconds around a frame, with parts of them hidden.

A behaviour is less what happens in a frame than how its seconds go: their means and spreads, at several time scales.
Such targets at several scales carried the winner of MABe22 (BAMS, Azabou et al. 2023, https://arxiv.org/abs/2303.08811),
which predicts histograms of the future; these are centred on the frame.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.compute.distributed import averaged

WINDOWS_S = (0.5, 2.0)
"""Seconds to either side that are summarised."""
_LEAST_KNOWN = 0.5
_EVERY = 5
"""Frames from one summary to the next: neighbours' are nearly the same."""


class Summaries(nn.Module):
    """Predicts means and standard deviations of the whole clip's kinematics around frames.

    Args:
        channels: of an embedding.
        features: number of kinematic features.
        frame_rate: Hz.
    """

    def __init__(self, channels: int, features: int, frame_rate: float) -> None:
        super().__init__()
        self.reaches = [max(1, round(seconds * frame_rate)) for seconds in WINDOWS_S]
        outputs = 2 * len(self.reaches) * features
        self.decoder = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, outputs))

    def forward(self, embeddings: Tensor, values: Tensor, known: Tensor) -> Tensor:
        """Mean smooth L1 distance over the summaries of windows in which a feature is known half of the time.

        Args:
            embeddings: (batch, time, channel) of the masked clip.
            values: (batch, time, feature) standardised kinematics of the whole clip, 0 where unknown.
            known: (batch, time, feature) bool.
        """
        target, sure = summaries(values, known, self.reaches)
        error = F.smooth_l1_loss(self.decoder(embeddings[:, ::_EVERY]).float(), target, reduction="none")
        return (error * sure).sum() / averaged(sure.sum()).clamp(min=1)


def summaries(values: Tensor, known: Tensor, reaches: list[int]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of what is known around every ``_EVERY``-th frame.

    Args:
        values: (batch, time, feature), 0 where unknown.
        known: (batch, time, feature) bool.
        reaches: frames to either side, window by window.

    Returns:
        (batch, frame, 2 window feature) means and deviations, and whether enough of the window is known.
    """
    share = known.float()
    parts, sure = [], []
    for reach in reaches:
        count, total, squares = (_around(x, reach) for x in (share, values, values.square()))
        mean = total / count.clamp(min=1e-6)
        parts += [mean, (squares / count.clamp(min=1e-6) - mean.square()).clamp(min=0).sqrt()]
        sure += [count >= _LEAST_KNOWN] * 2
    return torch.cat(parts, -1), torch.cat(sure, -1)


def _around(x: Tensor, reach: int) -> Tensor:
    """(batch, frame, feature) means over ``reach`` frames to either side, over fewer at the ends."""
    return F.avg_pool1d(x.transpose(1, 2), 2 * reach + 1, _EVERY, reach, count_include_pad=False).transpose(1, 2)
