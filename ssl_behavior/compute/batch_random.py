"""Random numbers of batches, which several processes may share.

Each process draws the numbers of the whole batch from generators that are alike, and keeps those of its own clips: all
generators stay alike, and the parts are together the batch that one process would have drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class _Part:
    """The ``index``-th of ``count`` parts of a batch of ``views`` views, view after view."""

    index: int = 0
    count: int = 1
    views: int = 1


_WHOLE = _Part()
_PART: ContextVar[_Part] = ContextVar("part", default=_WHOLE)


@contextmanager
def part(index: int, count: int) -> Iterator[None]:
    """Inside, batches are the ``index``-th of ``count`` equal parts of what would be drawn outside."""
    with _within(replace(_PART.get(), index=index, count=count)):
        yield


@contextmanager
def views(number: int) -> Iterator[None]:
    """Inside, batches hold so many views of each clip: the first view of all clips, then the second of all."""
    with _within(replace(_PART.get(), views=number)):
        yield


@contextmanager
def _within(part: _Part) -> Iterator[None]:
    token = _PART.set(part)
    try:
        yield
    finally:
        _PART.reset(token)


def own(draw: Callable[[int], Tensor], rows: int) -> Tensor:
    """The (rows, ...) that are this part's of what ``draw`` makes, given the whole batch's number of rows.

    A clip may have several rows, one after the other.
    """
    part = _PART.get()
    whole = draw(rows * part.count)
    return whole.unflatten(0, (part.views, part.count, -1))[:, part.index].flatten(0, 1)


def rand(rows: int, *shape: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Tensor:
    """(rows, *shape) numbers between 0 and 1."""
    return own(lambda n: torch.rand(n, *shape, generator=generator, dtype=dtype), rows)


def randn(rows: int, *shape: int, generator: torch.Generator) -> Tensor:
    """(rows, *shape) standard normal numbers."""
    return own(lambda n: torch.randn(n, *shape, generator=generator), rows)


def randint(low: int, high: int, rows: int, *shape: int, generator: torch.Generator) -> Tensor:
    """(rows, *shape) whole numbers from ``low`` to below ``high``."""
    return own(lambda n: torch.randint(low, high, (n, *shape), generator=generator), rows)
