"""Rows of a table of bouts, and their starts and stops as frames of their videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.bout_columns import (
    FRAMES,
    IN_SECONDS,
    SECONDS,
    Boundary,
    BoutColumns,
    BoutRow,
    Counting,
)
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.formats.annotations.values import parse_seconds
from ssl_behavior.recordings.labels import is_unscored
from ssl_behavior.recordings.time_base import frame_scale_of, time_base_of
from ssl_behavior.recordings.videos import Video

_OTHER_RATE = 0.02
"""Relative difference beyond which frames and times of one table do not count the same video's frames."""


def bout_rows(
    table: Table, columns: BoutColumns, videos: Sequence[Video], channels: Sequence[str]
) -> list[BoutRow | None]:
    """Return the rows of a table, None for those without a start and a stop.

    Raises:
        InputError: a time is no number, or a bout stops before it starts.
    """
    starts = _numbers(table, columns.start)
    stops = _numbers(table, columns.stop) if columns.stop else [None] * len(starts)
    durations: list[float | None] = [None] * len(starts)
    if columns.duration:
        durations = _durations(table, columns.start, columns.duration, columns.stop is not None)
    times = [_numbers(table, column) for column in columns.times] if columns.times else None
    rows: list[BoutRow | None] = []
    for number, (start, stop, duration) in enumerate(zip(starts, stops, durations, strict=True)):
        if stop is None and start is not None and duration is not None and columns.stop is None:
            stop = start + duration
        if start is None or stop is None:
            rows.append(None)
            continue
        if stop < start:
            raise InputError(
                f"{table.path} row {number + 1}: expected a stop after the start; found {start:g} to {stop:g}"
            )
        pair = (times[0][number], times[1][number]) if times else (None, None)
        seconds = (pair[0], pair[1]) if pair[0] is not None and pair[1] is not None else None
        rows.append(BoutRow(videos[number], channels[number], start, stop, duration, seconds))
    return rows


def _durations(table: Table, start: Boundary, duration: Boundary, has_stops: bool) -> list[float | None]:
    """Return durations in the unit of starts, which a duration without a unit shares."""
    if duration.unit is None and not duration.is_time:
        duration = replace(duration, unit=start.unit)
    if not has_stops and start.unit is not None and (start.unit == FRAMES) != (duration.unit == FRAMES):
        raise InputError(
            f"{table.path}: expected starts and durations in one unit; found {table.name(start.key)!r} and "
            f"{table.name(duration.key)!r}: give both in frames, or both in seconds"
        )
    return _numbers(table, duration)


def _numbers(table: Table, column: Boundary) -> list[float | None]:
    scale = IN_SECONDS.get(column.unit or SECONDS, 1.0)
    where = f"{table.path}: column {table.name(column.key)!r}"
    return [
        # A time with a colon is a clock's, in whatever unit its column's name gives the last part.
        None if is_unscored(cell) and cell != "-1" else parse_seconds(cell, where) * (1.0 if ":" in cell else scale)
        for cell in table.column(column.key)
    ]


def spans_of(
    table: Table, counting: Counting, rows: Sequence[BoutRow | None], rates: Mapping[Video, float | None]
) -> tuple[list[tuple[int, int] | None], dict[Video, tuple[str, ...]]]:
    """Return (start, stop) of each row in frames of its video, from 0 and without the stop, and notices by video.

    Args:
        table: the table.
        counting: how it counts.
        rows: its bouts.
        rates: the frames per second that durations show, see ``bout_durations``.

    Raises:
        InputError: the rates of tracks and annotations contradict each other.
    """
    by_video: dict[Video, list[int]] = {}
    for number, row in enumerate(rows):
        if row is not None:
            by_video.setdefault(row.video, []).append(number)
    spans: list[tuple[int, int] | None] = [None] * len(rows)
    notices: dict[Video, tuple[str, ...]] = {}
    for video, numbers in by_video.items():
        of_video = {number: row for number in numbers if (row := rows[number]) is not None}
        bouts = list(of_video.values())
        counted = rate_of_times(bouts) or rates.get(video)
        found, notices[video] = _spans_of_video(table, counting, video, bouts, counted)
        for number, span in zip(of_video, found, strict=True):
            spans[number] = span
    return spans, notices


def _spans_of_video(
    table: Table, counting: Counting, video: Video, rows: Sequence[BoutRow], counted: float | None
) -> tuple[list[tuple[int, int]], tuple[str, ...]]:
    stated = _stated_rate(table)
    if counting.unit == SECONDS:
        base = time_base_of(video, table.path, stated)
        return _scaled([(row.start, row.stop) for row in rows], base.frame_rate), base.notices
    times = [row.times for row in rows if row.times is not None]
    counted = stated or counted
    tracks = video.frame_rate
    if tracks and counted and len(times) == len(rows) and abs(counted - tracks) > _OTHER_RATE * tracks:
        notice = (
            f"it counts frames at {counted:g} Hz, and the tracks have {tracks:g} Hz: its times hold, not its frames"
        )
        return _scaled(times, tracks), (notice,)
    scale, notices = frame_scale_of(video, counted, round(max(row.stop for row in rows)))
    after = 1 if counting.includes_stops else 0
    frames = [(row.start - counting.first, row.stop - counting.first + after) for row in rows]
    return _scaled(frames, scale), notices


def _scaled(pairs: Sequence[tuple[float, float]], scale: float) -> list[tuple[int, int]]:
    return [(round(start * scale), round(stop * scale)) for start, stop in pairs]


def _stated_rate(table: Table) -> float | None:
    key = table.find(("fps", "frame_rate", "framerate"))
    if key is None:
        return None
    cells = {cell for cell in table.column(key) if not is_unscored(cell)}
    return parse_seconds(cells.pop(), f"{table.path}: column {table.name(key)!r}") if len(cells) == 1 else None


def rate_of_times(rows: Sequence[BoutRow]) -> float | None:
    """Return the frames per second of a table that has both, from the bout that starts latest; None if it has not."""
    frame, second = max(
        ((row.start, row.times[0]) for row in rows if row.times and row.times[0] > 0), default=(0.0, 0.0)
    )
    return round(frame / second, 2) if second else None
