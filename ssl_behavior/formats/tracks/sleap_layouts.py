"""The layouts of tables of SLEAP and sleap-io.

========== ==================================================================================================
instances  ``frame_idx, track, instance.score (or score), nose.x, nose.y, nose.score, ...`` (also "analysis CSV")
points     ``frame_idx, track, instance_score, node, x, y, score``
frames     ``frame_idx, inst0.track, inst0.score, inst0.nose.x, ...``; a track's name may stand for ``inst0``
========== ==================================================================================================
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError
from ssl_behavior.formats import missing
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.arrow_tables import opened_natively

FRAME = "frame_idx"
"""The column of frame numbers, in every layout."""

_TEXTS = {"track", "track_name", "node", "node_name", "instance_type", "video", "video_path", "skeleton_name"}
_VIDEOS = ("video_path", "video", "video_idx")
_KINDS = ("x", "y", "score")


@dataclass(frozen=True)
class Poses:
    """The instances of a table: numbers of frames, names of tracks (None without one), and points.

    Attributes:
        frames: (instance,) int64
        tracks: one per instance.
        points: (instance, node, x y score) float32.
        scores: (instance,) of the whole instance; NaN without one.
        users: (instance,) bool, set by a person; None if the table has no column for it.
        videos: one per instance.
    """

    frames: np.ndarray
    tracks: list[str | None]
    points: np.ndarray
    scores: np.ndarray
    users: np.ndarray | None
    videos: list[str | None]


def is_table(columns: Sequence[str]) -> bool:
    """Return whether a table with these columns has frame numbers and positions of nodes as SLEAP names them."""
    return FRAME in columns and (_is_points(columns) or any(column.endswith(".x") for column in columns))


def poses_of(path: Path) -> tuple[list[str], Poses]:
    """Return the nodes and the poses of a table.

    Raises:
        InputError: the table is cut short, or its frame numbers are no whole numbers.
    """
    columns = column_names(path)
    table = _table(columns, path)
    if _is_points(columns):
        return _points(table, path)
    if prefixes := _prefixes(columns):
        return _frames(table, prefixes, path)
    nodes = _nodes(columns)
    return nodes, _instances(table, nodes, path)


def column_names(path: Path) -> list[str]:
    """Return the names in the first line of a table; none if it is too long for one."""
    with limits.opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        line = text.readline(limits.LONGEST_LINE)
    if len(line) == limits.LONGEST_LINE:
        return []
    return next(csv.reader([line]), [])


def _table(columns: Sequence[str], path: Path) -> pa.Table:
    if len(columns) > limits.MOST_COLUMNS or len(set(columns)) < len(columns):
        raise InputError(
            f"{path}: expected at most {limits.MOST_COLUMNS:,} columns, each of another name; found {len(columns):,}: "
            "export the table again"
        )
    types = {name: pa.string() if _is_text(name) else pa.float64() for name in columns}
    try:
        with opened_natively(path) as file:
            table = pa.csv.read_csv(
                file,
                pa.csv.ReadOptions(column_names=list(columns), skip_rows=1),
                convert_options=pa.csv.ConvertOptions(
                    column_types=types, null_values=missing.SPELLINGS, strings_can_be_null=True
                ),
            )
    except (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read to its end as a table of SLEAP ({error})") from None
    if not table.num_rows:
        raise InputError(f"{path}: expected a row per instance; found none: export the table again")
    return table


def _is_text(column: str) -> bool:
    return column in _TEXTS or column.endswith((".track", ".track_name"))


def _is_points(columns: Sequence[str]) -> bool:
    return {"x", "y"} <= set(columns) and bool({"node", "node_name"} & set(columns))


def _prefixes(columns: Sequence[str]) -> list[str]:
    """Return what stands in front of the nodes of each instance in a table with a row per frame."""
    matches = (re.match(r"(.+)\.(track|track_score)$|(inst\d+)\..+\.x$", column) for column in columns)
    return list(dict.fromkeys(match[1] or match[3] for match in matches if match))


def _nodes(columns: Sequence[str], prefix: str = "") -> list[str]:
    names = [name[len(prefix) : -2] for name in columns if name.startswith(prefix) and name.endswith(".x")]
    return [name for name in names if f"{prefix}{name}.y" in columns]


def _instances(table: pa.Table, nodes: Sequence[str], path: Path) -> Poses:
    columns = table.column_names
    track = next((name for name in ("track", "track_name") if name in columns), None)
    names = ("instance.score", "instance_score", *(["score"] if nodes else []))  # of points, "score" is their own
    score = next((name for name in names if name in columns), "")
    return Poses(
        _frame_numbers(table, path),
        [None] * table.num_rows if track is None else table[track].to_pylist(),
        _values(table, [f"{node}.{kind}" for node in nodes for kind in _KINDS]).reshape(table.num_rows, len(nodes), 3),
        _values(table, [score])[:, 0],
        _users(table),
        _videos(table),
    )


def _frames(table: pa.Table, prefixes: Sequence[str], path: Path) -> tuple[list[str], Poses]:
    """Return the nodes, and the instances frame by frame."""
    columns = table.column_names
    nodes = list(dict.fromkeys(node for prefix in prefixes for node in _nodes(columns, f"{prefix}.")))
    wanted = [f"{prefix}.{node}.{kind}" for prefix in prefixes for node in nodes for kind in _KINDS]
    tracks: list[list[str | None]] = []
    for prefix in prefixes:
        own = next((name for name in (f"{prefix}.track", f"{prefix}.track_name") if name in columns), None)
        is_number = re.fullmatch(r"inst\d+", prefix) is not None
        without = [None if is_number else prefix] * table.num_rows
        tracks.append(without if own is None else table[own].to_pylist())
    number = len(prefixes)
    return nodes, Poses(
        np.repeat(_frame_numbers(table, path), number),
        [track for row in zip(*tracks, strict=True) for track in row],
        _values(table, wanted).reshape(table.num_rows * number, len(nodes), 3),
        _values(table, [f"{prefix}.score" for prefix in prefixes]).reshape(-1),
        None,
        [video for video in _videos(table) for _ in prefixes],
    )


def _points(table: pa.Table, path: Path) -> tuple[list[str], Poses]:
    """Return the nodes, and the instances: a node that comes again in a frame and track begins another instance."""
    columns = table.column_names
    node_of_row = table["node" if "node" in columns else "node_name"].to_pylist()
    nodes = list(dict.fromkeys(name for name in node_of_row if name is not None))
    rows = _instances(table, [], path)
    values = _values(table, ["x", "y", "score"])
    number: dict[tuple[object, ...], int] = {}
    taken: set[tuple[int, str]] = set()
    first_rows: list[int] = []
    at: list[tuple[int, int, int]] = []
    for row, node in enumerate(node_of_row):
        user = None if rows.users is None else bool(rows.users[row])
        key = (rows.videos[row], rows.frames[row], rows.tracks[row], user, rows.scores[row].tobytes())
        if node is None:
            number[key] = len(first_rows)
            first_rows.append(row)
            continue
        if key not in number or (number[key], node) in taken:
            number[key] = len(first_rows)
            first_rows.append(row)
        taken.add((number[key], node))
        at.append((number[key], nodes.index(node), row))
    points = np.full((len(first_rows), len(nodes), 3), np.nan, np.float32)
    if at:
        instance, part, source = np.array(at).T
        points[instance, part] = values[source]
    return nodes, Poses(
        rows.frames[first_rows],
        [rows.tracks[row] for row in first_rows],
        points,
        rows.scores[first_rows],
        None if rows.users is None else rows.users[first_rows],
        [rows.videos[row] for row in first_rows],
    )


def _values(table: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Return (row, column) float32; NaN in columns that the table lacks."""
    values = np.full((table.num_rows, len(columns)), np.nan, np.float32)
    with np.errstate(over="ignore"):
        for number, name in enumerate(columns):
            if name in table.column_names and pa.types.is_floating(table[name].type):
                values[:, number] = table[name].fill_null(np.nan).to_numpy()
    return values


def _frame_numbers(table: pa.Table, path: Path) -> np.ndarray:
    frames = table[FRAME].fill_null(np.nan).to_numpy()
    if not ((frames >= 0) & (frames < 2.0**53) & (frames % 1 == 0)).all():
        wrong = frames[~((frames >= 0) & (frames < 2.0**53) & (frames % 1 == 0))][0]
        raise InputError(f"{path}: expected whole numbers from 0 in {FRAME}; found {wrong:g}: correct the table")
    return np.asarray(frames, np.int64)


def _users(table: pa.Table) -> np.ndarray | None:
    if "instance_type" not in table.column_names:
        return None
    return np.array([str(kind).lower() == "user" for kind in table["instance_type"].to_pylist()])


def _videos(table: pa.Table) -> list[str | None]:
    name = next((column for column in _VIDEOS if column in table.column_names), None)
    if name is None:
        return [None] * table.num_rows
    return [None if video is None else str(video) for video in table[name].to_pylist()]
