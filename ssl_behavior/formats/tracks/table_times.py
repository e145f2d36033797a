"""Places of the rows of a table of keypoints in their video: at their frames, or at their times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import frame_rows, times
from ssl_behavior.formats.untrusted.arrow_tables import matrix

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e-3),
    "us": 1e-6,
}
_UNIT = f"(?P<unit>{'|'.join(_UNITS)})"
_PLAIN = r"(?:(?:recording|trial|video|elapsed|pts|frame)_)?(?:times?|timestamps?|t)"
_NAME = re.compile(rf"{_PLAIN}(?:_(?:in_)?{_UNIT})?")
_UNIT_NAME = re.compile(_UNIT)
_HIGHEST_RATE = 500.0
"""Hz; a column without a unit that has more rows per second, or one or fewer, is not surely in seconds."""
_EARLY = 1.5
"""Frames by which a time may differ from that of its frame: the first time is 0 or that of one frame."""
_JITTER = 0.5
"""Frames by which times may differ from even steps: they are rounded, and a frame that is missing makes a whole one."""


@dataclass(frozen=True)
class TimeColumn:
    """A column of times.

    Attributes:
        name: as the table has it.
        seconds: (row,) float64.
        has_unit: the name says that the times are in seconds, milliseconds or microseconds.
    """

    name: str
    seconds: np.ndarray
    has_unit: bool


@dataclass(frozen=True)
class Placed:
    """Values (frame, column) with NaN in frames without a row, the frame rate in Hz or None, and notices."""

    values: np.ndarray
    frame_rate: float | None
    notices: tuple[str, ...]


def is_time(name: str) -> bool:
    """Return whether a column of this name holds times in seconds or parts of these."""
    return _match(name) is not None


def time_column(column: pa.ChunkedArray, name: str, path: Path) -> TimeColumn:
    """Return a column of times.

    Raises:
        InputError: it holds no numbers, or its name states no unit and the times cannot be seconds.
    """
    match = _match(name)
    unit = _UNITS[match["unit"]] if match and match["unit"] else None
    try:
        values = matrix(pa.table({"0": column.cast(pa.float64())}))[:, 0].astype(np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"{path}: column {name}: expected times as numbers; found {str(column[0].as_py())[:40]!r}: delete the "
            "column, and give --frame-rate, and a column 'frame' if frames are missing"
        ) from None
    steps = np.diff(values)
    step = float(np.median(steps)) if len(steps) else np.nan
    if unit is None and step > 0 and not 1 < 1 / step <= _HIGHEST_RATE:
        raise InputError(
            f"{path}: expected times in seconds; found a column {name!r} without a unit, with {1 / step:.4g} rows per "
            "second if it is in seconds: call it 'time_s' or 'time_ms', or 'frame' if it holds the numbers of frames; "
            "or delete the column, and give --frame-rate"
        )
    return TimeColumn(name, values * (unit or 1.0), unit is not None)


def place(
    values: np.ndarray,
    frames: np.ndarray | None,
    is_named: bool,
    column: TimeColumn | None,
    stated: float | None,
    path: Path,
) -> Placed:
    """Put rows at their frames.

    Args:
        values: (row, column) float32.
        frames: (row,) the numbers of the rows, if the table has any.
        is_named: these are called frames; otherwise they may be no more than the rows of a table that was cut.
        column: the times of the rows, if the table has any.
        stated: Hz, if the table states a frame rate.
        path: the file, for the error.

    Raises:
        InputError: neither numbers nor times say where the rows belong.
    """
    if column is None:
        filled, notices = _at_numbers(values, np.arange(len(values)) if frames is None else frames, path)
        return Placed(filled, stated, notices)
    if frames is None or not (is_named or _rate(frames, column.seconds)):
        placed = _at_times(values, column, stated, path)
        if frames is None:
            return placed
        notice = f"the numbers of the rows are not frames by their times: {column.name} says where each stands"
        return Placed(placed.values, placed.frame_rate, (notice, *placed.notices))
    return _at_frames(values, frames, column, stated, path)


def _at_frames(values: np.ndarray, frames: np.ndarray, column: TimeColumn, stated: float | None, path: Path) -> Placed:
    """Put rows at their numbers of frames, and say what times that contradict these would have."""
    filled, notices = _at_numbers(values, frames, path)
    rate_notice = f"the frame rate is that of the column {column.name}"
    if rate := _rate(frames, column.seconds):
        return Placed(filled, rate, (*notices, rate_notice))
    order = np.argsort(frames, kind="stable")
    by_time = times.frames_of_times(column.seconds[order], stated, f"{path}: {column.name}")
    (first, last), (by_first, by_last) = frames[order][[0, -1]], by_time.frames[[0, -1]]
    is_same = by_first in (0, first) and np.array_equal(by_time.frames - by_first, frames[order] - first)
    notice = (
        f"the column {column.name} would have the rows at frames {by_first:,} to {by_last:,}, where their frame "
        f"numbers are {first:,} to {last:,}: the numbers are used (delete their column to use the times)"
    )
    return Placed(filled, by_time.frame_rate, (*notices, rate_notice if is_same else notice))


def _match(name: str) -> re.Match[str] | None:
    plain = re.sub(r"\W+", "_", name.lower()).strip("_")
    return _NAME.fullmatch(plain) or _UNIT_NAME.fullmatch(plain)


def _at_numbers(values: np.ndarray, frames: np.ndarray, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    if not (len(frames) > 1 and frames.min() == 1 and frames.max() == len(frames)):
        return frame_rows.at_frames(values, frames, path)
    filled, notices = frame_rows.at_frames(values, frames - 1, path)
    notice = (
        "the rows are numbered from 1, so the first is read as frame 0: if it is the second frame of the video, add an "
        "empty row 0"
    )
    return filled, (*notices, notice)


def _at_times(values: np.ndarray, column: TimeColumn, stated: float | None, path: Path) -> Placed:
    where = f"{path}: {column.name}"
    found = times.frames_of_times(column.seconds, stated, where)
    frames, notices = found.frames, found.notices
    if len(frames) and frames[0] == 1:
        frames = frames - 1
        notices = (
            *(notice for notice in notices if not notice.startswith("times begin")),
            f"the times begin at {column.seconds[0]:.4g} s, that of one frame: the first row is read as frame 0",
        )
    if found.frame_rate:
        notices = (*notices, f"the frame rate is that of the column {column.name}: {found.frame_rate:g} Hz")
    return Placed(times.at_frames(values, frames, where), found.frame_rate, notices)


def _rate(frames: np.ndarray, seconds: np.ndarray) -> float | None:
    """Return the frame rate in Hz if times rise evenly with the frames, from about 0 on."""
    order = np.argsort(frames, kind="stable")
    frames, seconds = frames[order], seconds[order]
    steps = seconds[-1:] - seconds[:1]
    if not len(steps) or not steps[0] > 0:
        return None
    rate = float(np.ptp(frames) / steps[0])
    late = seconds * rate - frames
    return rate if (np.abs(late) < _EARLY).all() and (np.abs(late - late[0]) < _JITTER).all() else None
