"""A CNN-Transformer: dilated convolutions for what is near, then local attention for what is around.

After the CNN-Transformers of the MABe-2025 challenge: four residual convolutions of dilation 1 to 8, then pre-norm
attention. Two things differ. A frame attends to those within a window, so that the reach is finite, memory grows with
the length and not with its square, and a recording embeds in chunks as in one piece. And positions are rotary (Su et
al. 2021, https://arxiv.org/abs/2104.09864), which tell how far apart two frames are and not where in a chunk they lie.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssl_behavior.models.tcn import FRONT, Architecture, Block, drop_channels


class Transformer(nn.Module):
    """Convolution blocks and attention blocks between a linear input and a norm.

    A frame of which nothing is known changes no other, be it in a gap or what fills up a batch.

    Args:
        inputs: features per frame, 0 where unknown.
        flags: how many of the inputs, the last ones, say what is seen and are known in every frame.
        architecture: its size.
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
        x = F.pad(x, (0, 0, 0, -frames % self.window))  # attention works on whole windows; what is added is unknown
        there = (x[..., : self.kinematics] != 0).any(-1, keepdim=True)
        x = self.enter(x)
        for block in self.front:
            x = block(x, there)
        visible, turns = visibility(there[..., 0], self.window), rotations(x, self.head_channels, self.window)
        for block in self.blocks:
            x = block(x, visible, turns)
        return cast(Tensor, self.norm(x[:, :frames]))

    def step(self, x: Tensor, kept: tuple[Tensor, int] | None, last: bool) -> tuple[Tensor, tuple[Tensor, int]]:
        """``forward`` of a long recording piece after piece; as ``Temporal.step``, but for what is computed twice.

        What is kept are frames, of which the first are done and lie within the reach of those that are not.
        """
        before, done = kept or (x[:, :0], 0)
        x = torch.cat([before, x], 1)
        ready = x.shape[1] if last else max(x.shape[1] - self.reach, done)
        found = self(x)[:, done:ready] if ready > done else x.new_empty(len(x), 0, self.norm.normalized_shape[0])
        first = max(ready - self.reach, 0)
        return found, (x[:, first:], ready - first)


class AttentionBlock(nn.Module):
    """Pre-norm residual attention within a window, then a residual mix of channels (Vaswani et al. 2017)."""

    def __init__(self, channels: int, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.window, self.dropout = heads, window, dropout
        self.attention_norm = nn.LayerNorm(channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.gather = nn.Linear(channels, channels)
        self.mix_norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.mix = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor, visible: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """(batch, time, channel) -> same, of a length that is a multiple of the window.

        Args:
            x: to attend to and add to.
            visible: of ``visibility``.
            turns: of ``rotations``.
        """
        attended = self._attend(self.project(self.attention_norm(x)), visible, turns)
        x = x + drop_channels(self.gather(attended), self.dropout, self.training)
        hidden = F.gelu(self.widen(self.mix_norm(x)))
        return cast(Tensor, x + self.mix(drop_channels(hidden, self.dropout, self.training)))

    def _attend(self, projected: Tensor, visible: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """Queries, keys and values (batch, time, 3 channel) -> what frames take from each other (batch, time, channel).

        In blocks of a window's length, as all that a block may attend to lies in it and in the two beside it.
        """
        split = projected.unflatten(-1, (3, self.heads, -1))
        around = surroundings(split[:, :, 1:], self.window)  # (batch, block, 3 window, 2, head, channel)
        queries = split[:, :, 0].unflatten(1, (-1, self.window))  # (batch, block, window, head, channel)
        here = slice(self.window, 2 * self.window)
        queries = turned(queries, turns[0][here], turns[1][here])
        keys, values = turned(around[:, :, :, 0], *turns), around[:, :, :, 1].to(queries.dtype)
        q, k, v = (part.flatten(0, 1).transpose(1, 2) for part in (queries, keys, values))
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=visible.flatten(0, 1)[:, None])
        return found.transpose(1, 2).flatten(2).reshape(*projected.shape[:2], -1)


def surroundings(x: Tensor, window: int) -> Tensor:
    """(batch, time, ...) -> each window with the one before and the one after (batch, block, 3 window, ...)."""
    blocks = x.unflatten(1, (-1, window))
    edge = torch.zeros_like(blocks[:, :1])
    padded = torch.cat([edge, blocks, edge], 1)
    return torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], 2)


def visibility(there: Tensor, window: int) -> Tensor:
    """Which of the frames around a block each of its frames attends to (batch, block, window, 3 window).

    Those at most ``window`` away that are ``there`` (batch, time), and itself, so that none is left without any.
    """
    query, key = torch.arange(window, 2 * window, device=there.device), torch.arange(3 * window, device=there.device)
    apart = (key - query[:, None]).abs()
    return (surroundings(there, window)[:, :, None] & (apart <= window)) | (apart == 0)


def rotations(like: Tensor, channels: int, window: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (3 window, 1, channels / 2) of rotary positions around a block."""
    speeds = 10000 ** (-torch.arange(0, channels, 2, device=like.device) / channels)
    angles = torch.arange(3 * window, device=like.device)[:, None, None] * speeds
    return angles.cos(), angles.sin()


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """(..., position, head, channel) with channel i and its counterpart in the other half turned by their angle."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], -1)
