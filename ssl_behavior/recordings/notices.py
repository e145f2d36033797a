"""Lines to print about what readers assumed or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ssl_behavior.errors import count_of

_MAX_LINES = 12
"""Lines of notices about one input: more would hide the lines that follow."""


_NAMED = 10


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


def subfolder_notices(paths: str | Path | Sequence[str | Path], files: Sequence[Path]) -> Iterator[str]:
    """Yield a line for each folder of whose subfolders files are read: which, and how many files in each.

    Args:
        paths: the files, folders and globs that were given.
        files: the files that they stand for.

    Examples:
        >>> next(subfolder_notices("tracks", [Path("tracks/a.csv"), Path("tracks/old/a.csv")]))  # doctest: +SKIP
        'reading 2 files of tracks: 1 in it, 1 in old'
    """
    for path in [paths] if isinstance(paths, str | Path) else paths:
        folder = Path(path).expanduser()
        inside = [file.relative_to(folder).parent for file in files if folder in file.parents and folder.is_dir()]
        counts = Counter(str(subfolder) for subfolder in inside)
        if set(counts) - {"."}:
            where = [f"{count:,} in {'it' if name == '.' else name}" for name, count in counts.items()]
            yield f"reading {count_of(len(inside), 'file')} of {path}: {', '.join(where[:_NAMED])}" + (
                f" and {len(where) - _NAMED} more folders" if len(where) > _NAMED else ""
            )
