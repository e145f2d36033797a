"""Tables with a column of 0 and 1 for each behaviour and a row per frame, as DeepEthogram writes them.

-1 means that nobody judged the frame. Where two behaviours can happen at once, each is a channel of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.frame_columns import FRAME, INDEX, TIME
from ssl_behavior.formats.annotations.frame_rows import rows_to_frames
from ssl_behavior.formats.annotations.table import (
    ANIMAL,
    TARGET,
    VIDEO,
    Table,
    channels_of,
    pairs_of,
    read_head,
    read_table,
    to_key,
    videos_of,
)
from ssl_behavior.formats.annotations.table import CHANNEL as CHANNEL_WORDS
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels, is_unscored
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Video, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "one_hot"
CHANNEL = "label"

_BACKGROUND = "background"
_DIGITS = ("0", "1", "0.0", "1.0", "-1", "-1.0", "true", "false")


def detect(path: Path) -> bool:
    """Return whether some columns hold 0 and 1 only in the first rows."""
    names, rows = read_head(path)
    return len(rows) > 1 and bool(_behaviours([to_key(name) for name in names], rows))


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read the labels of one video.

    Args:
        path: a table separated by commas, semicolons or tabs.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: a cell is neither 0, 1 nor -1.
    """
    table = read_table(path)
    owners = {key for words in (VIDEO, ANIMAL, TARGET, CHANNEL_WORDS) if (key := table.find(words))}
    columns = [i for i in _behaviours(table.keys, table.rows) if table.keys[i] not in owners]
    places = {*FRAME, *INDEX, *TIME, *owners}
    others = [i for i, key in enumerate(table.keys) if i not in columns and key not in places]
    if not columns or others:
        raise InputError(
            f"{path}: expected columns of 0 and 1, one for each behaviour; found other columns, such as "
            f"{', '.join(table.names[i] for i in others[:5]) or 'none'}: keep those of behaviours, frames, times, "
            "videos and animals"
        )
    table.used.update(table.keys[i] for i in columns)
    groups: dict[Video, dict[str, list[int]]] = {}
    for row, (video, channel) in enumerate(zip(videos_of(table, videos), channels_of(table, CHANNEL), strict=True)):
        groups.setdefault(video, {}).setdefault(channel, []).append(row)
    return [_of_video(table, video, channels, columns) for video, channels in groups.items()]


def _of_video(table: Table, video: Video, channels: Mapping[str, Sequence[int]], columns: Sequence[int]) -> Annotations:
    names = [table.names[i] for i in columns]
    parts = []
    for channel, rows in channels.items():
        labels = [" ".join(table.rows[row][i] for i in columns) for row in rows]
        spans, notices = rows_to_frames(table, video, rows, labels)
        cells = np.array([[_value(table.rows[row][i]) for i in columns] for row in rows], np.int8)
        part = _annotations(table.path, video, names, cells, spans, notices)
        # Each animal has channels of its own.
        own = {name: channel if name == CHANNEL else f"{channel} {name}" for name in part.channels}
        parts.append((part, own if channel != CHANNEL else {name: name for name in own}))
    # Behaviours that happen at once are channels of their own, of which no pair is known yet.
    of_pairs = {own[CHANNEL] for part, own in parts if set(part.channels) == {CHANNEL}}
    return Annotations(
        video.id,
        {own[name]: bouts for part, own in parts for name, bouts in part.channels.items()},
        source=str(table.path),
        frames=max(part.frames or 0 for part, _ in parts),
        vocabulary={own[name]: words for part, own in parts for name, words in part.vocabulary.items()},
        notices=tuple(dict.fromkeys(notice for part, _ in parts for notice in part.notices)),
        pairs={channel: pair for channel, pair in pairs_of(table, CHANNEL).items() if channel in of_pairs},
    )


def _annotations(
    path: Path, video: Video, names: Sequence[str], cells: np.ndarray, spans: np.ndarray, notices: Sequence[str]
) -> Annotations:
    channels: Mapping[str, np.ndarray]
    if ((cells == 1).sum(1) > 1).any():
        # Row -> 0 for the behaviour, 1 for the background.
        kept = [i for i, name in enumerate(names) if name.lower() != _BACKGROUND]
        channels = {names[i]: np.where(cells[:, i] < 0, UNSCORED, 1 - cells[:, i]) for i in kept}
        vocabularies: dict[str, tuple[str, ...]] = {name: (name, OTHER) for name in channels}
        notices = [*notices, "behaviours happen at once, so each is a channel of its own: choose one with --channel"]
    else:
        background = next((name for name in names if name.lower() == _BACKGROUND), OTHER)
        vocabulary = (*(name for name in names if name != background), background)
        order = [vocabulary.index(name) for name in names]
        values = np.where((cells == 1).any(1), np.take(order, (cells == 1).argmax(1)), len(vocabulary) - 1)
        channels, vocabularies = {CHANNEL: np.where((cells < 0).any(1), UNSCORED, values)}, {CHANNEL: vocabulary}
    stop = int(spans[:, 1].max(initial=0))
    bouts = {}
    for channel, labels in channels.items():
        frames = np.full(stop, UNSCORED, np.int16)
        for (start, end), label in zip(spans, labels, strict=True):
            frames[start:end] = label
        bouts[channel] = tuple(Labels(vocabularies[channel], frames).bouts())
    return Annotations(video.id, bouts, source=str(path), frames=stop, vocabulary=vocabularies, notices=tuple(notices))


def _behaviours(keys: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns that hold 0 and 1 only; empty if a row is short."""
    if not rows or any(len(row) < len(keys) for row in rows):
        return []
    return [
        i
        for i, key in enumerate(keys)
        if key not in (*FRAME, *INDEX, *TIME)
        and all(row[i].strip().lower() in _DIGITS or is_unscored(row[i]) for row in rows)
    ]


def _value(cell: str) -> int:
    if is_unscored(cell):
        return UNSCORED
    return 1 if cell.lower() in ("1", "1.0", "true") else 0


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write a table as DeepEthogram reads it; unscored frames are -1.

    Args:
        path: the file to write (``.csv``).
        annotations: annotations of one video, with one channel.
        frame_rate: unused; the file counts in frames.

    Raises:
        InputError: there is no channel, or more than one.
    """
    if len(annotations.channels) != 1:
        raise InputError(
            f"{path}: a table of 0 and 1 holds one channel; got {', '.join(annotations.channels) or 'none'}"
        )
    (channel,) = annotations.channels
    names = annotations.vocabulary[channel]
    values = annotations.labels(channel, names, annotations.stop(channel)).values
    cells = np.where(values[:, None] < 0, UNSCORED, values[:, None] == np.arange(len(names)))
    rows = (",".join(map(str, [frame, *row])) for frame, row in enumerate(cells.astype(int)))
    write_text(path, "\n".join([",".join(["", *names]), *rows]) + "\n")
