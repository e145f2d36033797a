"""Summaries: predict means and spreads of the kinematics over the seconds around a frame, some of them hidden.

A behaviour shows in the course of seconds rather than in a single frame. The winner of MABe22 (BAMS, Azabou et al.
2023, https://arxiv.org/abs/2303.08811) also has targets at several time scales: histograms of the future. Our windows
are centred on the frame.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.compute.distributed import mean_over_processes

WINDOWS_S = (0.5, 2.0)
"""Seconds to either side of a frame, window by window."""
# Share of a window in which a feature must be known to be a target.
_LEAST_KNOWN = 0.5
# Frames from one summary to the next: those of neighbouring frames are nearly the same.
_EVERY = 5


class Summaries(nn.Module):
    """Predicts means and standard deviations of the whole clip's kinematics around every ``_EVERY``-th frame.

    Args:
        channels: length of an embedding.
        features: number of kinematic features.
        frame_rate: Hz.
    """

    def __init__(self, channels: int, features: int, frame_rate: float) -> None:
        super().__init__()
        self.reaches = [max(1, round(seconds * frame_rate)) for seconds in WINDOWS_S]
        outputs = 2 * len(self.reaches) * features
        self.decoder = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, outputs))

    def forward(self, embeddings: Tensor, values: Tensor, known: Tensor) -> Tensor:
        """Compute the mean smooth L1 distance over summaries; a feature must be known in at least half of a window.

        Args:
            embeddings: (batch, time, channel) of the masked clip.
            values: (batch, time, feature) standardised kinematics of the whole clip, 0 where unknown.
            known: (batch, time, feature) bool.
        """
        target, is_target = summaries(values, known, self.reaches)
        error = F.smooth_l1_loss(self.decoder(embeddings[:, ::_EVERY]).float(), target, reduction="none")
        return (error * is_target).sum() / mean_over_processes(is_target.sum()).clamp(min=1)


def summaries(values: Tensor, known: Tensor, reaches: list[int]) -> tuple[Tensor, Tensor]:
    """Compute mean and standard deviation of the known values around every ``_EVERY``-th frame.

    Args:
        values: (batch, time, feature), 0 where unknown.
        known: (batch, time, feature) bool.
        reaches: frames to either side, window by window.

    Returns:
        (batch, frame, 2 window feature) means and standard deviations, and a bool of the same shape: whether enough of
        the window is known.
    """
    weights = known.float()
    targets, are_known = [], []
    for reach in reaches:
        share, total, squares = (_around(x, reach) for x in (weights, values, values.square()))
        mean = total / share.clamp(min=1e-6)
        # Rounding can make the difference of squares slightly negative.
        targets += [mean, (squares / share.clamp(min=1e-6) - mean.square()).clamp(min=0).sqrt()]
        are_known += [share >= _LEAST_KNOWN] * 2
    return torch.cat(targets, -1), torch.cat(are_known, -1)


def _around(x: Tensor, reach: int) -> Tensor:
    """Return means (batch, frame, feature) over ``reach`` frames to either side, and over fewer at the ends."""
    return F.avg_pool1d(x.transpose(1, 2), 2 * reach + 1, _EVERY, reach, count_include_pad=False).transpose(1, 2)
