"""Where the rows of a table with a label per frame belong: by their frames, by their times, or by their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.formats.annotations.values import parse_frame, parse_seconds
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.time_base import frame_scale_of, time_base_of
from ssl_behavior.recordings.videos import Video

FRAME = (
    *("frame", "frames", "frame_number", "frame_no", "frame_nr", "frame_num", "frame_id", "frame_index", "frame_idx"),
    *("video_frame", "frame_count", "image_index", "framenumber", "frameno", ""),
)
"""Names of columns of frames. The empty one is the index that pandas writes."""

_MILLISECONDS = ("time_ms", "t_ms", "ms", "milliseconds", "timestamp_ms", "time_msec")
_MINUTES = ("time_min", "t_min", "minutes", "time_minutes")
_SECONDS = (
    *("time_s", "time_sec", "time_seconds", "time_secs", "t_s", "t_sec", "seconds", "second", "sec", "secs", "s"),
    *("timestamp_s", "times", "time", "t", "timestamp", "timestamps", "video_time", "recording_time", "time_stamp"),
)
TIME = (*_SECONDS, *_MILLISECONDS, *_MINUTES)
"""Names of columns of times."""

# A few labels far apart are plausible in a short video; in a long one they are an error that would fill the memory.
_MAX_FRAMES_PER_ROW = 100
_SHORT_VIDEO = 10_000_000
"""Frames, below which the number of frames per row does not matter."""

_UNCLEAR = ("times", "time", "t", "timestamp", "timestamps", "video_time", "recording_time", "time_stamp")
"""Names of times that do not name their unit."""

_SLOWEST_FRAME = 1 / 23
"""Seconds between the frames of the slowest usual videos: 24 Hz, rounded."""

_OTHER_RATE = 0.02
"""Relative difference beyond which frames and times of one table do not count the same video's frames."""

_LATE = 1.5
"""Frames after 0 at which times may start without a word: some programs count from 1."""

_REGULAR = 0.15
"""Share of a step by which steps differ if rows come in a regular rhythm: times are rounded."""


def rows_to_frames(table: Table, video: Video, rows: Sequence[int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the frames that each row labels, and notices.

    Args:
        table: the table; columns of frames and times count as used.
        video: the video of these rows.
        rows: their indices.

    Returns:
        (row, 2) integers: start and stop, from 0, without the stop.

    Raises:
        InputError: a frame or time is no number, repeats, or lies far beyond the others.
    """
    frame_key = next((key for key in FRAME if key in table.keys), None)
    time_key = next((key for key in TIME if key in table.keys), None)
    times = None if time_key is None else _cells(table, time_key, rows)
    if frame_key is not None:
        frames = np.array([parse_frame(cell, table.path) for cell in _cells(table, frame_key, rows)])
        if frames.min() < 0 or len(np.unique(frames)) != len(frames):
            raise InputError(f"{table.path}: expected every frame once, from 0; found {frames.min()} to {frames.max()}")
        _require_dense(table, int(frames.max()), len(frames))
        counted = _rate_of(frames, times)
        if time_key is None or times is None or not _counts_other_frames(video, frames, counted):
            return _numbered(video, frames, counted)
        spans, notices = _timed(table, video, time_key, times)
        differ = f"it counts frames at {counted:g} Hz, and the tracks have {video.frame_rate:g} Hz"
        return spans, (f"{differ}: its times hold, not its frames", *notices)
    if time_key is None or times is None:
        frames = np.arange(len(rows))
        return np.stack([frames, frames + 1], axis=1), ()
    return _timed(table, video, time_key, times)


def _cells(table: Table, key: str, rows: Sequence[int]) -> list[str]:
    column = table.column(key)
    return [column[row] for row in rows]


def _counts_other_frames(video: Video, frames: np.ndarray, counted: float | None) -> bool:
    """Return whether frames and times of a table contradict the tracks' rate, and the length does not excuse it."""
    if not video.frame_rate or not counted or video.frames in (len(frames), int(frames.max()) + 1):
        return False
    return abs(counted - video.frame_rate) > _OTHER_RATE * video.frame_rate


def _numbered(video: Video, frames: np.ndarray, counted: float | None) -> tuple[np.ndarray, tuple[str, ...]]:
    notices: tuple[str, ...] = ()
    if frames.min() >= 1 and frames.max() == video.frames:
        frames, notices = frames - 1, ("frames count from 1, as their last number is the number of frames",)
    elif frames.min() == 1:
        notices = ("frames are taken to count from 0, so the first, frame 0, is unscored",)
    scale, more = frame_scale_of(video, counted, int(frames.max()) + 1)
    spans = np.round(np.stack([frames, frames + 1], axis=1) * scale).astype(np.int64)
    return spans, (*notices, *more)


def _rate_of(frames: np.ndarray, times: Sequence[str] | None) -> float | None:
    """Return the frames per second of a table that has both columns; None if the times are no numbers."""
    if times is None or len(frames) < 2:
        return None
    try:
        first, last = (parse_seconds(times[int(i)], "") for i in (frames.argmin(), frames.argmax()))
    except InputError:
        return None
    return round(float(np.ptp(frames)) / (last - first), 2) if last > first else None


def _timed(table: Table, video: Video, key: str, cells: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Place rows by their times: each label holds until the next row, the last for one step."""
    where = f"{table.path}: column {table.name(key)!r}"
    if len(cells) == video.frames:
        frames = np.arange(len(cells))
        return np.stack([frames, frames + 1], axis=1), _notices_of_rows(video, table.name(key), cells)
    unit = 0.001 if key in _MILLISECONDS else 60.0 if key in _MINUTES else 1.0
    try:
        times = np.array([parse_seconds(cell, where) for cell in cells]) * unit
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
    if key in _UNCLEAR and _are_milliseconds(video, float(times[-1]) + step):
        times, steps, step = times / 1000, steps / 1000, step / 1000
        notices.append(f"the column {table.name(key)!r} is taken as milliseconds, which the tracks' length shows")
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


def _notices_of_rows(video: Video, name: str, cells: Sequence[str]) -> tuple[str, ...]:
    """Say that rows are frames, and what their times say against it: a late start, or another rate than the tracks'."""
    rate, tracks = _rate_of(np.arange(len(cells)), cells), video.frame_rate or ASSUMED_FRAME_RATE
    if rate is None:
        return ()
    rows = "each row is taken as a frame, as there are as many"
    notices = []
    if (start := parse_seconds(cells[0], "")) * rate > _LATE:
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


def _are_regular(steps: np.ndarray, step: float) -> bool:
    return bool(len(steps)) and float(np.mean(np.abs(steps - step) <= _REGULAR * step)) >= 0.8


def _require_dense(table: Table, last: int, rows: int) -> None:
    if last >= max(_SHORT_VIDEO, _MAX_FRAMES_PER_ROW * rows):
        raise InputError(f"{table.path}: expected about a row per frame; found {rows} rows up to frame {last}")
