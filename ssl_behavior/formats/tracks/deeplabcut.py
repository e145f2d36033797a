"""DeepLabCut tables: .csv, .csv.gz and .h5 with three or four header rows.

Header rows are scorer, [individuals], bodyparts, coords (x, y, [z], likelihood). If the row of individuals is missing,
individuals may stand in the scorer row (CalMS21 as a table). ``animals`` finds those in the names of bodyparts.
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
from ssl_behavior.formats import missing
from ssl_behavior.formats.tracks.frame_rows import at_frames, frame_numbers
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_negative, mask_unseen
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.arrow_tables import matrix, opened_natively
from ssl_behavior.formats.untrusted.pytables import is_table, read_table
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

NAME = "deeplabcut"
_SINGLE = "single"
_HEADER_ROWS = ("scorer", "individuals", "bodyparts", "coords")
_HEADER_LABELS = {"individual": "individuals", "bodypart": "bodyparts", "keypoints": "bodyparts", "coord": "coords"}
_MOST_HEADER_ROWS = 6


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
        return len(_csv_header(path)[0]) > 2
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
    values, notices = at_frames(values, frames, path)
    if origin == "scorer row":
        notices += ("the animals are named by the scorer row",)
    owned = [column for column in columns if column.individual != _SINGLE] or columns
    individuals = tuple(dict.fromkeys(column.individual for column in owned))
    parts = tuple(dict.fromkeys(column.part for column in owned))
    positions, confidence, more = _arrays(values, columns, individuals, parts, path)
    notices += more
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
            notices=notices,
        )
    ]


def _csv_header(path: Path) -> tuple[list[list[str]], int, list[str]]:
    """Read the header rows, without their first column.

    Returns:
        Rows in DeepLabCut's order: the scorer, individuals if there are any, bodyparts, coords, or an empty list if
        they are not DeepLabCut's; the number of lines before the first frame; and the names of further header rows.
    """
    with limits.opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = [text.readline(limits.LONGEST_LINE) for _ in range(_MOST_HEADER_ROWS + 1)]
    if any(len(line) == limits.LONGEST_LINE for line in lines):
        return [], 0, []
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    labels = [row[0].lower() if row else "" for row in rows]
    last = next((i for i, label in enumerate(labels) if label in ("coords", "coord")), 0)
    if last < 2 or labels[0] != "scorer":
        return [], 0, []
    by_label = {_HEADER_LABELS.get(label, label): row[1:] for label, row in zip(labels, rows[: last + 1], strict=False)}
    header = [by_label.pop(name) for name in _HEADER_ROWS if name in by_label]
    surplus = [label for label, cells in by_label.items() if len(set(cells)) > 1]
    # pandas writes the name of the frames' column, if it has one, in a row of its own.
    following = rows[last + 1] if last + 1 < len(rows) else []
    is_name = bool(following) and not any(following[1:]) and bool(re.match(r"[A-Za-z]", following[0]))
    return header, last + 1 + is_name, surplus


def _read_csv(path: Path) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Return header rows, frame numbers (row,), and values (row, column) float32."""
    try:
        header, lines, surplus = _csv_header(path)
        if not header or surplus:
            found = f"one called {surplus[0]!r} too: delete it" if surplus else "none: choose another --format"
            raise InputError(f"{path}: expected DeepLabCut's header rows (scorer, bodyparts, coords); found {found}")
        if len(header[0]) > limits.MOST_COLUMNS:
            raise InputError(f"{path}: expected at most {limits.MOST_COLUMNS:,} columns; found {len(header[0]):,}")
        names = [str(i) for i in range(len(header[0]) + 1)]
        # Spreadsheets leave columns without a name behind the last one.
        named = (i + 1 for i in range(len(header[0])) if any(row[i : i + 1] not in ([], [""]) for row in header))
        width = max(named, default=1)
        with opened_natively(path) as file:
            table = pa.csv.read_csv(
                file,
                pa.csv.ReadOptions(skip_rows=lines, column_names=names),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(names[1 : width + 1], pa.float32()), null_values=missing.SPELLINGS
                ),
            )
    except (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: cannot be read to its end as a DeepLabCut table ({error}): correct it, or export it again"
        ) from None
    header = [row[:width] for row in header]
    frames = frame_numbers(table.columns[0], f"{path}: first column")
    return header, frames, matrix(table.select(names[1 : width + 1]))


def _columns(header: Sequence[Sequence[str]], path: Path) -> tuple[list[_Column], str]:
    """Return the meaning of each column, and where the names of the individuals come from."""
    if len(header) not in (3, 4) or len({len(row) for row in header}) != 1 or not header[0]:
        lengths = [len(row) for row in header]
        raise InputError(f"{path}: expected 3 or 4 header rows of one length; found {lengths}: export the table again")
    coordinates = [name.lower() for name in header[-1]]
    if unknown := set(coordinates) - {"x", "y", "z", "likelihood"}:
        raise InputError(
            f"{path}: expected the coords x, y, z and likelihood; found {sorted(unknown)[0]!r}: delete that column, or "
            "give it its name"
        )
    parts, origin = list(header[-2]), "header"
    if len(header) == 4:
        individuals = [name or "individual1" for name in header[1]]
    elif len(set(scorers := _demangle(header[0]))) > 1 and len(set(zip(parts, coordinates, strict=True))) < len(parts):
        individuals, origin = [name.lower() for name in scorers], "scorer row"
    else:
        individuals, origin = ["individual1"] * len(parts), "one individual"
    columns = [_Column(*names) for names in zip(individuals, parts, coordinates, strict=True)]
    if len(set(columns)) < len(columns):
        repeated = next(column for column in columns if columns.count(column) > 1)
        raise InputError(
            f"{path}: the column {repeated.part} {repeated.coordinate} of {repeated.individual} occurs twice: "
            "delete one, or give the keypoints names that differ"
        )
    return columns, origin


def _demangle(names: Sequence[str]) -> list[str]:
    """Undo what pandas does to repeated names of a first header row: name, name.1, name.2."""
    bases = {name: re.sub(r"\.\d+$", "", name) for name in names}
    return [bases[name] if bases[name] in bases else name for name in names]


def _arrays(
    values: np.ndarray, columns: Sequence[_Column], individuals: Sequence[str], parts: Sequence[str], path: Path
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Return positions (time, individual, keypoint, space), confidence (the same without space) or None, notices."""
    index = {(column.individual, column.part, column.coordinate): i for i, column in enumerate(columns)}
    space = [axis for axis in "xyz" if axis in {column.coordinate for column in columns}]
    if space[:2] != ["x", "y"]:
        raise InputError(f"{path}: expected the coords x and y; found {space}: add the other coordinate")
    shape = (len(values), len(individuals), len(parts))

    def select(coordinates: Sequence[str]) -> np.ndarray:
        """Return columns as (time, individual, keypoint, coordinate); NaN where an individual lacks a bodypart."""
        keys = [(name, part, axis) for name in individuals for part in parts for axis in coordinates]
        column_numbers = np.array([index.get(key, -1) for key in keys])
        selected = np.take(values, column_numbers, axis=1)
        selected[:, column_numbers < 0] = np.nan
        return selected.reshape(*shape, len(coordinates))

    points = select(space)
    if not any(column.coordinate == "likelihood" for column in columns):
        return mask_unseen(mask_negative(points)), None, ()
    likelihood = select(["likelihood"])[..., 0]
    positions = mask_unseen(mask_negative(points, likelihood))  # DeepLabCut 3 writes -1, -1, -1 where it found nothing
    return positions, *bound_confidence(likelihood, positions, path)
