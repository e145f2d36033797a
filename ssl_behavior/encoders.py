"""The temporal encoder: an ordered pair of animals over time -> one vector per frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.poses.features import Clip, feature_names, features, pair_clip
from ssl_behavior.poses.prepare import Poses, Preparation


@dataclass(frozen=True)
class Architecture:
    """The encoder's size.

    Attributes:
        channels: width, and length of an embedding.
        blocks: residual blocks; block i looks 2^i frames to either side.
        dropout: share of channels dropped while training.
    """

    channels: int = 128
    blocks: int = 8
    dropout: float = 0.1

    @property
    def reach(self) -> int:
        """Frames to either side that can change an embedding."""
        return 2**self.blocks - 1


class Block(nn.Module):
    """Residual block of a dilated convolution over three frames and a channel mix (Bai et al. 2018, TCN).

    The convolution is written as one matrix product of three shifted copies, which runs nearer to the machine's rate
    than a dilated ``Conv1d`` and leaves the channels last, where the norm and the mix want them.
    """

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation, self.dropout = dilation, dropout
        self.norm = nn.LayerNorm(channels)
        self.convolve = nn.Linear(3 * channels, channels)
        self.mix = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, channel) -> same."""
        frames, d = x.shape[1], self.dilation
        padded = F.pad(self.norm(x), (0, 0, d, d))
        shifted = torch.cat([padded[:, i : i + frames] for i in (0, d, 2 * d)], -1)
        hidden = F.gelu(self.convolve(shifted))
        # Whole channels of a clip: one mask for all its frames, as neighbours would give a dropped value away.
        hidden = F.dropout1d(hidden.transpose(1, 2), self.dropout, self.training).transpose(1, 2)
        return cast(Tensor, x + self.mix(hidden))


class Temporal(nn.Module):
    """A stack of blocks with doubling dilation between a linear input and a norm."""

    def __init__(self, inputs: int, architecture: Architecture) -> None:
        super().__init__()
        channels = architecture.channels
        self.enter = nn.Linear(inputs, channels)
        self.blocks = nn.ModuleList(Block(channels, 2**i, architecture.dropout) for i in range(architecture.blocks))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, input) -> (batch, time, channel)."""
        x = self.enter(x)
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.norm(x))


class Encoder(nn.Module):
    """Poses -> invariant kinematics -> one embedding per frame.

    Args:
        landmarks: names that positions are given for, in order.
        preparation: how recordings are made into the poses it takes.
        architecture: its size.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, landmarks: tuple[str, ...], preparation: Preparation, architecture: Architecture) -> None:
        super().__init__()
        self.landmarks, self.preparation, self.architecture = landmarks, preparation, architecture
        inputs = len(feature_names(landmarks))
        self.temporal = Temporal(inputs, architecture)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))

    @property
    def features(self) -> int:
        """Number of kinematic features per frame."""
        return len(self.mean)

    def kinematics(self, clip: Clip) -> tuple[Tensor, Tensor]:
        """Standardised features (batch, time, feature), 0 where unknown, and where they are known."""
        values, known = features(clip, self.preparation.frame_rate)
        return ((values - self.mean) / self.deviation).clamp(-5, 5) * known, known

    def standardise(self, clips: Iterable[Clip]) -> None:
        """Set mean and deviation of every feature from what is known in the clips."""
        count, total, squares = (torch.zeros(self.features, dtype=torch.float64) for _ in range(3))
        rate = self.preparation.frame_rate
        for clip in clips:
            values, known = (tensor.flatten(0, 1).double().cpu() for tensor in features(clip, rate))
            count, total, squares = count + known.sum(0), total + values.sum(0), squares + values.square().sum(0)
        mean = total / count.clamp(min=1)
        variance = (squares / count.clamp(min=1) - mean.square()).clamp(min=0)
        self.mean.copy_(mean)
        self.deviation.copy_(variance.sqrt().where(variance > 1e-6, 1.0))

    def forward(self, clip: Clip) -> Tensor:
        """Clip -> embeddings (batch, time, channel)."""
        values, _ = self.kinematics(clip)
        return cast(Tensor, self.temporal(values))


@torch.inference_mode()
def embed(encoder: Encoder, poses: Poses, pair: tuple[int, int], chunk: int = 8192) -> Tensor:
    """Embeddings (time, channel) of a whole recording for one ordered pair, in float32 on the CPU.

    Long recordings go through in chunks with as much of their surroundings as the encoder can see, so that every frame
    is what it would be in one piece and memory does not grow with the recording.
    """
    device = encoder.mean.device
    margin = encoder.architecture.reach + 8  # velocities look a few frames further
    total = len(poses.positions)
    out = []
    for start in range(0, total, chunk):
        low, high = max(0, start - margin), min(total, start + chunk + margin)
        clip = pair_clip(poses, low, high, pair).map(lambda tensor: tensor.to(device))
        out.append(encoder(clip)[0, start - low : start - low + chunk].float().cpu())
    return torch.cat(out)
