"""Places of the rows of a table with a label per frame: by their frames, by their times, or by their order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.frame_columns import (
    FRAME,
    TIME,
    UNCLEAR,
    index_key,
    order_notices,
    stated_rate,
    unit_of,
)
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.formats.annotations.values import parse_frame, parse_seconds
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.time_base import frame_scale_of, time_base_of
from ssl_behavior.recordings.videos import Video

# A few labels far apart are plausible in a short video; in a long one they are an error that would fill the memory.
_MAX_FRAMES_PER_ROW = 100
_SHORT_VIDEO = 10_000_000
"""Frames, below which the number of frames per row does not matter."""

_SLOWEST_FRAME = 1 / 23
"""Seconds between the frames of the slowest usual videos: 24 Hz, rounded."""

_OTHER_RATE = 0.02
"""Relative difference beyond which frames and times of one table do not count the same video's frames."""

_LATE = 1.5
"""Frames after 0 at which times may start without a word: some programs count from 1."""

_HALF = 0.5
"""Frames by which times may be rounded."""
_REGULAR = 0.15
"""Share of a step by which steps differ if rows come in a regular rhythm: times are rounded."""


def rows_to_frames(
    table: Table, video: Video, rows: Sequence[int], names: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the frames that each row labels, and notices.

    Args:
        table: the table; columns of frames and times count as used.
        video: the video of these rows.
        rows: their indices.
        names: the label of each row.

    Returns:
        (row, 2) integers: start and stop, from 0, without the stop.

    Raises:
        InputError: a frame or time is no number, repeats, or lies far beyond the others; or columns contradict.
    """
    frame_key = next((key for key in FRAME if key in table.keys), None)
    time_key = next((key for key in TIME if key in table.keys), None)
    times = None if time_key is None else _cells(table, time_key, rows)
    # The index of pandas, or the number of a row, may be that of a frame too.
    index = index_key(table, rows) if frame_key is None else None
    key, rate = frame_key if index is None else index, stated_rate(table)
    if key is None:
        if time_key is None or times is None:
            frames = np.arange(len(rows))
            _, more = frame_scale_of(video, rate, len(rows))
            return np.stack([frames, frames + 1], axis=1), (*order_notices(table, video, rows, names), *more)
        return _timed(table, video, time_key, times)
    frames = _frames(table, key, rows)
    if index is not None and time_key is None and len(rows) == video.frames and frames.max() > video.frames:
        order = np.arange(len(rows))
        by_order = f"rows are taken as frames in order, as there are as many, not by the column {table.name(key)!r}"
        return np.stack([order, order + 1], axis=1), (by_order,)
    counted = _rate_of(frames, times, time_key)
    if time_key is None or times is None or counted is None:
        return _numbered(video, frames, rate, names)
    if _counts_other_frames(video, frames, counted):
        spans, notices = _timed(table, video, time_key, times)
        differ = f"it counts frames at {counted:g} Hz, and the tracks have {video.frame_rate:g} Hz"
        return spans, (f"{differ}: its times hold, not its frames", *notices)
    late = _lateness(video, frames, times, time_key, counted)
    if abs(late - 1) < _HALF and frames.min() >= 1:
        spans, notices = _numbered(video, frames - 1, counted, names)
        return spans, ("frames count from 1, as its times show", *notices)
    if abs(late) <= _LATE + _OTHER_RATE * float(frames.min()) or len(rows) == video.frames:
        return _numbered(video, frames, counted, names)
    columns = f"the columns {table.name(key)!r} and {table.name(time_key)!r} differ by {abs(late):.0f} frames"
    if index is not None:
        spans, notices = _timed(table, video, time_key, times)
        return spans, (f"{columns}: the times hold", *notices)
    if video.frames is None or frames.max() - late >= video.frames + _LATE:
        spans, notices = _numbered(video, frames, counted, names)
        return spans, (f"{columns}: the frames hold; remove them if the times are right", *notices)
    raise InputError(f"{table.path}: {columns}: expected one place for each row; remove the column that is wrong")


def _frames(table: Table, key: str, rows: Sequence[int]) -> np.ndarray:
    frames = np.array([parse_frame(cell, table.path) for cell in _cells(table, key, rows)])
    if frames.min() < 0:
        raise InputError(f"{table.path}: expected every frame once, from 0; found {frames.min()}")
    values, counts = np.unique(frames, return_counts=True)
    if (repeated := values[counts > 1]).size:
        raise InputError(
            f"{table.path}: expected every frame once in {table.name(key)!r}; {len(repeated)} repeat, first "
            f"{repeated[0]}: keep one row of each, or name what differs in a column 'animal' or 'video'"
        )
    _require_dense(table, int(frames.max()), len(frames))
    return frames


def _lateness(video: Video, frames: np.ndarray, times: Sequence[str], key: str, counted: float) -> float:
    """Return by how many frames the numbers lie after the times."""
    rate = video.frame_rate
    if not rate or abs(rate - counted) > _OTHER_RATE * rate:
        rate = counted
    first = int(frames.argmin())
    return float(frames[first] - parse_seconds(times[first], "") * unit_of(key) * rate)


def _cells(table: Table, key: str, rows: Sequence[int]) -> list[str]:
    column = table.column(key)
    return [column[row] for row in rows]


def _counts_other_frames(video: Video, frames: np.ndarray, counted: float | None) -> bool:
    """Return whether frames and times of a table contradict the tracks' rate, and the length does not excuse it."""
    if not video.frame_rate or not counted or video.frames in (len(frames), int(frames.max()) + 1):
        return False
    return abs(counted - video.frame_rate) > _OTHER_RATE * video.frame_rate


def _numbered(
    video: Video, frames: np.ndarray, counted: float | None, names: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    notices: tuple[str, ...] = ()
    if frames.min() >= 1 and frames.max() == video.frames:
        frames, notices = frames - 1, ("frames count from 1, as their last number is the number of frames",)
    elif frames.min() == 1:
        notices = ("frames are taken to count from 0, so the first, frame 0, is unscored",)
    ends = frames + 1
    order = np.argsort(frames)
    steps = np.diff(frames[order])
    if len(steps) and np.median(steps) > 1:
        # A label that differs in every row, at no regular step, is where a behaviour begins.
        changes = all(names[i] != names[j] for i, j in pairwise(order))
        if changes and len(steps) > 1 and not _are_regular(steps, float(np.median(steps))):
            ends[order[:-1]] = frames[order[1:]]
            notices = (*notices, "each label is held until the next row, as rows lie where behaviours change")
        else:
            notices = (*notices, f"{len(frames)} rows up to frame {frames.max()}: only frames with a row are scored")
    scale, more = frame_scale_of(video, counted, int(frames.max()) + 1)
    spans = np.round(np.stack([frames, ends], axis=1) * scale).astype(np.int64)
    return spans, (*notices, *more)


def _rate_of(frames: np.ndarray, times: Sequence[str] | None, key: str | None) -> float | None:
    """Return the frames per second of a table that has both columns; None if the times are no numbers."""
    if times is None or key is None or len(frames) < 2:
        return None
    try:
        first, last = (parse_seconds(times[int(i)], "") for i in (frames.argmin(), frames.argmax()))
    except InputError:
        return None
    return round(float(np.ptp(frames)) / ((last - first) * unit_of(key)), 2) if last > first else None


def _timed(table: Table, video: Video, key: str, cells: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Place rows by their times: each label holds until the next row, the last for one step."""
    where = f"{table.path}: column {table.name(key)!r}"
    if len(cells) == video.frames:
        frames = np.arange(len(cells))
        return np.stack([frames, frames + 1], axis=1), _notices_of_rows(video, table.name(key), cells, key)
    try:
        times = np.array([parse_seconds(cell, where) for cell in cells]) * unit_of(key)
    except InputError as error:
        raise InputError(f"{error}: give times from the start of the video, in s") from None
    steps = np.diff(times)
    if times.min() < 0 or (steps <= 0).any():
        raise InputError(
            f"{where}: expected times from the start of the video that grow from row to row; found {times.min():g} to "
            f"{times.max():g} s in another order: sort the rows by time, and keep one row for each"
        )
    notices = [f"labels are placed by the column {table.name(key)!r}, and each holds until the next row"]
    step = float(np.median(steps)) if len(steps) else 1 / ASSUMED_FRAME_RATE
    if key in UNCLEAR and _are_milliseconds(video, float(times[-1]) + step):
        times, steps, step = times / 1000, steps / 1000, step / 1000
        notices.append(f"the column {table.name(key)!r} is taken as milliseconds, which the tracks' length shows")
    if key in UNCLEAR and _are_frames(video, times, steps):
        raise InputError(
            f"{where}: expected seconds of a video of {video.frames} frames; found whole numbers up to {times[-1]:g}: "
            "rename the column to frame if they are frames, or to time_ms if they are milliseconds"
        )
    # Rows that follow each other this fast are frames of the video; slower ones are a coarser grid.
    rate_of_rows = 1 / step if step <= _SLOWEST_FRAME and not video.frame_rate else None
    base = time_base_of(video, table.path, rate_of_rows and round(rate_of_rows, 2), reaches=float(times[-1]) + step)
    ends = np.append(times[1:], times[-1] + step)
    if _are_regular(steps, step):
        # Rows that are missing are frames that nobody judged.
        ends = np.minimum(ends, times + 1.5 * step)
        ends = np.where(np.append(steps, 0) > 1.5 * step, times + step, ends)
    spans = np.round(np.stack([times, ends], axis=1) * base.frame_rate).astype(np.int64)
    _require_dense(table, int(spans.max()), len(spans))
    return spans, (*notices, *base.notices)


def _notices_of_rows(video: Video, name: str, cells: Sequence[str], key: str) -> tuple[str, ...]:
    """Say that rows are frames, and what their times say against it: a late start, or another rate than the tracks'."""
    rate, tracks = _rate_of(np.arange(len(cells)), cells, key), video.frame_rate or ASSUMED_FRAME_RATE
    rows = "each row is taken as a frame, as there are as many"
    if rate is None:
        return (f"{rows}: the column {name!r} holds no times of a video",)
    notices = []
    if (start := parse_seconds(cells[0], "")) * unit_of(key) * rate > _LATE:
        notices.append(f"{rows}: the first is frame 0, although the column {name!r} starts at {start:g}")
    if abs(rate - tracks) > 0.002 * tracks:
        advice = "" if video.frame_rate else f"; if the times are right, give --frame-rate {rate:g} to every command"
        notices.append(
            f"{rows}; the column {name!r} counts {rate:g} rows per second, and the tracks have {tracks:g} Hz{advice}"
        )
    return tuple(notices)


def _are_milliseconds(video: Video, end: float) -> bool:
    if not video.frames:
        return False
    length = video.frames / (video.frame_rate or ASSUMED_FRAME_RATE)
    return end > 10 * length and 0.05 * length < end / 1000 < 2 * length


def _are_frames(video: Video, times: np.ndarray, steps: np.ndarray) -> bool:
    """Return whether times are whole numbers that the video has frames for, but not seconds."""
    if not video.frames or (times % 1 != 0).any() or not len(steps):
        return False
    seconds = video.frames / (video.frame_rate or ASSUMED_FRAME_RATE)
    return 2 * seconds < times[-1] <= video.frames


def _are_regular(steps: np.ndarray, step: float) -> bool:
    return bool(len(steps)) and float(np.mean(np.abs(steps - step) <= _REGULAR * step)) >= 0.8


def _require_dense(table: Table, last: int, rows: int) -> None:
    if last >= max(_SHORT_VIDEO, _MAX_FRAMES_PER_ROW * rows):
        raise InputError(f"{table.path}: expected about a row per frame; found {rows} rows up to frame {last}")
