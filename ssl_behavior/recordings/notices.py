"""Lines to print about what readers assumed or left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

_MAX_LINES = 12
"""Lines of notices about one input: more would hide the lines that follow."""


class _Noticed(Protocol):
    @property
    def source(self) -> str: ...

    @property
    def notices(self) -> tuple[str, ...]: ...


def notices_of(items: Iterable[_Noticed]) -> Iterator[str]:
    """Yield one line for each different notice, with the first file that it holds for and the number of the others.

    Args:
        items: recordings, or annotations.
    """
    sources: dict[str, dict[str, None]] = {}
    for item in items:
        for notice in item.notices:
            sources.setdefault(notice, {})[item.source] = None
    for notice, (first, *others) in list(sources.items())[:_MAX_LINES]:
        yield f"{first}{f' and {len(others)} more' if others else ''}: {notice}"
    if len(sources) > _MAX_LINES:
        yield f"{len(sources) - _MAX_LINES} more notices about other files, not shown"
