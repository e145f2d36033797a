"""Temporal convolutional network: features of frames -> one embedding per frame; and the encoder's architecture."""

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
"""Convolution blocks before the attention of a transformer; together they see 15 frames to either side."""


@dataclass(frozen=True)
class Architecture:
    """Kind and size of the encoder.

    Attributes:
        channels: width of the network and length of an embedding.
        blocks: residual blocks. Block i of a tcn sees 2^i frames to either side, each of a transformer ``window``.
        dropout: share of channels that are dropped in training.
        kind: tcn (dilated convolutions), or transformer (four convolutions, then blocks of local attention).
        heads: attention heads of a transformer.
        window: frames to either side that a frame attends to in each block of a transformer.
    """

    channels: Annotated[int, Above(0)] = 128
    blocks: Annotated[int, Above(0)] = 7
    dropout: Annotated[float, Share()] = 0.1
    kind: Literal["tcn", "transformer"] = "tcn"
    heads: int = 4
    window: int = 32

    def __post_init__(self) -> None:
        if self.kind not in ("tcn", "transformer"):
            raise InputError(f"--architecture.kind: expected tcn or transformer; found {self.kind!r}: choose one")
        if self.kind == "tcn" and (self.heads, self.window) != (Architecture.heads, Architecture.window):
            raise InputError(
                "--architecture.heads and --architecture.window belong to a transformer and the architecture is a tcn; "
                "add --architecture.kind transformer, or leave them out"
            )
        if self.kind == "transformer" and (self.heads < 1 or self.window < 1 or self.channels % (2 * self.heads)):
            raise InputError(
                "--architecture: expected a window of at least 1 frame, at least 1 head, and an even number of "
                f"channels per head; found --architecture.window {self.window}, --architecture.heads {self.heads} and "
                f"--architecture.channels {self.channels}: choose channels that are a multiple of twice the heads"
            )

    @property
    def reach(self) -> int:
        """Number of frames to either side that can change an embedding."""
        return 2**self.blocks - 1 if self.kind == "tcn" else 2**FRONT - 1 + self.blocks * self.window


BlockState = tuple[Tensor, Tensor] | None
"""Frames of a block that still wait for later ones, and the normalised frames that it needs to finish them."""


class Block(nn.Module):
    """Residual block: a dilated convolution over three frames, then a mix of channels.

    After Bai et al. 2018 (https://arxiv.org/abs/1803.01271). The convolution is one matrix product over three shifted
    copies of the frames. This is faster than a dilated ``Conv1d`` and keeps the channels last, as the norm and the mix
    need them.
    """

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation, self.dropout = dilation, dropout
        self.norm = nn.LayerNorm(channels)
        self.convolve = nn.Linear(3 * channels, channels)
        self.mix = nn.Linear(channels, channels)

    def forward(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Pass frames through the block.

        Args:
            x: (batch, time, channel).
            known: (batch, time, 1) bool; frames that are not known are zeros to their neighbours. All by default.

        Returns:
            (batch, time, channel).
        """
        normed = self.norm(x) if known is None else self.norm(x) * known
        neighbours = ShiftedFrames.apply(to_autocast_dtype(normed), self.dilation)
        return self._mix(x, neighbours)

    def step(self, x: Tensor, state: BlockState, last: bool) -> tuple[Tensor, BlockState]:
        """Compute ``forward`` of frames that come in pieces; see ``TCN.step``.

        Args:
            x: (batch, time, channel) the next frames, possibly none.
            state: state that the last call returned; None at first.
            last: whether these are the last frames.

        Returns:
            (batch, time, channel) of the frames that are done, and the state for the next call.
        """
        d, normed = self.dilation, to_autocast_dtype(self.norm(x))
        waiting, before = state or (x[:, :0], normed.new_zeros(len(x), d, x.shape[2]))
        waiting, normed = torch.cat([waiting, x], 1), torch.cat([before, normed], 1)
        if last:
            normed = F.pad(normed, (0, 0, 0, d))
        neighbours = with_neighbours(normed, d)
        ready = neighbours.shape[1]
        return self._mix(waiting[:, :ready], neighbours), (waiting[:, ready:], normed[:, ready:])

    def _mix(self, x: Tensor, neighbours: Tensor) -> Tensor:
        hidden = drop_channels(F.gelu(self.convolve(neighbours)), self.dropout, self.training)
        return cast(Tensor, x + self.mix(hidden))


class ShiftedFrames(torch.autograd.Function):
    """Each frame with those ``distance`` before and after it; zeros past the ends.

    It has a gradient of its own: the automatic one, assembled from slices, writes and adds each frame nine times.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, distance: int) -> Tensor:
        """(batch, time, channel) -> (batch, time, 3 channel)."""
        ctx.distance = distance
        return with_neighbours(F.pad(x, (0, 0, distance, distance)), distance)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """(batch, time, 3 channel) -> (batch, time, channel): a frame sums the gradients of its three copies."""
        before, centre, after = gradient.chunk(3, -1)
        frames, distance = gradient.shape[1], ctx.distance
        # Frame t is the earlier neighbour of frame t + distance, and the later one of frame t - distance.
        early, late = slice(None, max(frames - distance, 0)), slice(min(distance, frames), None)
        total = centre.clone()
        total[:, early] += before[:, late]
        total[:, late] += after[:, early]
        return total, None


def with_neighbours(x: Tensor, distance: int) -> Tensor:
    """Concatenate each frame with those ``distance`` before and after it.

    Args:
        x: (batch, time, channel).
        distance: frames.

    Returns:
        (batch, time - 2 distance, 3 channel): earlier, own and later frame, of all frames that have both neighbours.
    """
    frames = max(x.shape[1] - 2 * distance, 0)
    return torch.cat([x[:, i : i + frames] for i in (0, distance, 2 * distance)], -1)


def to_autocast_dtype(x: Tensor) -> Tensor:
    """Cast to the precision of autocast, if it is enabled.

    The next matrix product would cast anyway; before the copies of ``with_neighbours``, it moves half the bytes.
    """
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


def drop_channels(x: Tensor, share: float, training: bool) -> Tensor:
    """Drop whole channels of each clip (batch, time, channel).

    All frames of a clip share a mask: otherwise the neighbours of a frame would reveal the dropped value.
    """
    if not training or not share:
        return x
    mask = batch_random.draw_shard(lambda rows: x.new_empty(rows, 1, x.shape[-1]).bernoulli_(1 - share), len(x))
    return x * mask.div_(1 - share)


class TCN(nn.Module):
    """The TCN: a linear input, residual blocks of doubling dilation, and a norm."""

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

    def step(self, x: Tensor, states: list[BlockState] | None, last: bool) -> tuple[Tensor, list[BlockState]]:
        """Compute ``forward`` of a long recording in pieces.

        No frame is computed twice, and a piece is small enough for the cache of the processor.

        Args:
            x: (batch, time, input) the next frames.
            states: states that the last call returned; None at first.
            last: whether these are the last frames.

        Returns:
            (batch, time, channel) of the frames that are done, and the states for the next call. A frame is done when
            all later frames that it depends on have come; after the last call, all are done.
        """
        x, next_states = self.enter(x), []
        for block, state in zip(self.blocks, states or [None] * len(self.blocks), strict=True):
            x, next_state = cast(Block, block).step(x, state, last)
            next_states.append(next_state)
        return cast(Tensor, self.norm(x)), next_states
