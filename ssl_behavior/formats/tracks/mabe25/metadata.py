"""The tables ``train.csv`` and ``test.csv``: a row per video."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import limits

SELF = "self"
"""The target of an action that a mouse does by itself, as the files write it."""
_LAB, _VIDEO, _LIST = "lab_id", "video_id", "behaviors_labeled"
_FRAME_RATE, _SCALE = "frames_per_second", "pix_per_cm_approx"
_PARTS_OF_ENTRY = 3
_HIGHEST = 1e6

Entry = tuple[str, str, str]
"""(agent, target, action); the target is the agent where a mouse does something by itself."""


@dataclass(frozen=True)
class VideoRow:
    """The row of one video.

    Attributes:
        lab: name of the laboratory.
        video: id of the video.
        frame_rate: Hz; None if the table has none.
        pixels_per_cm: scale of the picture; None if the table has none.
        listed: the actions that the annotators looked for, cleaned; empty if the row has no list.
        official_list: the entries of that list as they stand in the table, which the official score goes by.
        facts: the other fields that are not empty.
    """

    lab: str
    video: str
    frame_rate: float | None = None
    pixels_per_cm: float | None = None
    listed: tuple[Entry, ...] = ()
    official_list: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VideoTable:
    """All rows of one table.

    Attributes:
        path: the file.
        rows: (lab, video id) -> row.
        actions: the actions of all lists, sorted.
    """

    path: Path
    rows: Mapping[tuple[str, str], VideoRow]
    actions: tuple[str, ...]


def find_table(folder: Path, part: str) -> Path | None:
    """Return the table of a part ("train" or "test") of a folder in the competition's layout, if there is one."""
    return next((path for ending in (".csv", ".csv.gz") if (path := folder / f"{part}{ending}").is_file()), None)


def read_table(path: Path) -> VideoTable:
    """Read a table; one that did not change since it was last read is not read again.

    Raises:
        InputError: the file is no such table, a list is damaged, or a video has two rows.
    """
    status = path.stat()
    return _read_table(path, (status.st_size, status.st_mtime_ns))


def clean_list(text: str, where: str) -> tuple[Entry, ...]:
    r"""Return the entries of a list of actions, without stray apostrophes and each once.

    Args:
        text: the cell: a JSON list of "agent,target,action", where the target may be "self".
        where: file and video, for the error.

    Raises:
        InputError: this is no such list.

    Examples:
        >>> clean_list('["mouse1,self,rear", "mouse1\',\'mouse2\',\'sniff\'", "mouse1,mouse2,sniff"]', "train.csv")
        (('mouse1', 'mouse1', 'rear'), ('mouse1', 'mouse2', 'sniff'))
    """
    entries: dict[Entry, None] = {}
    for entry in _json_list(text, where):
        parts = [part.strip() for part in entry.replace("'", "").split(",")]
        if len(parts) != _PARTS_OF_ENTRY or not all(parts):
            raise InputError(
                f"{where}: {_LIST}: expected entries such as 'mouse1,mouse2,sniff'; found {entry!r:.60}: correct it"
            )
        agent, target, action = parts
        entries[agent, agent if target == SELF else target, action] = None
    return tuple(entries)


@functools.lru_cache(maxsize=4)
def _read_table(path: Path, version: tuple[int, int]) -> VideoTable:
    """Read the version of a table that has this size and time."""
    rows: dict[tuple[str, str], VideoRow] = {}
    try:
        with limits.opened(path) as file:
            table = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""))
            if lacking := {_LAB, _VIDEO} - set(table.fieldnames or ()):
                raise InputError(
                    f"{path}: expected a table of MABe-2025, with the columns {_LAB} and {_VIDEO}; found none called "
                    f"{' or '.join(sorted(lacking))}: give the competition's own file"
                )
            for cells in table:
                row = _row(cells, path)
                if rows.setdefault((row.lab, row.video), row) is not row:
                    raise InputError(
                        f"{path}: expected one row for video {row.video} of {row.lab}; found two: drop one"
                    )
    except csv.Error as error:
        raise InputError(f"{path}: expected a table of MABe-2025; found no CSV ({error}): download it again") from None
    actions = {action for row in rows.values() for _, _, action in row.listed}
    return VideoTable(path, rows, tuple(sorted(actions)))


def _row(cells: Mapping[str | None, Any], path: Path) -> VideoRow:
    """Return the row of these cells; a short row has None in place of text, and a long one a list."""
    texts = {name: text.strip() for name, text in cells.items() if name is not None and isinstance(text, str)}
    lab, video = texts.pop(_LAB, ""), texts.pop(_VIDEO, "")
    where = f"{path}: video {video}"
    behaviours = texts.pop(_LIST, "")
    frame_rate, scale = (_positive(texts.pop(name, ""), f"{where}: {name}") for name in (_FRAME_RATE, _SCALE))
    facts = {name: _plain(text) for name, text in texts.items() if text}
    return VideoRow(
        lab,
        video,
        frame_rate,
        scale,
        clean_list(behaviours, where) if behaviours else (),
        _json_list(behaviours, where) if behaviours else (),
        facts,
    )


def _json_list(text: str, where: str) -> tuple[str, ...]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise InputError(
            f"{where}: {_LIST}: expected a JSON list of texts; found {text!r:.60}: download the table again"
        )
    return tuple(entries)


def _positive(text: str, where: str) -> float | None:
    if not text:
        return None
    value = _plain(text)
    if not isinstance(value, float) or not 0 < value < _HIGHEST:
        raise InputError(f"{where}: expected a number above 0; found {text!r:.40}: correct it, or leave it empty")
    return value


def _plain(text: str) -> float | str:
    """Return a number if the text is a finite one."""
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text
