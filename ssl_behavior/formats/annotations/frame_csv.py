"""One label per frame: a CSV with a column ``label`` and, if some frames are missing, a column ``frame`` (from 0).

Predictions of this program are such files too. Frames that are missing or have an empty label are unscored.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.annotations.values import first_line, parse_frame
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "frame_csv"
CHANNEL = "label"

_PREDICTION_COLUMNS = ["frame", "time_s", CHANNEL, "animals_tracked"]
"""The first columns of this program's predictions; the behaviours' probabilities follow."""

# A few labels far apart are plausible in a short video; in a long one they are an error that would fill the memory.
_MAX_FRAMES_PER_ROW = 100
_SHORT_VIDEO = 10_000_000
"""Frames, below which the number of frames per row does not matter."""


def detect(path: Path) -> bool:
    """Return whether the first row names a column ``label``."""
    return CHANNEL in _names(first_line(path))


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read the labels as bouts of one channel, ``label``.

    Args:
        path: a CSV file.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: no rows, or a frame that is no whole number, repeats, or lies far beyond the others.
    """
    names, rows = _read_table(path)
    labels = [row[names.index(CHANNEL)].strip() for row in rows]
    frames = _frames(path, [row[names.index("frame")] for row in rows]) if "frame" in names else np.arange(len(rows))
    if len(set(labels)) > np.iinfo(np.int16).max:
        raise InputError(f"{path}: expected behaviours in the column {CHANNEL!r}; found {len(set(labels)):,} of them")
    behaviours = tuple(sorted(name for name in set(labels) if name))
    index = {name: i for i, name in enumerate(behaviours)}
    values = np.full(int(frames.max()) + 1, UNSCORED, np.int16)
    values[frames] = [index.get(name, UNSCORED) for name in labels]
    bouts = tuple(Labels(behaviours, values).bouts())
    # Predictions name every behaviour, including those that never occur.
    vocabulary = {CHANNEL: tuple(names[len(_PREDICTION_COLUMNS) :]) if _is_prediction(names) else ()}
    video = videos.find(Path(path))
    return [Annotations(video.id, {CHANNEL: bouts}, source=str(path), frames=len(values), vocabulary=vocabulary)]


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


def _read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and rows that reach the columns ``label`` and ``frame``."""
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = _names(file.readline(LONGEST_LINE))
        rows = [row for row in csv.reader(file) if row]
    # In predictions, a behaviour may be called "label" or "frame" too; its column comes later.
    is_ambiguous = not _is_prediction(names) and max(names.count(CHANNEL), names.count("frame")) > 1
    if CHANNEL not in names or is_ambiguous:
        raise InputError(f"{path}: expected one column {CHANNEL!r} and at most one 'frame'; found {names[:10]}")
    label_column = names.index(CHANNEL)
    last_column = max(label_column, names.index("frame") if "frame" in names else 0)
    if not rows or any(len(row) <= last_column for row in rows):
        raise InputError(
            f"{path}: expected a label in column {label_column + 1} of every row; found {len(rows)} rows, some short"
        )
    return names, rows


def _is_prediction(names: list[str]) -> bool:
    return names[: len(_PREDICTION_COLUMNS)] == _PREDICTION_COLUMNS


def _names(line: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader([line.strip()]), [])]
    return [name.lower() if name.lower() in ("frame", "time_s", CHANNEL) else name for name in names]


def _frames(path: Path, texts: list[str]) -> np.ndarray:
    frames = np.array([parse_frame(text, path) for text in texts])
    if frames.min() < 0 or len(np.unique(frames)) != len(frames):
        raise InputError(f"{path}: expected every frame once, from 0; found {frames.min()} to {frames.max()}")
    if frames.max() >= max(_SHORT_VIDEO, _MAX_FRAMES_PER_ROW * len(frames)):
        raise InputError(f"{path}: expected about a row per frame; found {len(frames)} rows up to frame {frames.max()}")
    return frames


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n') else name
