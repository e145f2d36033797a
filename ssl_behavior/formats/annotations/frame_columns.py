"""Columns that say which frame a row of a table labels, and tables whose rows may be frames in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.values import parse_number, parse_seconds
from ssl_behavior.recordings.videos import Video

FRAME = (
    *("frame", "frames", "frame_number", "frame_no", "frame_nr", "frame_num", "frame_id", "frame_index", "frame_idx"),
    *("video_frame", "frame_count", "image_index", "framenumber", "frameno", "n_frame"),
)
"""Names of columns of frames."""

INDEX = ("", "unnamed_0", "index", "idx", "level_0", "row", "rows", "row_number", "number", "nr", "no", "id")
"""Names of columns that number rows: their numbers are those of frames if no time says otherwise."""

MILLISECONDS = ("time_ms", "t_ms", "ms", "milliseconds", "timestamp_ms", "time_msec")
MINUTES = ("time_min", "t_min", "minutes", "time_minutes")
UNCLEAR = (
    *("times", "time", "t", "timestamp", "timestamps", "video_time", "recording_time", "time_stamp"),
    *("elapsed_time", "elapsed", "trial_time", "pts_time"),
)
"""Names of times that do not name their unit."""

_SECONDS = (
    *("time_s", "time_sec", "time_seconds", "time_secs", "t_s", "t_sec", "seconds", "second", "sec", "secs", "s"),
    *("trial_time_s", "elapsed_s", "elapsed_time_s", "pts_time_s", "video_time_s", "recording_time_s"),
    *("time_hh_mm_ss", "time_hh_mm_ss_ms", "time_mm_ss", "time_min_sec"),
)
TIME = (*_SECONDS, *UNCLEAR, *MILLISECONDS, *MINUTES)
"""Names of columns of times."""

_RATE = ("fps", "frame_rate", "framerate")

_PLACE = re.compile(
    r"(.*_)?(time|times|clock|start|stop|begin|end|onset|offset|duration|frames?|epoch|window|bin)(_.*)?"
)
"""Names of columns that may say where a row belongs."""

_CLOCK = re.compile(r".*\d:\d.*")


class Table(Protocol):
    """The members that are needed of a table of text, see ``table.Table``."""

    path: Path
    names: list[str]
    keys: list[str]
    rows: list[list[str]]
    used: set[str]

    def column(self, key: str) -> list[str]:
        """Return the cells of a column, which counts as used."""
        ...

    def name(self, key: str) -> str:
        """Return a column's name as the file has it."""
        ...


def unit_of(key: str) -> float:
    """Return the seconds that a column of times counts in."""
    return 0.001 if key in MILLISECONDS else 60.0 if key in MINUTES else 1.0


def index_key(table: Table, rows: Sequence[int]) -> str | None:
    """Return the key of the column that numbers the rows; None if it says no more than their order.

    Args:
        table: the table; the column counts as used.
        rows: the rows of one video and channel.

    Raises:
        InputError: the column numbers the rows of several videos or channels, from another number than 0 or 1.
    """
    for key in (key for key in INDEX if key in table.keys):
        column = table.column(key)
        if len(set(column)) < 2 or not all(re.fullmatch(r"\d+(\.0*)?", cell) for cell in column):
            continue
        numbers = np.array([float(cell) for cell in column])
        first = numbers[0]
        if len(rows) < len(column) and len(np.unique(numbers)) == len(numbers):
            if first in (0, 1) and (np.diff(numbers) == 1).all():
                continue
            raise InputError(
                f"{table.path}: expected frames of each video or animal; found the column {table.name(key)!r}, which "
                f"numbers the rows of all from {first:g}: add a column 'frame', or remove this one"
            )
        return key
    return None


def stated_rate(table: Table) -> float | None:
    """Return the frame rate that a column such as ``fps`` states, in Hz; None without."""
    for key in (key for key in _RATE if key in table.keys):
        cells = {cell for cell in table.column(key) if cell}
        if len(cells) == 1:
            rate = parse_number(cells.pop(), f"{table.path}: column {table.name(key)!r}")
            return rate if rate > 0 else None
    return None


def order_notices(table: Table, video: Video, rows: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    """Return what to say of rows that are taken as frames in their order, as no column places them.

    Args:
        table: the table, of whose columns those that a reader has taken count as used.
        video: the video of the rows.
        rows: their indices.
        names: the label of each row.

    Raises:
        InputError: there are not as many rows as frames, and another column may say where they belong.
    """
    if len(rows) == video.frames:
        return ()
    places = [name for name, key in zip(table.names, table.keys, strict=True) if _may_place(table, key, rows)]
    if not places and len(table.keys) > 1 and len(rows) > 1 and len(set(names)) == len(names):
        places = [name for name, key in zip(table.names, table.keys, strict=True) if key not in table.used]
    if places:
        known = "" if video.frames is None else f", and {len(rows)} rows for {video.frames} frames"
        raise InputError(
            f"{table.path}: expected a column 'frame' or 'time_s'; found the columns {', '.join(places[:5])}{known}: "
            "rename the one that numbers frames to frame, or that of seconds to time_s (starts and stops of bouts to "
            "start_s and stop_s); if there is none, remove these columns and rows are frames in order"
        )
    if video.frames is None:
        return ()
    return (
        "no column of frames or times, so the first row is taken as frame 0, the next as frame 1, and so on: add a "
        "column 'frame' if that is wrong",
    )


def _may_place(table: Table, key: str, rows: Sequence[int]) -> bool:
    if key in table.used:
        return False
    column = table.rows
    position = table.keys.index(key)
    cells = [column[row][position] for row in rows]
    if _PLACE.fullmatch(key):
        return any(cells)
    if len(set(cells)) < 2 or "probability" in key or "confidence" in key:
        return False
    return all(_is_number(cell) or _CLOCK.fullmatch(cell) for cell in cells if cell)


def _is_number(cell: str) -> bool:
    try:
        parse_seconds(cell, "")
    except InputError:
        return False
    return True
