"""Tables with a row per bout: columns of starts, of stops or durations, and of behaviours, in frames or in time.

Frames count from 0 and stops are excluded, unless the table itself shows otherwise. A table lists behaviours only, so
frames in no bout are ``other``; where its bouts leave no gap, all other frames are unscored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.bout_columns import bout_columns
from ssl_behavior.formats.annotations.bout_durations import compare_durations
from ssl_behavior.formats.annotations.bout_spans import bout_rows, spans_of
from ssl_behavior.formats.annotations.bout_units import counting_of
from ssl_behavior.formats.annotations.table import (
    BEHAVIOUR,
    Table,
    channels_of,
    pairs_of,
    read_table,
    split_header,
    to_key,
    videos_of,
)
from ssl_behavior.formats.annotations.values import bout_from_frames
from ssl_behavior.formats.text_files import first_line
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Video, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "bout_csv"
CHANNEL = "label"
"""The channel of bouts whose table names none."""


def detect(path: Path) -> bool:
    """Return whether the first row names columns of starts and stops."""
    return bout_columns([to_key(name) for name in split_header(first_line(path))[0]]) is not None


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read one Annotations per video: the videos of a column such as ``video``, or else that of the file's name.

    A column such as ``animal``, or two such as ``agent`` and ``target``, make a channel of each animal or pair.

    Args:
        path: a table separated by commas, semicolons or tabs.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: there is no column of behaviours, a time is no number, a bout stops before it starts, or a column
            changes the meaning in a way that cannot be followed.
    """
    table = read_table(path)
    columns = bout_columns(table.keys)
    behaviour = table.find(BEHAVIOUR)
    if columns is None or behaviour is None:
        raise InputError(
            f"{path}: expected a column of behaviours, such as 'behaviour', beside those of starts and stops; found "
            f"the columns {', '.join(table.names[:10])}: name it so"
        )
    table.require_unique([behaviour, *(column.key for column in columns.used)])
    table.require_one_judge()
    table.used.update(column.key for column in columns.used)
    table.require_no_shift()
    of_videos, channels = videos_of(table, videos), channels_of(table, CHANNEL)
    rows = bout_rows(table, columns, of_videos, channels)
    counting = counting_of(table, columns, [row for row in rows if row is not None])
    rates, contradictions = compare_durations(table, columns, counting, rows)
    spans, notices = spans_of(table, counting, rows, rates)
    bouts: dict[Video, dict[str, list[Bout]]] = {}
    for video, channel, behaviour_name, span in zip(of_videos, channels, table.column(behaviour), spans, strict=True):
        if span is not None:
            of_video = bouts.setdefault(video, {})
            of_video.setdefault(channel, []).append(bout_from_frames(*span, behaviour_name))
    if not bouts:
        raise InputError(f"{path}: expected rows with a start and a stop; found {len(rows)} rows without")
    common = [notice for notice in (counting.notice, *table.column_notices()) if notice]
    if without := spans.count(None):
        common.append(f"rows without a start or a stop, left out: {without}")
    return [
        _annotations(table, video, of_video, [*common, *contradictions[video], *notices[video]])
        for video, of_video in bouts.items()
    ]


def _annotations(table: Table, video: Video, channels: Mapping[str, list[Bout]], notices: Sequence[str]) -> Annotations:
    are_exhaustive = all(_leave_no_gap(bouts) for bouts in channels.values())
    background = None if are_exhaustive else OTHER
    if not are_exhaustive:
        notices = [*notices, f"frames in no bout count as {OTHER!r}: add --unscored {OTHER} if nobody judged them"]
    return Annotations(
        video.id,
        {channel: tuple(bouts) for channel, bouts in channels.items()},
        background,
        str(table.path),
        notices=tuple(notices),
        pairs={channel: pair for channel, pair in pairs_of(table, CHANNEL).items() if channel in channels},
    )


def _leave_no_gap(bouts: Sequence[Bout]) -> bool:
    """Return whether several bouts follow each other without a frame between them."""
    reached, ordered = None, sorted(bouts)
    for bout in ordered:
        if reached is not None and bout.start > reached:
            return False
        reached = max(reached or 0, bout.stop)
    return len(bouts) > 1


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write a row per bout, in frames from 0, without those of the background.

    Args:
        path: the file to write (``.csv``).
        annotations: annotations of one video; a column names their channels.
        frame_rate: unused; the file counts in frames.
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["channel", "start_frame", "stop_frame", "behaviour"])
    for channel, bouts in annotations.channels.items():
        writer.writerows(
            [channel, bout.start, bout.stop, bout.behaviour]
            for bout in bouts
            if bout.behaviour != annotations.background
        )
    write_text(path, lines.getvalue())
