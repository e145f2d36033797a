"""CNN-Transformer: dilated convolutions over near frames, then local attention to frames further away.

It follows the CNN-Transformers of the MABe-2025 challenge: four residual convolutions of dilation 1 to 8, then pre-norm
attention. It differs in two ways. A frame attends to the frames within a window only: its reach is finite, memory grows
with the length of a recording and not with its square, and embeddings in chunks equal those in one piece. Positions are
rotary (Su et al. 2021, https://arxiv.org/abs/2104.09864): they encode the distance between two frames, not where they
lie in a chunk.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.models.tcn import FRONT, Architecture, Block, drop_channels


class Transformer(nn.Module):
    """A linear input, convolution blocks, attention blocks, and a norm.

    A frame without known features changes no other frame, whether it lies in a gap or fills up a batch.

    Args:
        inputs: features per frame, 0 where unknown.
        flags: number of inputs, the last ones, that tell which landmarks are seen; they are known in every frame.
        architecture: size of the network.
    """

    def __init__(self, inputs: int, flags: int, architecture: Architecture) -> None:
        super().__init__()
        channels, dropout = architecture.channels, architecture.dropout
        self.kinematics, self.window, self.reach = inputs - flags, architecture.window, architecture.reach
        self.head_channels = channels // architecture.heads
        self.enter = nn.Linear(inputs, channels)
        self.front = nn.ModuleList(Block(channels, 2**i, dropout) for i in range(FRONT))
        self.blocks = nn.ModuleList(
            AttentionBlock(channels, architecture.heads, architecture.window, dropout)
            for _ in range(architecture.blocks)
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, input) -> (batch, time, channel)."""
        frames = x.shape[1]
        x = F.pad(x, (0, 0, 0, -frames % self.window))  # attention needs whole windows; the added frames are unknown
        known = (x[..., : self.kinematics] != 0).any(-1, keepdim=True)
        x = self.enter(x)
        for block in self.front:
            x = block(x, known)
        mask, rotations = attention_mask(known[..., 0], self.window), rotary_angles(x, self.head_channels, self.window)
        for block in self.blocks:
            x = block(x, mask, rotations)
        return cast(Tensor, self.norm(x[:, :frames]))

    def step(self, x: Tensor, state: tuple[Tensor, int] | None, last: bool) -> tuple[Tensor, tuple[Tensor, int]]:
        """Compute ``forward`` in pieces, as ``TCN.step`` does; frames near a cut are computed twice.

        The state holds input frames, and how many of them are done: frames that are not done still depend on these.
        """
        before, done = state or (x[:, :0], 0)
        x = torch.cat([before, x], 1)
        ready = x.shape[1] if last else max(x.shape[1] - self.reach, done)
        embeddings = self(x)[:, done:ready] if ready > done else x.new_empty(len(x), 0, self.norm.normalized_shape[0])
        needed_from = max(ready - self.reach, 0)
        return embeddings, (x[:, needed_from:], ready - needed_from)


class AttentionBlock(nn.Module):
    """Pre-norm residual attention within a window, then a residual mix of channels.

    After Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762).
    """

    def __init__(self, channels: int, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.window, self.dropout = heads, window, dropout
        self.attention_norm = nn.LayerNorm(channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.gather = nn.Linear(channels, channels)
        self.mix_norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.mix = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor, mask: Tensor, rotations: tuple[Tensor, Tensor]) -> Tensor:
        """Pass frames through the block.

        Args:
            x: (batch, time, channel); the time is a multiple of the window.
            mask: see ``attention_mask``.
            rotations: see ``rotary_angles``.

        Returns:
            (batch, time, channel).
        """
        attended = self._attend(self.project(self.attention_norm(x)), mask, rotations)
        x = x + drop_channels(self.gather(attended), self.dropout, self.training)
        hidden = F.gelu(self.widen(self.mix_norm(x)))
        return cast(Tensor, x + self.mix(drop_channels(hidden, self.dropout, self.training)))

    def _attend(self, projected: Tensor, mask: Tensor, rotations: tuple[Tensor, Tensor]) -> Tensor:
        """Queries, keys and values (batch, time, 3 channel) -> attended values (batch, time, channel).

        Time is cut into blocks as long as the window: a frame attends only to its own block and the two beside it.
        """
        split = projected.unflatten(-1, (3, self.heads, -1))
        around = with_adjacent_blocks(split[:, :, 1:], self.window)  # (batch, block, 3 window, 2, head, channel)
        queries = split[:, :, 0].unflatten(1, (-1, self.window))  # (batch, block, window, head, channel)
        middle = slice(self.window, 2 * self.window)
        queries = rotate(queries, rotations[0][middle], rotations[1][middle])
        keys, values = rotate(around[:, :, :, 0], *rotations), around[:, :, :, 1].to(queries.dtype)
        q, k, v = (part.flatten(0, 1).transpose(1, 2) for part in (queries, keys, values))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.flatten(0, 1)[:, None])
        return attended.transpose(1, 2).flatten(2).reshape(*projected.shape[:2], -1)


def with_adjacent_blocks(x: Tensor, window: int) -> Tensor:
    """(batch, time, ...) -> each block of frames with the block before and after it (batch, block, 3 window, ...)."""
    blocks = x.unflatten(1, (-1, window))
    edge = torch.zeros_like(blocks[:, :1])
    padded = torch.cat([edge, blocks, edge], 1)
    return torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], 2)


def attention_mask(known: Tensor, window: int) -> Tensor:
    """Return which frames each frame of a block attends to.

    It attends to the known frames at most ``window`` away. It always attends to itself, as attention to nothing is NaN.

    Args:
        known: (batch, time) bool.
        window: frames.

    Returns:
        (batch, block, window, 3 window) bool.
    """
    query, key = torch.arange(window, 2 * window, device=known.device), torch.arange(3 * window, device=known.device)
    distance = (key - query[:, None]).abs()
    return (with_adjacent_blocks(known, window)[:, :, None] & (distance <= window)) | (distance == 0)


def rotary_angles(like: Tensor, channels: int, window: int) -> tuple[Tensor, Tensor]:
    """Return cosines and sines (3 window, 1, channels / 2) of the rotary positions of a block and the two beside it."""
    speeds = 10000 ** (-torch.arange(0, channels, 2, device=like.device) / channels)
    angles = torch.arange(3 * window, device=like.device)[:, None, None] * speeds
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate each channel of (..., position, head, channel) with its counterpart in the other half by their angle."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], -1)
