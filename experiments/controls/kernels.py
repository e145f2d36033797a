"""MiniRocket's transform of the frames around each frame: where convolutions that are not learned are positive.

Dempster et al. 2021, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series Classification",
https://arxiv.org/abs/2012.08791. As there: the 84 kernels of nine weights, six of -1 and three of 2; dilations; biases
that are quantiles of the kernel's output; and the share of positive values. For several channels, as in the authors'
code, each kernel takes the sum of one to nine random channels.

The transform describes whole series, and here each frame needs a series of its own: the frames around it. Written for
whole recordings, each kernel passes over a recording once and a running mean gives the share of every window; the
transform of ``aeon`` would convolve each window anew, and its pins exclude this project's pandas and numba. So windows
have no zeros at their ends, as half of those in the paper have: the kernels see the frames beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = np.array([[2.0 if i in three else -1.0 for i in range(9)] for three in combinations(range(9), 3)], np.float32)
DILATIONS = (1, 2, 4, 7)
"""Frames between the weights of a kernel; the longest kernel spans 57 of the 61 frames in 4 s at 15 Hz."""
WINDOWS_S = (0.5, 2.0)
"""Seconds to either side of a frame, as in the summaries that the encoder learns."""
BIASES = 6
MOST_CHANNELS = 9
_GOLDEN = (5**0.5 + 1) / 2


class Kernels:
    """Maps series (time, channel) to features (time, feature), the shares of positive values in windows.

    Args:
        series: arrays (time, channel), whose quantiles become biases.
        frame_rate: Hz.
        seed: seed of the choice of channels.
    """

    def __init__(self, series: Sequence[Tensor], frame_rate: float, seed: int) -> None:
        rng, channels = np.random.default_rng(seed), series[0].shape[1]
        self.reaches = [round(window * frame_rate) for window in WINDOWS_S]
        self.mixes = [_mix(channels, rng) for _ in DILATIONS]
        quantiles = (np.arange(1, len(DILATIONS) * len(WEIGHTS) * BIASES + 1) * _GOLDEN % 1).reshape(
            len(DILATIONS), len(WEIGHTS), BIASES
        )
        self.biases = []
        for number, of_dilation in enumerate(quantiles):
            outputs = torch.cat([self._convolve(values, number) for values in series], 1).sort(1).values
            at = torch.from_numpy(np.rint(of_dilation * (outputs.shape[1] - 1)).astype(np.int64))
            self.biases.append(outputs.gather(1, at))

    def __call__(self, values: Tensor) -> np.ndarray:
        """Features (time, dilation * window * kernel * bias) as float32."""
        columns = []
        for number, biases in enumerate(self.biases):
            positive = (self._convolve(values, number)[:, None] > biases[..., None]).flatten(0, 1).float()
            columns += [running_mean(positive, reach) for reach in self.reaches]
        return torch.cat(columns).T.contiguous().numpy()

    def _convolve(self, values: Tensor, number: int) -> Tensor:
        """Outputs (kernel, time) of the kernels with one of the dilations; zeros lie past the ends."""
        dilation, mixed = DILATIONS[number], (values @ self.mixes[number]).T
        weights = torch.from_numpy(WEIGHTS)[:, None]
        return F.conv1d(mixed, weights, padding=4 * dilation, dilation=dilation, groups=len(weights))


def _mix(channels: int, rng: np.random.Generator) -> Tensor:
    """(channel, kernel): 1 where the kernel takes the channel, 0 elsewhere; few channels are likelier than many."""
    mix, most = np.zeros((channels, len(WEIGHTS)), np.float32), min(channels, MOST_CHANNELS)
    for column in mix.T:
        column[rng.choice(channels, int(2 ** rng.uniform(0, np.log2(most + 1))), replace=False)] = 1
    return torch.from_numpy(mix)


def running_mean(values: Tensor, reach: int) -> Tensor:
    """Means (feature, time) over the frames from ``reach`` before to ``reach`` after, as far as there are any."""
    frames = values.shape[1]
    sums = F.pad(values.cumsum(1), (1, 0))  # of zeros and ones, so float32 is exact
    at = torch.arange(frames)
    low, high = (at - reach).clamp(min=0), (at + reach + 1).clamp(max=frames)
    return (sums[:, high] - sums[:, low]) / (high - low)
