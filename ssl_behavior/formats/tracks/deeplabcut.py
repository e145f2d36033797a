"""DeepLabCut tables: .csv, .csv.gz and .h5 with three or four header rows.

Header rows are scorer, [individuals], bodyparts, coords (x, y, [z], likelihood). If the row of individuals is missing,
individuals may stand in the scorer row (CalMS21 as a table) or as a prefix of the bodyparts ("B_Nose", "W_Nose").
Bodyparts of the individual "single" belong to no animal (corners of the arena, for example). They become the series
"single" (time, bodypart, space) and the metadata "single_keypoints".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.arrow_tables import matrix
from ssl_behavior.formats.untrusted.pytables import is_table, read_table
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.paths import video_id

NAME = "deeplabcut"
_SINGLE = "single"

# "B_Nose" and "W_Nose" name animals, "left_ear" and "right_ear" do not. An animal has several bodyparts, and a
# prefix that names a side of the body is no animal.
_MIN_PREFIXED_PARTS = 3
_SIDES = {"left", "right", "l", "r", "front", "hind", "fore", "rear", "back", "upper", "lower", "mid", "top", "bottom"}

_MAX_FRAMES_PER_ROW = 100
"""A table with more frames per row has a damaged frame number; filling such a gap could take all memory."""


@dataclass(frozen=True)
class _Column:
    individual: str
    part: str
    coordinate: str


def detect(path: Path) -> bool:
    """Return whether the file is a CSV with the header rows scorer to coords, or an .h5 that pandas wrote."""
    if path.suffix.lower() in (".h5", ".hdf5"):
        return is_table(path)
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        return False
    try:
        return bool(_csv_header(path))
    except (InputError, OSError, UnicodeDecodeError, csv.Error):
        return False


def read(path: Path) -> list[Recording]:
    """Read the one recording of a table, in px. Frames whose number is missing from the first column are unseen.

    Raises:
        InputError: the file is no such table or is cut short.
    """
    if path.suffix.lower() in (".h5", ".hdf5"):
        header, frames, values = read_table(path)
    else:
        header, frames, values = _read_csv(path)
    columns, origin = _columns(header, path)
    values = _at_frames(values, frames, path)
    owned = [column for column in columns if column.individual != _SINGLE] or columns
    individuals = tuple(dict.fromkeys(column.individual for column in owned))
    parts = tuple(dict.fromkeys(column.part for column in owned))
    positions, confidence = _arrays(values, columns, individuals, parts, path)
    series: dict[str, np.ndarray] = {}
    metadata: dict[str, Any] = {"individuals_from": origin, "scorer": header[0][0]}
    if single := tuple(dict.fromkeys(column.part for column in columns if column not in owned)):
        series["single"] = _arrays(values, columns, (_SINGLE,), single, path)[0][:, 0]
        metadata["single_keypoints"] = list(single)
    return [
        Recording(
            video_id(path),
            positions,
            individuals,
            Skeleton(parts),
            ASSUMED_FRAME_RATE,
            confidence,
            series=series,
            source=str(path),
            metadata=metadata,
            frame_rate_is_assumed=True,
        )
    ]


def _csv_header(path: Path) -> list[list[str]]:
    """Return the header rows without their first column, or an empty list if they are not DeepLabCut's."""
    with limits.opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = [text.readline(limits.LONGEST_LINE) for _ in range(4)]
    if any(len(line) == limits.LONGEST_LINE for line in lines):
        return []
    rows = list(csv.reader(lines))
    last = next((i for i, row in enumerate(rows) if row and row[0].strip().lower() in ("coords", "coord")), 0)
    if last < 2 or rows[0][0].strip().lower() != "scorer":
        return []
    return [[cell.strip() for cell in row[1:]] for row in rows[: last + 1]]


def _read_csv(path: Path) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Return header rows, frame numbers (row,), and values (row, column) float32."""
    try:
        header = _csv_header(path)
        if not header:
            raise InputError(f"{path}: expected DeepLabCut's header rows (scorer, bodyparts, coords); found none")
        if len(header[0]) > limits.MOST_COLUMNS:
            raise InputError(f"{path}: expected at most {limits.MOST_COLUMNS:,} columns; found {len(header[0]):,}")
        names = [str(i) for i in range(len(header[0]) + 1)]
        with limits.opened(path) as file:
            table = pa.csv.read_csv(
                pa.input_stream(file),
                pa.csv.ReadOptions(skip_rows=len(header), column_names=names),
                convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(names[1:], pa.float32())),
            )
    except (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read to its end as a DeepLabCut table ({error})") from None
    if not pa.types.is_integer(table.schema.types[0]):
        raise InputError(f"{path}: expected frame numbers in the first column; found {table.schema.types[0]}")
    if table.columns[0].null_count:
        raise InputError(f"{path}: expected a frame number in every row; found rows without one")
    return header, matrix(table.select(names[:1]))[:, 0], matrix(table.select(names[1:]))


def _columns(header: Sequence[Sequence[str]], path: Path) -> tuple[list[_Column], str]:
    """Return the meaning of each column, and where the names of the individuals come from."""
    if len(header) not in (3, 4) or len({len(row) for row in header}) != 1 or not header[0]:
        raise InputError(f"{path}: expected 3 or 4 header rows of one length; found {[len(row) for row in header]}")
    coordinates = [name.lower() for name in header[-1]]
    if unknown := set(coordinates) - {"x", "y", "z", "likelihood"}:
        raise InputError(f"{path}: expected the coords x, y, z and likelihood; found {sorted(unknown)[0]!r}")
    parts, origin = list(header[-2]), "header"
    if len(header) == 4:
        individuals = list(header[1])
    elif len(set(scorers := _demangle(header[0]))) > 1 and len(set(zip(parts, coordinates, strict=True))) < len(parts):
        individuals, origin = [name.lower() for name in scorers], "scorer row"
    elif (split := _split_prefixes(parts)) is not None:
        individuals, parts = split
        origin = "keypoint prefixes"
    else:
        individuals, origin = ["individual1"] * len(parts), "one individual"
    columns = [_Column(*names) for names in zip(individuals, parts, coordinates, strict=True)]
    if len(set(columns)) < len(columns):
        repeated = next(column for column in columns if columns.count(column) > 1)
        raise InputError(
            f"{path}: the column {repeated.part} {repeated.coordinate} of {repeated.individual} occurs twice"
        )
    return columns, origin


def _demangle(names: Sequence[str]) -> list[str]:
    """Undo what pandas does to repeated names of a first header row: name, name.1, name.2."""
    bases = {name: re.sub(r"\.\d+$", "", name) for name in names}
    return [bases[name] if bases[name] in bases else name for name in names]


def _split_prefixes(parts: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """Split names like "B_Nose" into individuals and bodyparts.

    Returns:
        None if the prefixes do not name individuals: their bodyparts differ, or one names a side of the body.
    """
    split = [name.partition("_")[::2] for name in parts]
    by_prefix: dict[str, set[str]] = {}
    for prefix, part in split:
        by_prefix.setdefault(prefix, set()).add(part)
    shared = next(iter(by_prefix.values()))
    is_individual = len(by_prefix) > 1 and not {prefix.lower() for prefix in by_prefix} & _SIDES
    if not is_individual or len(shared) < _MIN_PREFIXED_PARTS or any(names != shared for names in by_prefix.values()):
        return None
    return [prefix for prefix, _ in split], [part for _, part in split]


def _at_frames(values: np.ndarray, frames: np.ndarray, path: Path) -> np.ndarray:
    """Return one row per frame: the table's at their frame numbers, and NaN for missing frames."""
    if not len(frames):
        raise InputError(f"{path}: expected a row per frame; found none")
    if frames[0] < 0 or (np.diff(frames) <= 0).any():
        raise InputError(f"{path}: expected frame numbers that rise from 0 on; found some that fall or repeat")
    if np.array_equal(frames, np.arange(len(frames))):
        return values
    if frames[-1] - frames[0] >= _MAX_FRAMES_PER_ROW * len(frames) or (
        (int(frames[-1]) + 1) * values.shape[1] * values.itemsize > limits.most_bytes(values.nbytes)
    ):
        raise InputError(
            f"{path}: expected a row per frame; found {len(frames)} rows for frames {frames[0]} to {frames[-1]}"
        )
    filled = np.full((int(frames[-1]) + 1, values.shape[1]), np.nan, np.float32)
    filled[frames] = values
    return filled


def _arrays(
    values: np.ndarray, columns: Sequence[_Column], individuals: Sequence[str], parts: Sequence[str], path: Path
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return positions (time, individual, keypoint, space) and confidence (time, individual, keypoint) or None."""
    index = {(column.individual, column.part, column.coordinate): i for i, column in enumerate(columns)}
    space = [axis for axis in "xyz" if axis in {column.coordinate for column in columns}]
    if space[:2] != ["x", "y"]:
        raise InputError(f"{path}: expected the coords x and y; found {space}")
    shape = (len(values), len(individuals), len(parts))

    def select(coordinates: Sequence[str]) -> np.ndarray:
        """Return columns as (time, individual, keypoint, coordinate); NaN where an individual lacks a bodypart."""
        keys = [(name, part, axis) for name in individuals for part in parts for axis in coordinates]
        column_numbers = np.array([index.get(key, -1) for key in keys])
        selected = np.take(values, column_numbers, axis=1)
        selected[:, column_numbers < 0] = np.nan
        return selected.reshape(*shape, len(coordinates))

    positions = mask_unseen(select(space))
    if not any(column.coordinate == "likelihood" for column in columns):
        return positions, None
    return positions, bound_confidence(select(["likelihood"])[..., 0], positions)
