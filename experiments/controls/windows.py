"""Windows of frames around a frame to label, for the two networks among the controls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ssl_behavior.compute.devices import choose_device, uses_bfloat16
from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.loop import fit
from ssl_behavior.training.schedule import Schedule

ORDERS = ((0, 1), (1, 0))
JITTER = 2
"""Frames by which a window may be moved away from its frame."""
Loss = Callable[[torch.Generator], Tensor]


class Windows:
    """Windows of several series, with zeros past their ends.

    Args:
        series: arrays (time, channel).
        offsets: of a window's frames from its middle frame.

    Attributes:
        frames: an index for each frame of each series, in order; ``windows[index]`` is the window around it.
    """

    def __init__(self, series: Sequence[np.ndarray], offsets: Sequence[int]) -> None:
        self.device = choose_device("auto")
        self.offsets = torch.tensor(list(offsets), device=self.device)
        reach = int(self.offsets.abs().max()) + JITTER
        padded = [np.pad(sequence, ((reach, reach), (0, 0))) for sequence in series]
        starts = np.cumsum([reach, *(len(sequence) for sequence in padded[:-1])])
        self.values = torch.from_numpy(np.concatenate(padded).astype(np.float32)).to(self.device)
        at = [np.arange(start, start + len(sequence)) for start, sequence in zip(starts, series, strict=True)]
        self.frames = torch.from_numpy(np.concatenate(at)).to(self.device)

    def __getitem__(self, frames: Tensor) -> Tensor:
        """Windows (batch, channel, window) as float32."""
        return self.values[frames[:, None] + self.offsets].transpose(1, 2)


class Examples:
    """The windows around the scored frames of several series, with their labels."""

    def __init__(self, series: Sequence[np.ndarray], labels: Sequence[np.ndarray], offsets: Sequence[int]) -> None:
        self.windows = Windows(series, offsets)
        joined = torch.from_numpy(np.concatenate(labels).astype(np.int64)).to(self.windows.device)
        self.frames, self.labels = self.windows.frames[joined != UNSCORED], joined[joined != UNSCORED]

    def draw(self, batch: int, generator: torch.Generator, jitter: int = 0) -> tuple[Tensor, Tensor]:
        """Draw windows (batch, channel, window), moved by up to ``jitter`` frames, and their labels (batch,)."""
        chosen = torch.randint(len(self.frames), (batch,), generator=generator).to(self.frames.device)
        shift = torch.randint(-jitter, jitter + 1, (batch,), generator=generator).to(self.frames.device)
        return self.windows[self.frames[chosen] + shift], self.labels[chosen]


def learn(model: nn.Module, loss: Loss, steps: int, learning_rate: float, seed: int) -> None:
    """Train with Adam at a constant rate."""
    plain = Schedule(steps, learning_rate, weight_decay=0.0, warmup=1, cosine=False, clip_norm=math.inf)
    fit(model, lambda generator: {"loss": loss(generator)}, plain, seed=seed)


def probabilities(model: nn.Module, series: Sequence[np.ndarray], offsets: Sequence[int]) -> np.ndarray:
    """Probabilities (time, behaviour) of one video as float32: the mean over its series, one for each order."""
    windows = Windows(series, offsets)
    autocast = uses_bfloat16("auto", windows.device)
    with torch.inference_mode(), torch.autocast(windows.device.type, torch.bfloat16, enabled=autocast):
        logits = torch.cat([model(windows[frames]).float() for frames in windows.frames.split(1024)])
    mean: np.ndarray = logits.softmax(1).unflatten(0, (len(series), -1)).mean(0).cpu().numpy()
    return mean


def tracks(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """Positions (time, 2, landmark, 2) of a pair without gaps, scaled so that the arena spans about -.5 to .5.

    Missing points are interpolated in time; a landmark that is never seen is in the middle of the arena.
    """
    low, high = np.nanpercentile(poses.positions.reshape(-1, 2), (1, 99), axis=0)
    placed = (poses.positions[:, list(pair)] - (low + high) / 2) / (high - low).max()
    return interpolate(placed)


def interpolate(values: np.ndarray) -> np.ndarray:
    """Values (time, ...) with NaN interpolated linearly in time; 0 where no value is known."""
    columns = values.reshape(len(values), -1).T.copy()
    for column in columns:
        known = np.flatnonzero(~np.isnan(column))
        column[:] = np.interp(np.arange(len(column)), known, column[known]) if known.size else 0.0
    return columns.T.reshape(values.shape)
