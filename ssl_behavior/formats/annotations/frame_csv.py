"""One label per frame: a CSV with a column ``label`` and, where frames are left out, ``frame`` (from 0).

The predictions this program writes are such files too. Empty labels and frames that are not named are unscored.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.values import first_line, whole
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE
from ssl_behavior.recordings.annotations import Annotations, FrameRate
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import video_id

NAME = "frame_csv"
CHANNEL = "label"

_LEADING = ["frame", "time_s", CHANNEL, "animals_tracked"]
_LARGEST_GAP = 100  # frames per row, in a table of more frames than could be labelled here and there
_FEW_FRAMES = 10_000_000


def detect(path: Path) -> bool:
    """Whether the first row names a column ``label``."""
    return CHANNEL in _names(first_line(path))


def read(path: Path, frame_rate: FrameRate = ASSUMED_FRAME_RATE) -> list[Annotations]:
    """The labels as bouts of one channel, ``label``.

    Args:
        path: a CSV file.
        frame_rate: unused; the file counts in frames.

    Raises:
        InputError: no rows, a frame that is no whole number, one that comes twice, or one far beyond the others.
    """
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = _names(file.readline(LONGEST_LINE))
        rows = [row for row in csv.reader(file) if row]
    own = names[:4] == _LEADING  # in which a behaviour may be called so, too
    if CHANNEL not in names or (not own and max(names.count(CHANNEL), names.count("frame")) > 1):
        raise InputError(f"{path}: expected one column {CHANNEL!r} and at most one 'frame'; found {names[:10]}")
    column = names.index(CHANNEL)
    needed = max(column, names.index("frame") if "frame" in names else 0)
    if not rows or any(len(row) <= needed for row in rows):
        raise InputError(
            f"{path}: expected a label in column {column + 1} of every row; found {len(rows)} rows, some short"
        )
    labels = [row[column].strip() for row in rows]
    frames = _frames(path, [row[names.index("frame")] for row in rows]) if "frame" in names else np.arange(len(rows))
    if len(set(labels)) > np.iinfo(np.int16).max:
        raise InputError(f"{path}: expected behaviours in the column {CHANNEL!r}; found {len(set(labels)):,} of them")
    behaviours = tuple(dict.fromkeys(sorted(name for name in set(labels) if name)))
    index = {name: i for i, name in enumerate(behaviours)}
    values = np.full(int(frames.max()) + 1, UNSCORED, np.int16)
    values[frames] = [index.get(name, UNSCORED) for name in labels]
    bouts = tuple(Labels(behaviours, values).bouts())
    # The program's own predictions name every behaviour in the columns after these.
    stated = tuple(names[4:]) if own else ()
    return [
        Annotations(
            video_id(path), {CHANNEL: bouts}, source=str(path), frames=len(values), vocabulary={CHANNEL: stated}
        )
    ]


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write ``frame,label`` rows of an Annotations' only channel; unscored frames get an empty label.

    Args:
        path: where to (``.csv``).
        annotations: what to write.
        frame_rate: unused; the file counts in frames.

    Raises:
        InputError: there is not exactly one channel.
    """
    if len(annotations.channels) != 1:
        raise InputError(f"{path}: a CSV of labels holds one channel; got {list(annotations.channels)}")
    (channel,) = annotations.channels
    behaviours = annotations.vocabulary[channel]
    labels = annotations.labels(channel, behaviours, annotations.stop(channel))
    names = [*behaviours, ""]
    rows = "".join(f"{frame},{_quoted(names[value])}\n" for frame, value in enumerate(labels.values))
    write_text(path, f"frame,{CHANNEL}\n{rows}")


def _names(line: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader([line.strip()]), [])]
    return [name.lower() if name.lower() in ("frame", "time_s", CHANNEL) else name for name in names]


def _frames(path: Path, texts: list[str]) -> np.ndarray:
    frames = np.array([whole(text, path) for text in texts])
    if frames.min() < 0 or len(np.unique(frames)) != len(frames):
        raise InputError(f"{path}: expected every frame once, from 0; found {frames.min()} to {frames.max()}")
    if frames.max() >= max(_FEW_FRAMES, _LARGEST_GAP * len(frames)):
        raise InputError(f"{path}: expected about a row per frame; found {len(frames)} rows up to frame {frames.max()}")
    return frames


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\n') else name
