"""BORIS: projects, and CSV exports in seconds, aggregated (a row per bout) or tabular (rows START, STOP, POINT).

A subject is a channel. BORIS lists behaviours only, so frames in no bout are ``other``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import boris_project
from ssl_behavior.formats.annotations.boris_project import NO_SUBJECT, names_of_observation, write
from ssl_behavior.formats.annotations.values import bout_from_frames, parse_number
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.time_base import frame_rate_of
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Video, Videos

__all__ = ["NAME", "detect", "read", "write"]

NAME = "boris"

# Names of columns in different versions of BORIS.
_LENGTHS = ("total length", "media duration (s)")
_RATES = ("fps", "fps (frame/s)")
_MEDIA = ("media file name", "media file", "media file path", "source")

_HEAD_BYTES = 16384
_HEAD_LINES = 60
"""Lines among which the column names must be: exports have some lines about the observation above them."""

_Events = dict[tuple[str, str], float]
"""(subject, behaviour) -> time in s."""


def detect(path: Path) -> bool:
    """Return whether the file is a project, or has BORIS's column names among its first lines."""
    head = _head(path)
    return boris_project.is_project(head) or _table(head) is not None


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read one Annotations per observation; its id is the observation id.

    Args:
        path: a project, or an aggregated or tabular export of events, separated by commas, semicolons or tabs.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: no events, a time that is no number, or a start without a stop.
    """
    if boris_project.is_project(_head(path)):
        return boris_project.read(path, videos)
    table = _table(Path(path).read_text(encoding="utf-8-sig", errors="replace"))
    if table is None:
        raise InputError(f"{path}: expected a BORIS table with a column 'Behavior' and times; found none")
    observation, rows = table
    events: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        events.setdefault(row.get("observation id") or observation, []).append(row)
    if not events:
        raise InputError(f"{path}: expected rows of events under the column names; found none")
    # The table of a single observation may be named as its video.
    own_name = [Path(path)] if len(events) == 1 else []
    return [
        _observation(path, videos.find(*names_of_observation(name, map(_media, event_rows)), *own_name), event_rows)
        for name, event_rows in events.items()
    ]


def _observation(path: Path, video: Video, rows: list[dict[str, str]]) -> Annotations:
    channels: dict[str, list[Bout]] = {}
    running: _Events = {}
    frames: int | None = None
    for row in rows:
        subject, behaviour = row.get("subject") or NO_SUBJECT, row["behavior"]
        rate = frame_rate_of(video, _optional_number(path, _first_value(row, _RATES)), path)
        length = _optional_number(path, _first_value(row, _LENGTHS))
        frames = frames if length is None else max(frames or 0, round(length * rate))
        times = _times(path, row, running)
        if times is not None:
            if times[1] < times[0]:
                raise InputError(f"{path}: {behaviour!r} of {subject!r} stops at {times[1]} s, before its start")
            bouts = channels.setdefault(subject, [])
            bouts.append(bout_from_frames(round(times[0] * rate), round(times[1] * rate), behaviour))
    if running:
        subject, behaviour = next(iter(running))
        raise InputError(f"{path}: {behaviour!r} of {subject!r} in {video.id!r} has a START without a STOP")
    return Annotations(
        video.id, {subject: tuple(bouts) for subject, bouts in channels.items()}, OTHER, str(path), frames
    )


def _times(path: Path, row: dict[str, str], running: _Events) -> tuple[float, float] | None:
    """Return start and stop of a bout in seconds, or None for a START, which waits in ``running`` for its STOP."""
    return _aggregated_times(path, row) if "start (s)" in row else _tabular_times(path, row, running)


def _aggregated_times(path: Path, row: dict[str, str]) -> tuple[float, float]:
    start, stop = _optional_number(path, row["start (s)"]), _optional_number(path, row.get("stop (s)", ""))
    if start is None:
        raise InputError(f"{path}: expected a number in 'Start (s)'; found {row['start (s)']!r}")
    if stop is None and row.get("behavior type", "").upper().startswith("STATE"):
        raise InputError(f"{path}: {row['behavior']!r} starts at {start} s and has no number in 'Stop (s)'")
    return start, start if stop is None else stop


def _tabular_times(path: Path, row: dict[str, str], running: _Events) -> tuple[float, float] | None:
    key = (row.get("subject") or NO_SUBJECT, row["behavior"])
    kind = (row.get("behavior type") or row.get("status") or "").upper()
    time = _optional_number(path, row.get("time", ""))
    if time is None or kind not in ("START", "STOP", "POINT"):
        raise InputError(f"{path}: expected a time and START, STOP or POINT; found {row.get('time')!r} and {kind!r}")
    if kind == "START":
        if key in running:
            raise InputError(f"{path}: {key[1]!r} of {key[0]!r} starts at {running[key]} s and again at {time} s")
        running[key] = time
        return None
    if kind == "STOP" and key not in running:
        raise InputError(f"{path}: {key[1]!r} of {key[0]!r} has a STOP at {time} s without a START")
    return (running.pop(key), time) if kind == "STOP" else (time, time)


def _head(path: Path) -> str:
    with Path(path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return "" if b"\0" in head else head.decode("utf-8-sig", errors="replace")


def _table(text: str) -> tuple[str, Iterator[dict[str, str]]] | None:
    """Return the observation id above the table (or ""), and the table's rows with lower-case column names."""
    lines = text.splitlines()
    observation = ""
    for i, line in enumerate(lines[:_HEAD_LINES]):
        separator = max(",;\t", key=line.count)
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
        names = [cell.lower() for cell in cells]
        if names[:1] == ["observation id"] and len(cells) > 1 and "behavior" not in names:
            observation = cells[1]
        if "behavior" in names and ("start (s)" in names or "time" in names):
            return observation, _rows(names, lines[i + 1 :], separator)
    return None


def _rows(names: list[str], lines: list[str], separator: str) -> Iterator[dict[str, str]]:
    for cells in csv.reader(lines, delimiter=separator):
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        if row.get("behavior"):
            yield row


def _media(row: Mapping[str, str]) -> str:
    """Return the path of the film, or the paths of several, as BORIS's versions name it."""
    return _first_value(row, _MEDIA)


def _first_value(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _optional_number(path: Path, text: str) -> float | None:
    return None if text.lower() in ("", "na", "nan", "none") else parse_number(text, path)
