"""Lines to print about what readers assumed or left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ssl_behavior.errors import count_of, list_names

_NAMED = 10
"""Files and folders that a line names."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


class _Noticed(Protocol):
    @property
    def source(self) -> str: ...

    @property
    def notices(self) -> tuple[str, ...]: ...


def notices_of(items: Iterable[_Noticed]) -> Iterator[str]:
    """Yield one line for each kind of notice, with the files that it holds for.

    Args:
        items: recordings, or annotations.
    """
    yield from by_kind((item.source, notice) for item in items for notice in item.notices)


def by_kind(notices: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield one line for each kind of notice: the first one, and the other files with the same or other numbers.

    Args:
        notices: (file, notice) pairs. Notices that differ in their numbers only are of one kind.

    Examples:
        >>> list(by_kind([("a.csv", "starts at 2 s"), ("b.csv", "starts at 3 s"), ("c.csv", "starts at 2 s")]))
        ['a.csv and 1 more: starts at 2 s (and the like, with other numbers, for 1 more file: b.csv)']
    """
    kinds: dict[str, dict[str, dict[str, None]]] = {}
    for source, notice in notices:
        kinds.setdefault(_NUMBER.sub("0", notice), {}).setdefault(notice, {})[source] = None
    for same_kind in kinds.values():
        (notice, (first, *others)), *rest = same_kind.items()
        line = f"{first}{f' and {len(others):,} more' if others else ''}: {notice}"
        alike = dict.fromkeys(source for _, sources in rest for source in sources)
        if alike:
            line += (
                f" (and the like, with other numbers, for {count_of(len(alike), 'more file')}: "
                f"{list_names(alike, _NAMED)})"
            )
        yield line


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
