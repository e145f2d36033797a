"""A row per labelled frame: a column of behaviours and, if some frames are missing, one of frames or of times.

Predictions of this program are such files too. Frames that are missing or have no label are unscored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.annotations.bout_columns import is_edge
from ssl_behavior.formats.annotations.frame_columns import FRAME, TIME
from ssl_behavior.formats.annotations.frame_rows import rows_to_frames
from ssl_behavior.formats.annotations.switches import require_no_switches
from ssl_behavior.formats.annotations.table import (
    BEHAVIOUR,
    Table,
    channels_of,
    find_key,
    pairs_of,
    read_table,
    split_header,
    to_key,
    videos_of,
)
from ssl_behavior.formats.text_files import first_line
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Bout, Labels, is_unscored
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Video, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "frame_csv"
CHANNEL = "label"

_PREDICTION_COLUMNS = ["frame", "time_s", CHANNEL, "animals_tracked"]
"""The first columns of this program's predictions; the behaviours' probabilities follow."""


def detect(path: Path) -> bool:
    """Return whether the first row names a column of behaviours."""
    names, _ = split_header(first_line(path))
    return find_key([to_key(name) for name in names], BEHAVIOUR) is not None


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read one Annotations per video: the videos of a column such as ``video``, or else that of the file's name.

    A column such as ``animal`` makes a channel of each animal. Otherwise the channel is ``label``.

    Args:
        path: a table separated by commas, semicolons or tabs.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: no rows, or a frame that is no whole number, repeats, or lies far beyond the others.
    """
    table = read_table(path)
    # Predictions name every behaviour, including those that never occur.
    behaviours = _behaviours_of_prediction(table)
    key = table.find(BEHAVIOUR)
    if key is None:
        raise InputError(f"{path}: expected a column of behaviours, such as 'behaviour'; found {table.names[:10]}")
    table.require_unique((key, *FRAME, *TIME))
    table.require_one_judge()
    table.require_no_shift()
    if edges := [name for name, column in zip(table.names, table.keys, strict=True) if is_edge(column)]:
        raise InputError(
            f"{path}: expected starts and stops, or starts and durations, of bouts; found the columns "
            f"{', '.join(edges)} alone: add the other, or remove them if rows are frames"
        )
    labels = table.column(key)
    require_no_switches(table, labels)
    groups: dict[Video, dict[str, list[int]]] = {}
    for row, (video, channel) in enumerate(zip(videos_of(table, videos), channels_of(table, CHANNEL), strict=True)):
        groups.setdefault(video, {}).setdefault(channel, []).append(row)
    return [_annotations(table, video, channels, labels, behaviours) for video, channels in groups.items()]


def _annotations(
    table: Table, video: Video, channels: dict[str, list[int]], labels: Sequence[str], vocabulary: tuple[str, ...]
) -> Annotations:
    bouts: dict[str, tuple[Bout, ...]] = {}
    stop, notices = 0, dict[str, None]()
    for channel, rows in channels.items():
        names = [labels[row] for row in rows]
        spans, more = rows_to_frames(table, video, rows, names)
        behaviours = tuple(sorted({name for name in names if not is_unscored(name)}))
        if len(behaviours) > np.iinfo(np.int16).max:
            raise InputError(f"{table.path}: expected behaviours; found {len(behaviours):,} different labels")
        index = {name: i for i, name in enumerate(behaviours)}
        values = np.full(int(spans[:, 1].max(initial=0)), UNSCORED, np.int16)
        for (start, end), name in zip(spans, names, strict=True):
            values[start:end] = index.get(name, UNSCORED)
        bouts[channel] = tuple(Labels(behaviours, values).bouts())
        stop = max(stop, len(values))
        notices |= dict.fromkeys(more)
        if words := sorted({name for name in names if name and is_unscored(name)}):
            notices[f"unscored, as they are no behaviours: {', '.join(map(repr, words))}"] = None
    if not vocabulary:
        notices |= dict.fromkeys(table.column_notices())
    return Annotations(
        video.id,
        bouts,
        source=str(table.path),
        frames=stop,
        vocabulary=dict.fromkeys(bouts, vocabulary),
        notices=tuple(notices),
        pairs={channel: pair for channel, pair in pairs_of(table, CHANNEL).items() if channel in channels},
    )


def _behaviours_of_prediction(table: Table) -> tuple[str, ...]:
    """Return the behaviours of this program's predictions, and keep only the other columns; empty for other tables."""
    count = len(_PREDICTION_COLUMNS)
    if table.names[:count] != _PREDICTION_COLUMNS:
        return ()
    behaviours = tuple(table.names[count:])
    # A behaviour may be called "label" or "frame" too.
    table.names, table.keys = table.names[:count], table.keys[:count]
    return behaviours


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write ``frame,label`` rows; unscored frames get an empty label.

    Args:
        path: the file to write (``.csv``).
        annotations: annotations of one video, with one channel.
        frame_rate: unused; the file counts in frames.

    Raises:
        InputError: there is no channel, or more than one.
    """
    if len(annotations.channels) != 1:
        raise InputError(f"{path}: a CSV of labels holds one channel; got {list_names(annotations.channels)}")
    (channel,) = annotations.channels
    behaviours = annotations.vocabulary[channel]
    labels = annotations.labels(channel, behaviours, annotations.stop(channel))
    names = [*behaviours, ""]
    rows = "".join(f"{frame},{_quoted(names[value])}\n" for frame, value in enumerate(labels.values))
    write_text(path, f"frame,{CHANNEL}\n{rows}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n') else name
