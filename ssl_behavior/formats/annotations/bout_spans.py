"""Starts and stops of a table of bouts, as frames of their videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.bout_columns import (
    FRAMES,
    IN_SECONDS,
    SECONDS,
    Boundary,
    BoutColumns,
    are_stops_included,
)
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.formats.annotations.values import is_unscored, parse_seconds
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.time_base import frame_scale_of, time_base_of
from ssl_behavior.recordings.videos import Video

_SLACK = 1.02
"""How far past the end of the tracks, as a factor, bouts may stop: tracks may lack some frames."""


@dataclass(frozen=True)
class BoutRow:
    """A row of a table of bouts.

    Attributes:
        video: the video that it belongs to.
        channel: the channel.
        start: in the table's unit.
        stop: in the table's unit.
        length: the stated duration; None without.
        times: start and stop in s beside those in frames; None without.
    """

    video: Video
    channel: str
    start: float
    stop: float
    length: float | None
    times: tuple[float, float] | None


def bout_rows(
    table: Table, columns: BoutColumns, videos: Sequence[Video], channels: Sequence[str]
) -> list[BoutRow | None]:
    """Return the rows of a table, None for those without a start and a stop.

    Raises:
        InputError: a time is no number, or a bout stops before it starts.
    """
    starts = _numbers(table, columns.start)
    stops = _numbers(table, columns.stop) if columns.stop else [None] * len(starts)
    durations = _numbers(table, columns.duration) if columns.duration else [None] * len(starts)
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


def _numbers(table: Table, column: Boundary) -> list[float | None]:
    scale = IN_SECONDS.get(column.unit or SECONDS, 1.0)
    where = f"{table.path}: column {table.name(column.key)!r}"
    return [
        None if is_unscored(cell) and cell != "-1" else parse_seconds(cell, where) * scale
        for cell in table.column(column.key)
    ]


def spans_of(
    table: Table, columns: BoutColumns, rows: Sequence[BoutRow | None]
) -> tuple[list[tuple[int, int] | None], dict[str, list[str]]]:
    """Return (start, stop) of each row in frames of its video, from 0 and without the stop, and notices by video id.

    Raises:
        InputError: a frame is no whole number, or the rates of tracks and annotations contradict each other.
    """
    given = [row for row in rows if row is not None]
    unit, notice = _unit(table, columns, given)
    notices: dict[str, list[str]] = {row.video.id: [notice] if notice else [] for row in given}
    included, first = _stops_included(columns, given), 0
    if unit == FRAMES and given:
        if fraction := next((row for row in given if row.start % 1 or row.stop % 1), None):
            raise InputError(
                f"{table.path}: expected whole numbers of frames in the column {table.name(columns.start.key)!r}; "
                f"found {fraction.start:g} to {fraction.stop:g}: name them start_s and stop_s if they are seconds"
            )
        first = 1 if _counts_from_1(given, included) else 0
    scales = {}
    for video in {row.video.id: row.video for row in given}.values():
        of_video = [row for row in given if row.video.id == video.id]
        scale, more = _scale(table, unit, video, of_video)
        scales[video.id] = scale
        notices[video.id] += more
        if unit == FRAMES:
            notices[video.id].append(
                f"frames are taken to count from {first}, and stops {'are part of' if included else 'lie just after'} "
                "their bouts"
            )
    extra = 1 if included and unit == FRAMES else 0
    spans = [
        None
        if row is None
        else (
            round((row.start - first) * scales[row.video.id]),
            round((row.stop - first + extra) * scales[row.video.id]),
        )
        for row in rows
    ]
    return spans, notices


def _unit(table: Table, columns: BoutColumns, rows: Sequence[BoutRow]) -> tuple[str, str]:
    """Return ``frames`` or ``seconds``, and a notice if the names of the columns do not say."""
    start, stop = columns.start, columns.stop or columns.duration or columns.start
    units = {column.unit for column in (start, stop)} - {None}
    if FRAMES in units:
        return FRAMES, ""
    if units or start.is_time:
        return SECONDS, ""
    if any(":" in cell for cell in table.column(start.key)):
        return SECONDS, ""
    have_points = any("." in cell or "," in cell for cell in table.column(start.key) + table.column(stop.key))
    are_whole = not any(row.start % 1 or row.stop % 1 for row in rows)
    unit = SECONDS if have_points else FRAMES
    # Whole numbers with a point (30.0) may be either. The length of the tracks can tell.
    if are_whole and rows:
        fit_frames = all(row.stop <= (row.video.frames or row.stop) * _SLACK + 1 for row in rows)
        rates = {row.video.id: row.video.frame_rate or ASSUMED_FRAME_RATE for row in rows}
        fit_seconds = all(
            row.stop * rates[row.video.id] <= (row.video.frames or row.stop * rates[row.video.id]) * _SLACK + 1
            for row in rows
        )
        if fit_frames != fit_seconds:
            unit = FRAMES if fit_frames else SECONDS
    names = [table.name(column.key) for column in (start, stop)]
    other = ("start_s", "stop_s") if unit == FRAMES else ("start_frame", "stop_frame")
    return unit, (
        f"the columns {names[0]!r} and {names[1]!r} do not name their unit: taken as {unit}; if they are "
        f"{'seconds' if unit == FRAMES else 'frames'}, name them {other[0]} and {other[1]}"
    )


def _scale(table: Table, unit: str, video: Video, rows: Sequence[BoutRow]) -> tuple[float, tuple[str, ...]]:
    """Return the factor from the table's unit to frames of a video, and notices."""
    last = max(row.stop for row in rows)
    if unit == SECONDS:
        base = time_base_of(video, table.path, _stated_rate(table), reaches=last)
        return base.frame_rate, base.notices
    return frame_scale_of(video, _stated_rate(table) or _rate_of_times(rows), round(last))


def _stated_rate(table: Table) -> float | None:
    key = table.find(("fps", "frame_rate", "framerate"))
    if key is None:
        return None
    cells = {cell for cell in table.column(key) if not is_unscored(cell)}
    return parse_seconds(cells.pop(), f"{table.path}: column {table.name(key)!r}") if len(cells) == 1 else None


def _rate_of_times(rows: Sequence[BoutRow]) -> float | None:
    """Return the frames per second of a table that has both, from the bout that lies latest."""
    timed = [(row.stop, row.times[1]) for row in rows if row.times and row.times[1] > 0]
    frame, second = max(timed, default=(0.0, 0.0))
    return round(frame / second, 2) if second else None


def _stops_included(columns: BoutColumns, rows: Sequence[BoutRow]) -> bool:
    if columns.stop is None:
        return False
    if columns.stop.word == "last":
        return True
    lengths = []
    if (columns.duration and columns.duration.unit == FRAMES) or (columns.duration and not columns.times):
        lengths = [(row.stop - row.start, row.length) for row in rows if row.length is not None]
        # A duration in another unit proves nothing.
        if any(stated not in (length, length + 1) for length, stated in lengths):
            lengths = []
    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        spans.setdefault((row.video.id, row.channel), []).append((row.start, row.stop))
    return are_stops_included(spans.values(), lengths)


def _counts_from_1(rows: Sequence[BoutRow], included: bool) -> bool:
    """Return whether frames count from 1: no bout starts at 0, and one stops just after the last frame from 0."""
    ends = [row.stop - row.video.frames for row in rows if row.video.frames]
    return bool(ends) and min(row.start for row in rows) >= 1 and max(ends) == (0 if included else 1)
