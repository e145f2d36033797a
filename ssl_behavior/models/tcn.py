"""Dilated convolutions over time: features of frames -> one vector per frame; and the size of what does so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.cli.validators import Above, Share
from ssl_behavior.compute import batch_random
from ssl_behavior.errors import InputError

FRONT = 4
"""Convolution blocks before a transformer's attention; together they look 15 frames to either side."""


@dataclass(frozen=True)
class Architecture:
    """The encoder's kind and size.

    Attributes:
        channels: width, and length of an embedding.
        blocks: residual blocks. Block i of a tcn looks 2^i frames to either side, each of a transformer ``window``.
        dropout: share of channels dropped while training.
        kind: tcn (dilated convolutions), or transformer (a few of them, then blocks of local attention).
        heads: of a transformer's attention.
        window: frames to either side that a frame of a transformer attends to, in each block.
    """

    channels: Annotated[int, Above(0)] = 128
    blocks: Annotated[int, Above(0)] = 7
    dropout: Annotated[float, Share()] = 0.1
    kind: Literal["tcn", "transformer"] = "tcn"
    heads: int = 4
    window: int = 32

    def __post_init__(self) -> None:
        if self.kind not in ("tcn", "transformer"):
            raise InputError(f"--architecture.kind: expected tcn or transformer and found {self.kind!r}")
        if self.kind == "tcn" and (self.heads, self.window) != (Architecture.heads, Architecture.window):
            raise InputError(
                "--architecture.heads and --architecture.window are those of a transformer and the kind is tcn; "
                "give --architecture.kind transformer, or leave them out"
            )
        if self.kind == "transformer" and (self.heads < 1 or self.window < 1 or self.channels % (2 * self.heads)):
            raise InputError(
                "--architecture: expected a window of at least 1 frame, at least 1 head, and channels that divide into "
                f"an even number for each head; found --architecture.window {self.window}, --architecture.heads "
                f"{self.heads} and --architecture.channels {self.channels}"
            )

    @property
    def reach(self) -> int:
        """Frames to either side that can change an embedding."""
        return 2**self.blocks - 1 if self.kind == "tcn" else 2**FRONT - 1 + self.blocks * self.window


Kept = tuple[Tensor, Tensor] | None
"""Of a block's frames that still wait for later ones, what it needs then."""


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

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        """(batch, time, channel) -> same; frames that are not ``there`` (batch, time, 1) count as none."""
        normed = self.norm(x) if there is None else self.norm(x) * there
        shifted = ShiftedFrames.apply(in_working_precision(normed), self.dilation)
        return self._mixed(x, shifted)

    def step(self, x: Tensor, kept: Kept, last: bool) -> tuple[Tensor, Kept]:
        """``forward`` of frames that come piece after piece; see ``Temporal.step``.

        Args:
            x: (batch, time, channel) next frames; there may be none.
            kept: by the former call: frames that are not done, and, normed, these and those before that it looks at.
            last: whether no more will come.
        """
        d, normed = self.dilation, in_working_precision(self.norm(x))
        waiting, before = kept or (x[:, :0], normed.new_zeros(len(x), d, x.shape[2]))
        waiting, normed = torch.cat([waiting, x], 1), torch.cat([before, normed], 1)
        if last:
            normed = F.pad(normed, (0, 0, 0, d))
        shifted = beside(normed, d)
        ready = shifted.shape[1]
        return self._mixed(waiting[:, :ready], shifted), (waiting[:, ready:], normed[:, ready:])

    def _mixed(self, x: Tensor, shifted: Tensor) -> Tensor:
        hidden = drop_channels(F.gelu(self.convolve(shifted)), self.dropout, self.training)
        return cast(Tensor, x + self.mix(hidden))


class ShiftedFrames(torch.autograd.Function):
    """Each frame beside those ``distance`` before and after it, zeros past the ends.

    With a gradient of its own, as the one that is put together from slices writes and adds up each frame nine times.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, distance: int) -> Tensor:
        """(batch, time, channel) -> (batch, time, 3 channel)."""
        ctx.distance = distance
        return beside(F.pad(x, (0, 0, distance, distance)), distance)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Of (batch, time, 3 channel), added up where they came from."""
        before, here, after = gradient.chunk(3, -1)
        total, near = here.clone(), slice(None, max(gradient.shape[1] - ctx.distance, 0))
        far = slice(min(ctx.distance, gradient.shape[1]), None)
        total[:, near] += before[:, far]
        total[:, far] += after[:, near]
        return total, None


def beside(x: Tensor, distance: int) -> Tensor:
    """Each frame that has others ``distance`` before and after it, between these: (batch, time, 3 channel)."""
    frames = max(x.shape[1] - 2 * distance, 0)
    return torch.cat([x[:, i : i + frames] for i in (0, distance, 2 * distance)], -1)


def in_working_precision(x: Tensor) -> Tensor:
    """As autocast would have it anyway where it is multiplied next: cast before it is copied, it is half the bytes."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


def drop_channels(x: Tensor, share: float, training: bool) -> Tensor:
    """(batch, time, channel) with whole channels of a clip dropped.

    One mask for all frames, as neighbours would give a dropped value away.
    """
    if not training or not share:
        return x
    kept = batch_random.own(lambda rows: x.new_empty(rows, 1, x.shape[-1]).bernoulli_(1 - share), len(x))
    return x * kept.div_(1 - share)


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

    def step(self, x: Tensor, kept: list[Kept] | None, last: bool) -> tuple[Tensor, list[Kept]]:
        """``forward`` of a long recording in pieces: no frame is computed twice, and a piece stays in the cache.

        Args:
            x: (batch, time, input) the next frames.
            kept: what the former call said to keep; None at the first.
            last: whether these frames are the last.

        Returns:
            (batch, time, channel) of the frames that are done, which are as many as have come after the last call, and
            what to keep for the next.
        """
        x, keeps = self.enter(x), []
        for block, former in zip(self.blocks, kept or [None] * len(self.blocks), strict=True):
            x, keep = cast(Block, block).step(x, former, last)
            keeps.append(keep)
        return cast(Tensor, self.norm(x)), keeps
