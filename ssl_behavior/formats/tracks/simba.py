"""SimBA's tables, and any like them: a row per frame, and columns ``Nose_1_x``, ``Nose_1_y``, ``Nose_1_p``.

The tables of SimBA's input have one header row, or three of which the last holds these names. Tables of features,
targets and results have further columns, which are not read. ``animals`` finds the animals in the names of keypoints.

https://github.com/sgoldenlab/simba
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError, list_in_order, list_names
from ssl_behavior.formats import missing
from ssl_behavior.formats.text_files import lines_above_header
from ssl_behavior.formats.tracks.frame_rows import frame_numbers
from ssl_behavior.formats.tracks.table_times import is_time, place, time_column
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_negative, mask_unseen
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.arrow_tables import matrix, opened_natively
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

NAME = "simba"
_CONFIDENCE = ("_p", "_likelihood", "_confidence", "_score")
_FRAME = {"frame", "frames", "frame_number", "frame_idx", "frame_index", "fnum", "frameno"}
_UNNAMED = {"", "unnamed: 0", "index", "coords", "scorer"}
_ANIMAL = {
    "animal",
    "animal_id",
    "individual",
    "individuals",
    "mouse",
    "mouse_id",
    "id",
    "track",
    "track_id",
    "identity",
}
_VIDEO = {"video", "video_id", "video_name", "videos", "filename", "file", "session", "recording"}
_RATE = {"fps", "frame_rate", "framerate", "frames_per_second"}


_MOST_LINES_ABOVE = 20
"""Comments above the header that are passed over."""


def detect(path: Path) -> bool:
    """Return whether the file is a CSV whose columns are x, y and the confidence of keypoints, in the plane."""
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        return False
    try:
        columns, _ = _header(path)
    except (InputError, OSError, UnicodeDecodeError, csv.Error):
        return False
    lower = {name.lower() for name in columns}
    keypoints = _keypoints(columns)
    is_sure = any(part.lower() + ending in lower for part in keypoints for ending in _CONFIDENCE)
    return (
        bool(keypoints)
        and (is_sure or len(keypoints) > 1)
        and not any(part.lower() + "_z" in lower for part in keypoints)
    )


def read(path: Path) -> list[Recording]:
    """Read the one recording of a table, in px, as a single individual that has all keypoints.

    Raises:
        InputError: the table is cut short, or has a column of animals or of times, which would be lost.
    """
    names, lines = _header(path)
    columns = _Columns.named(names, path)
    table = _table(path, names, lines)
    placed = place(
        _values(table, columns.used, names, path),
        None if columns.frame is None else _frames(table, columns.frame, names, path),
        columns.frame_is_named,
        None if columns.time is None else time_column(table.columns[columns.time], names[columns.time], path),
        None if columns.rate is None else _rate(table.columns[columns.rate], path),
        path,
    )
    positions, confidence, notices = _poses(placed.values, columns, path)
    return [
        Recording(
            video_id(path),
            positions,
            ("individual1",),
            Skeleton(tuple(columns.keypoints)),
            placed.frame_rate or ASSUMED_FRAME_RATE,
            confidence,
            source=str(path),
            frame_rate_is_assumed=placed.frame_rate is None,
            notices=(*placed.notices, *columns.notices(names), *notices),
        )
    ]


@dataclass(frozen=True)
class _Columns:
    """Columns of a table, by number; None where there is none.

    Attributes:
        keypoints: names of the keypoints.
        points: x and y of each keypoint in turn.
        scores: confidence of each keypoint, -1 where it has none.
        frame: numbers of the frames.
        frame_is_named: whether the column ``frame`` says so itself; otherwise it is the index of the rows.
        time: times.
        rate: frame rates.
    """

    keypoints: Sequence[str]
    points: Sequence[int]
    scores: Sequence[int]
    frame: int | None
    frame_is_named: bool
    time: int | None
    rate: int | None

    @classmethod
    def named(cls, names: Sequence[str], path: Path) -> _Columns:
        """Find the columns by their names.

        Raises:
            InputError: there is no header, two columns have one name, or rows are of several animals or videos.
        """
        if not names:
            raise InputError(f"{path}: expected a header that names keypoints (nose_x, nose_y); found none: add it")
        keypoints, lower = _keypoints(names), [name.lower() for name in names]
        meanings = [_meaning(name) for name in lower]
        _require_one_row_per_frame(meanings, names, path)
        at = {name: number for number, name in reversed([*enumerate(lower)])}
        frame = next((number for number, name in enumerate(meanings) if name in _FRAME), None)
        return cls(
            keypoints,
            [at[part.lower() + axis] for part in keypoints for axis in ("_x", "_y")],
            [
                next((at[part.lower() + end] for end in _CONFIDENCE if part.lower() + end in at), -1)
                for part in keypoints
            ],
            0 if frame is None and lower[0] in _UNNAMED else frame,
            frame is not None,
            next((number for number, name in enumerate(names) if is_time(name)), None),
            next((number for number, name in enumerate(meanings) if name in _RATE), None),
        )

    @property
    def used(self) -> list[int]:
        """The columns of positions, then those of confidence."""
        return [*self.points, *(number for number in self.scores if number >= 0)]

    def notices(self, names: Sequence[str]) -> Iterator[str]:
        """Yield what was taken from a column of rates, and the columns that are not read."""
        if self.rate is not None and self.time is None:
            yield f"the frame rate is that of the column {names[self.rate]}"
        read = {*self.used, self.frame, self.rate, self.time}
        if unread := [name for number, name in enumerate(names) if name and number not in read]:
            yield f"columns that are no keypoints are not read: {list_in_order(unread, 3)}"


def _poses(values: np.ndarray, columns: _Columns, path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Return positions, confidence if there is any, and notices, from the values (row, column) of ``columns.used``."""
    points = values[:, : len(columns.points)].reshape(len(values), 1, len(columns.keypoints), 2)
    if len(columns.used) == len(columns.points):
        return mask_unseen(mask_negative(points)), None, ()
    likelihood = np.full((len(values), 1, len(columns.keypoints)), np.nan, np.float32)
    likelihood[:, 0, [i for i, number in enumerate(columns.scores) if number >= 0]] = values[:, len(columns.points) :]
    positions = mask_unseen(mask_negative(points, likelihood))
    return positions, *bound_confidence(likelihood, positions, path)


def _header(path: Path) -> tuple[list[str], int]:
    """Return the names of the columns, and the number of lines before the first frame."""
    with limits.opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = [text.readline(limits.LONGEST_LINE) for _ in range(_MOST_LINES_ABOVE + 3)]
    above = lines_above_header(lines)
    lines = lines[above : above + 3]
    if any(len(line) == limits.LONGEST_LINE for line in lines):
        return [], 0
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    for number in (0, 2):
        # The first of SimBA's three rows repeats one word, such as IMPORTED_POSE.
        if number < len(rows) and _keypoints(rows[number]) and (number == 0 or len({*rows[0][1:]}) == 1):
            return rows[number], above + number + 1
    return [], 0


def _keypoints(columns: Sequence[str]) -> list[str]:
    """Return the names of keypoints, which have a column _x and a column _y, in the order of the columns _x."""
    lower = {name.lower() for name in columns}
    named = (name[:-2] for name in columns if name.lower().endswith("_x") and len(name) > 2)
    return list(dict.fromkeys(name for name in named if name.lower() + "_y" in lower))


def _meaning(name: str) -> str:
    """Return a column's name in lower case without its unit, which stays for times."""
    plain, _, unit = re.sub(r"[)\]]", "", name).replace("[", "(").partition("(")
    plain, unit = (re.sub(r"\W+", "_", text.strip()) for text in (plain, unit))
    return f"{plain}_{unit}" if is_time(plain) and unit else plain


def _require_one_row_per_frame(lower: Sequence[str], columns: Sequence[str], path: Path) -> None:
    if len(set(lower)) < len(lower):
        repeated = list_names({name for name in lower if lower.count(name) > 1}, 3)
        raise InputError(f"{path}: expected columns of different names; found several of {repeated}: rename them")
    for number, name in enumerate(lower):
        if name in _ANIMAL:
            raise InputError(
                f"{path}: expected a row per frame; found a column {columns[number]!r}, so rows of several animals: "
                "give each animal columns of its own (nose_1_x, nose_2_x)"
            )
        if name in _VIDEO:
            raise InputError(
                f"{path}: expected one video; found a column {columns[number]!r}: write a file for each video, without "
                "that column"
            )


def _table(path: Path, columns: Sequence[str], lines: int) -> pa.Table:
    if len(columns) > limits.MOST_COLUMNS:
        raise InputError(f"{path}: expected at most {limits.MOST_COLUMNS:,} columns; found {len(columns):,}")
    names = [str(number) for number in range(len(columns))]
    try:
        with opened_natively(path) as file:
            table: pa.Table = pa.csv.read_csv(
                file,
                pa.csv.ReadOptions(skip_rows=lines, column_names=names),
                convert_options=pa.csv.ConvertOptions(null_values=missing.SPELLINGS),
            )
    except (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read to its end as a table of keypoints ({error}): correct it, or export it again"
        ) from None
    return table


def _values(table: pa.Table, used: Sequence[int], columns: Sequence[str], path: Path) -> np.ndarray:
    """Return the values (row, column) float32 of the columns ``used``."""
    converted = []
    for number in used:
        try:
            converted.append(table.columns[number].cast(pa.float32(), safe=False))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise InputError(
                f"{path}: column {columns[number]}: expected numbers; found text: write numbers with a point, and "
                "nothing where a keypoint is unseen"
            ) from None
    return matrix(pa.table(dict(zip(map(str, used), converted, strict=True))))


def _frames(table: pa.Table, column: int, columns: Sequence[str], path: Path) -> np.ndarray:
    """Return the number of each row."""
    return frame_numbers(table.columns[column], f"{path}: {columns[column] or 'first column'}")


def _rate(column: pa.ChunkedArray, path: Path) -> float:
    """Return the frame rate in Hz that a column of rates states.

    Raises:
        InputError: the rate differs from row to row.
    """
    try:
        values = matrix(pa.table({"0": column.cast(pa.float64())}))[:, 0]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values = np.full(len(column), np.nan)
    if len(values) and (values == values[0]).all() and 0 < values[0] < np.inf:
        return float(values[0])
    raise InputError(f"{path}: expected one frame rate; found several: delete the column, and give --frame-rate")
