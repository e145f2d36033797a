"""Read a tracking file of MABe-2025 with what the other files of its folder say about the video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks.mabe25.annotations import (
    PairLabels,
    annotation_file,
    mouse_name,
    pair_labels,
    read_bouts,
    without_strangers,
)
from ssl_behavior.formats.tracks.mabe25.metadata import VideoRow, VideoTable, find_table, read_table
from ssl_behavior.formats.tracks.mabe25.tracking import is_tracking, read_tracking
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, LAB, LISTED, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.paths import PARTS, TRACKING

NAME = "mabe25"
_ANNOTATED = "train"
"""The part whose annotations become labels: those of the test part are there to score predictions only."""


def detect(path: Path) -> bool:
    """Return whether the file is Parquet with the columns of a tracking table."""
    return path.suffix.lower() == ".parquet" and is_tracking(path)


def companions(path: Path) -> tuple[Any, ...]:
    """Return what the recording of a tracking file depends on beside that file, for the cache.

    Raises:
        InputError: the table of its videos cannot be read, or has no row for it.
    """
    if not detect(path):
        return ()
    table, row = _row(path)
    bouts = _annotation_file(path)
    return (row, table.actions, file_digest(bouts) if bouts.is_file() else None)


def read(path: Path) -> list[Recording]:
    """Read the one recording of a tracking file, in cm if the table of videos has a scale, else in px.

    Videos of the training part get labels: a channel for each ordered pair, and for each mouse by itself, in which the
    list of the video has actions. They share one vocabulary, that of all lists of the table.

    Raises:
        InputError: the file is not in the competition's layout, its table has no row for it, or one of the files is
            damaged.
    """
    table, row = _row(path)
    tracking = read_tracking(path)
    positions = tracking.positions
    mice = tuple(map(mouse_name, tracking.mice))
    seen = [name for i, name in enumerate(mice) if np.isfinite(positions[:, i, :, 0]).any()]
    listed, notices = without_strangers(row.listed, seen)
    notices = (*tracking.notices, *notices)
    labelled = _labels(path, table, listed, len(positions))
    if row.pixels_per_cm is None:
        notices += ("no scale in the table of videos: positions are in px",)
    else:
        positions /= np.float32(row.pixels_per_cm)
    metadata = {**row.facts, LAB: row.lab}
    if listed:
        metadata[LISTED] = [list(entry) for entry in listed]
    recording = Recording(
        row.video,
        positions,
        mice,
        Skeleton(tracking.parts),
        row.frame_rate or ASSUMED_FRAME_RATE,
        labels=labelled.labels,
        unit="px" if row.pixels_per_cm is None else "cm",
        source=str(path),
        metadata=metadata,
        frame_rate_is_assumed=row.frame_rate is None,
        notices=(*notices, *labelled.notices),
    )
    return [recording]


def _labels(path: Path, table: VideoTable, listed: tuple[tuple[str, str, str], ...], frames: int) -> PairLabels:
    if not listed or _part(path) != _ANNOTATED:
        return PairLabels({}, ())
    bouts = _annotation_file(path)
    if not bouts.is_file():
        return PairLabels({}, ("actions are listed, but there is no annotation file: the video has no labels",))
    return pair_labels(read_bouts(bouts), listed, table.actions, frames)


def _row(path: Path) -> tuple[VideoTable, VideoRow]:
    """Return the table of videos that belongs to a tracking file, and its row."""
    part, absolute = _part(path), path.absolute()
    folder, lab = absolute.parents[2] if part else absolute.parent, absolute.parent.name
    table_path = find_table(folder, part) if part else None
    if table_path is None:
        raise InputError(
            f"{path}: expected a tracking file of MABe-2025 at train_tracking/LAB/VIDEO.parquet, beside train.csv (or "
            f"test); found no such {'table' if part else 'folders'}: keep the competition's folders"
        )
    table = read_table(table_path)
    if (row := table.rows.get((lab, path.stem))) is None:
        labs = list_names((name for name, video in table.rows if video == path.stem), 5)
        raise InputError(
            f"{path}: expected a row of video {path.stem} of lab {lab} in {table_path}; found "
            f"{f'that video of {labs}' if labs != 'none' else 'none'}: add the row, or remove the file"
        )
    return table, row


def _part(path: Path) -> str:
    """Return the part to whose tracks a file belongs; empty if it lies elsewhere."""
    name = path.absolute().parent.parent.name
    part = name.removesuffix(TRACKING)
    return part if name.endswith(TRACKING) and part in PARTS else ""


def _annotation_file(path: Path) -> Path:
    absolute = path.absolute()
    return annotation_file(absolute.parents[2], _ANNOTATED, absolute.parent.name, path.stem)
