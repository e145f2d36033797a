"""Units of a table of bouts: it counts in frames or seconds, from 0 or 1, with its stops or without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.bout_columns import FRAMES, IN_SECONDS, SECONDS, BoutColumns, BoutRow, Counting
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE

_SLACK = 1.02
"""How far past the end of the tracks, as a factor, bouts may stop: tracks may lack some frames."""


def counting_of(table: Table, columns: BoutColumns, rows: Sequence[BoutRow]) -> Counting:
    """Return how a table counts: by the names of its columns, by the length of the tracks, and by its own bouts.

    Raises:
        InputError: a frame is no whole number.
    """
    unit, is_named = _unit(table, columns, rows)
    names = " and ".join(
        repr(table.name(column.key)) for column in (columns.start, columns.stop or columns.duration) if column
    )
    if unit == SECONDS:
        advice = f"columns {names} are taken as seconds; if they are frames, name them start_frame and stop_frame"
        return Counting(SECONDS, 0, False, "" if is_named else advice)
    if fraction := next((row for row in rows if row.start % 1 or row.stop % 1), None):
        raise InputError(
            f"{table.path}: expected whole numbers of frames in the columns {names}; found {fraction.start:g} to "
            f"{fraction.stop:g}: name them start_s and stop_s if they are seconds"
        )
    included = _includes_stops(columns, rows)
    first = 1 if _counts_from_1(rows, included) else 0
    where = "part of their bouts" if included else "just after their bouts"
    advice = "" if is_named else "; if they are seconds, name them start_s and stop_s"
    return Counting(FRAMES, first, included, f"columns {names} are taken as frames from {first}, stops {where}{advice}")


def _unit(table: Table, columns: BoutColumns, rows: Sequence[BoutRow]) -> tuple[str, bool]:
    """Return ``frames`` or ``seconds``, and whether the columns or their cells say so."""
    start, stop = columns.start, columns.stop or columns.duration or columns.start
    units = {column.unit for column in (start, stop)} - {None}
    if FRAMES in units:
        return FRAMES, True
    if units or start.is_time or any(":" in cell for cell in table.column(start.key)):
        return SECONDS, True
    have_points = any("." in cell or "," in cell for cell in table.column(start.key) + table.column(stop.key))
    if any(row.start % 1 or row.stop % 1 for row in rows):
        return SECONDS, False
    # Whole numbers may be either. The length of the tracks can tell.
    fit_frames = all(_ends_within(row, 1.0) for row in rows)
    fit_seconds = all(_ends_within(row, row.video.frame_rate or ASSUMED_FRAME_RATE) for row in rows)
    if fit_frames != fit_seconds:
        return FRAMES if fit_frames else SECONDS, False
    return SECONDS if have_points else FRAMES, False


def _ends_within(row: BoutRow, rate: float) -> bool:
    """Return whether a bout ends within the tracks, if its numbers count so many frames."""
    return row.video.frames is None or row.stop * rate <= row.video.frames * _SLACK + 1


def _includes_stops(columns: BoutColumns, rows: Sequence[BoutRow]) -> bool:
    if columns.stop is None or columns.stop.word == "last":
        return columns.stop is not None
    excess = _excess_of_durations(columns, rows)
    if excess is None:
        excess = _excess_of_times(rows)
    if excess is not None:
        return excess == 1
    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        spans.setdefault((row.video.id, row.channel), []).append((row.start, row.stop))
    return _touch_one_frame_later(spans.values())


def _excess_of_durations(columns: BoutColumns, rows: Sequence[BoutRow]) -> int | None:
    """Return by how many frames bouts last longer than from start to stop: 0 or 1; None if that differs among them."""
    is_time = columns.duration is not None and columns.duration.unit in IN_SECONDS
    excesses = []
    for row in rows:
        rate = row.video.frame_rate if is_time else 1.0
        if row.length is not None and rate is not None:
            excesses.append(row.length * rate - (row.stop - row.start))
    return next((number for number in (0, 1) if excesses and all(abs(each - number) <= 0.3 for each in excesses)), None)


def _excess_of_times(rows: Sequence[BoutRow]) -> int | None:
    """Return by how many frames bouts are longer in time than in frames: 0 or 1; None if that differs among them."""
    timed = [(row, row.times) for row in rows if row.times is not None]
    latest = max(timed, default=None, key=lambda pair: pair[1][0])
    if latest is None or latest[1][0] <= 0:
        return None
    rate = latest[0].start / latest[1][0]
    excesses = [(stop - start) * rate - (row.stop - row.start) for row, (start, stop) in timed]
    return next((number for number in (0, 1) if all(abs(excess - number) <= 0.3 for excess in excesses)), None)


def _touch_one_frame_later(channels: Iterable[Sequence[tuple[float, float]]]) -> bool:
    """Return whether bouts start one frame after the stop of those before them, and never at it."""
    touching = including = single = 0
    for of_channel in channels:
        ordered = sorted(of_channel)
        touching += sum(stop == start for (_, stop), (start, _) in pairwise(ordered))
        including += sum(stop + 1 == start for (_, stop), (start, _) in pairwise(ordered))
        single += sum(start == stop for start, stop in ordered)
    return not touching and including + single > 1


def _counts_from_1(rows: Sequence[BoutRow], included: bool) -> bool:
    """Return whether frames count from 1: no bout starts at 0, and one stops just after the last frame from 0."""
    ends = [row.stop - row.video.frames for row in rows if row.video.frames]
    return bool(ends) and min(row.start for row in rows) >= 1 and max(ends) == (0 if included else 1)
