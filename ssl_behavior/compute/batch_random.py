"""Random numbers of batches that several processes share.

Each process draws the numbers of the whole batch, from generators with the same seed, and keeps the rows of its own
clips. So the generators stay in step, and the shards together are the batch that a single process would draw.

``shard`` and ``views`` set the shard that a process keeps, in a ``with`` block. A context variable holds it rather than
an argument, because dropout needs it too: layers of a network call dropout with a tensor and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class _Shard:
    """Shard ``rank`` of ``world_size`` shards of a batch with ``views`` views of each clip, view after view."""

    rank: int = 0
    world_size: int = 1
    views: int = 1


_WHOLE = _Shard()
_SHARD: ContextVar[_Shard] = ContextVar("shard", default=_WHOLE)


@contextmanager
def shard(rank: int, world_size: int) -> Iterator[None]:
    """Draw only shard ``rank`` of ``world_size`` equal shards of each batch, for a ``with`` block."""
    with _use_shard(replace(_SHARD.get(), rank=rank, world_size=world_size)):
        yield


@contextmanager
def views(number: int) -> Iterator[None]:
    """Draw several views of each clip, the first view of all clips before the second, for a ``with`` block."""
    with _use_shard(replace(_SHARD.get(), views=number)):
        yield


@contextmanager
def _use_shard(shard: _Shard) -> Iterator[None]:
    token = _SHARD.set(shard)
    try:
        yield
    finally:
        _SHARD.reset(token)


def draw_shard(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """Draw random numbers for the whole batch and return this shard's rows.

    Args:
        draw: number of rows of the whole batch -> tensor (rows, ...).
        rows: number of rows of this shard. A clip may have several rows, one after the other.

    Returns:
        Tensor (rows, ...).
    """
    shard = _SHARD.get()
    batch = draw(rows * shard.world_size)
    return batch.unflatten(0, (shard.views, shard.world_size, -1))[:, shard.rank].flatten(0, 1)


def rand(rows: int, *shape: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Tensor:
    """Draw (rows, *shape) numbers between 0 and 1."""
    return draw_shard(lambda n: torch.rand(n, *shape, generator=generator, dtype=dtype), rows)


def randn(rows: int, *shape: int, generator: torch.Generator) -> Tensor:
    """Draw (rows, *shape) standard normal numbers."""
    return draw_shard(lambda n: torch.randn(n, *shape, generator=generator), rows)


def randint(low: int, high: int, rows: int, *shape: int, generator: torch.Generator) -> Tensor:
    """Draw (rows, *shape) whole numbers from ``low`` to below ``high``."""
    return draw_shard(lambda n: torch.randint(low, high, (n, *shape), generator=generator), rows)
