"""Stated durations of bouts beside their starts and stops: they show another frame rate, or a contradiction."""

from __future__ import annotations

from collections.abc import Sequence

from ssl_behavior.errors import count_of
from ssl_behavior.formats.annotations.bout_columns import FRAMES, IN_SECONDS, BoutColumns, BoutRow, Counting
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import Video

_SLACK, _SLACK_FRAMES, _SLACK_S = 0.05, 2.0, 0.1
"""Share of a bout, frames and seconds by which its duration may differ: programs round."""


def compare_durations(
    table: Table, columns: BoutColumns, counting: Counting, rows: Sequence[BoutRow | None]
) -> tuple[dict[Video, float | None], dict[Video, tuple[str, ...]]]:
    """Return what durations say, by video.

    Args:
        table: the table.
        columns: its columns.
        counting: how it counts.
        rows: its bouts.

    Returns:
        The frames per second of bouts in frames that last so many seconds, None if they agree with the tracks; and
        a notice of bouts whose duration is not that from their start to their stop.
    """
    by_video: dict[Video, list[BoutRow]] = {}
    for row in rows:
        if row is not None:
            by_video.setdefault(row.video, []).append(row)
    rates = {video: _rate(columns, counting, bouts) for video, bouts in by_video.items()}
    return rates, {
        video: _contradictions(table, columns, counting, bouts, rates[video]) for video, bouts in by_video.items()
    }


def _rate(columns: BoutColumns, counting: Counting, rows: Sequence[BoutRow]) -> float | None:
    if counting.unit != FRAMES or not _are_in_time(columns):
        return None
    lengths = [(row.length, _frames(row, counting)) for row in rows if row.length]
    seconds, frames = max(lengths, default=(0.0, 0.0))
    if not frames or _agree(lengths, rows[0].video.frame_rate or ASSUMED_FRAME_RATE):
        return None
    return round(frames / seconds, 2) if _agree(lengths, frames / seconds) else None


def _contradictions(
    table: Table, columns: BoutColumns, counting: Counting, rows: Sequence[BoutRow], rate: float | None
) -> tuple[str, ...]:
    if columns.stop is None or columns.duration is None:
        return ()
    rate = rate or rows[0].video.frame_rate or ASSUMED_FRAME_RATE
    of_units = [_differing(rows, counting, factor) for factor in _factors(columns, counting, rate)]
    wrong = min(of_units, key=len)
    if not wrong:
        return ()
    name, (first, *_) = table.name(columns.duration.key), wrong
    return (
        f"the column {name!r} differs from starts and stops in {count_of(len(wrong), 'row')}, first {first.length:g} "
        f"for {first.start:g} to {first.stop:g}: starts and stops hold; correct the column that is wrong",
    )


def _factors(columns: BoutColumns, counting: Counting, rate: float) -> list[float]:
    """Return the factors from the table's unit to that of durations, of which one without a unit has several."""
    unit = columns.duration.unit if columns.duration else None
    other = 1 / rate if counting.unit == FRAMES else rate
    if unit is None:
        return [1.0, other, 1000 * other if counting.unit == FRAMES else 1000.0]
    return [1.0 if (unit == FRAMES) == (counting.unit == FRAMES) else other]


def _differing(rows: Sequence[BoutRow], counting: Counting, factor: float) -> list[BoutRow]:
    slack = (_SLACK_FRAMES if counting.unit == FRAMES else _SLACK_S) * factor
    return [
        row
        for row in rows
        if row.length is not None
        and abs(row.length - _frames(row, counting) * factor) > max(slack, _SLACK * row.length)
    ]


def _are_in_time(columns: BoutColumns) -> bool:
    return columns.stop is not None and columns.duration is not None and columns.duration.unit in IN_SECONDS


def _frames(row: BoutRow, counting: Counting) -> float:
    return row.stop - row.start + counting.includes_stops


def _agree(lengths: Sequence[tuple[float, float]], rate: float) -> bool:
    return all(abs(length * rate - frames) <= max(_SLACK_FRAMES, _SLACK * frames) for length, frames in lengths)
