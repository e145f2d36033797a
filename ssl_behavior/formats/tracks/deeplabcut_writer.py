"""Write a recording as a table of DeepLabCut (.csv): three header rows for one animal, four for several."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.atomic import write_atomically

_SCORER = "DLC_ssl_behavior"
ENDING = f"{_SCORER}.csv"
"""DeepLabCut finds the tables of a video by its name with the scorer behind it."""
HOLDS: frozenset[str] = frozenset()
_OF_NOBODY = "single"
"""Individual of the bodyparts that belong to no animal."""
_COORDINATES = ("x", "y", "likelihood")


def require_writable(recording: Recording) -> None:
    """Make sure that a recording survives in a table: the names in the header rows, and the points.

    Raises:
        InputError: a name is empty, begins or ends with a blank, or means "no animal" to DeepLabCut, or a point lies
            where DeepLabCut puts those that it does not find.
    """
    names = (*recording.individuals, *recording.skeleton.keypoints)
    if bad := [name for name in names if not name or name != name.strip()]:
        raise InputError(f"expected names without blanks at their ends, as DeepLabCut has them; found {bad[0]!r}")
    if len(recording.individuals) > 1 and _OF_NOBODY in recording.individuals:
        raise InputError(f"expected no individual {_OF_NOBODY!r}, which means 'no animal' to DeepLabCut; found one")
    if negative := int((recording.positions == -1).all(-1).sum()):
        raise InputError(
            f"expected no point at exactly -1, -1, which means 'not seen' to DeepLabCut; found {negative:,}"
        )


def write(path: Path, recording: Recording) -> None:
    """Write a recording of a plane to one table, whole or not at all.

    Numbers have as many digits as their float32 needs. Unseen keypoints have empty cells and a likelihood of 0.

    Args:
        path: the file, which ends in ``ENDING``.
        recording: the recording. Unknown confidence becomes a likelihood of 1.

    Raises:
        OSError: the file cannot be written.
    """
    names = [f"{number}" for number in range(_columns(recording) + 1)]
    values = _values(recording)
    columns = [pa.array(np.arange(recording.frames)), *(pa.array(column, from_pandas=True) for column in values.T)]
    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        file.write(_header(recording).encode())
        options = pa.csv.WriteOptions(include_header=False)
        pa.csv.write_csv(pa.table(columns, names), file, options)


def _columns(recording: Recording) -> int:
    return len(recording.individuals) * len(recording.skeleton.keypoints) * len(_COORDINATES)


def _values(recording: Recording) -> np.ndarray:
    """Return (time, column) float32, NaN for empty cells; columns lie in memory one after the other."""
    positions, confidence = recording.positions, recording.confidence
    values = np.empty((*positions.shape[:3], len(_COORDINATES)), np.float32)
    values[..., :2] = positions
    values[..., 2] = 1 if confidence is None else confidence
    # The likelihood is never empty: pandas takes a first row of empty cells for the name of the frames' column.
    values[~np.isfinite(positions).all(-1)] = (np.nan, np.nan, 0)
    return np.asfortranarray(values.reshape(recording.frames, -1))


def _header(recording: Recording) -> str:
    parts, individuals = recording.skeleton.keypoints, recording.individuals
    cells = [(name, part, axis) for name in individuals for part in parts for axis in _COORDINATES]
    rows = {
        "scorer": [_SCORER] * len(cells),
        "individuals": [name for name, _, _ in cells],
        "bodyparts": [part for _, part, _ in cells],
        "coords": [axis for _, _, axis in cells],
    }
    if len(individuals) == 1:
        del rows["individuals"]  # as DeepLabCut writes tables of one animal
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([name, *row] for name, row in rows.items())
    return text.getvalue()
