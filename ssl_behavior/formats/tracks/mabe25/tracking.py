"""Long tracking tables of MABe-2025: a row per frame, mouse and body part, of any number of rows.

A table is read twice, in batches: once for the frames, mice and body parts that occur, and once for the coordinates.
The memory that it takes is that of one row group and of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.tracks.unseen import mask_unseen
from ssl_behavior.formats.untrusted.arrow_tables import opened_natively
from ssl_behavior.formats.untrusted.limits import MOST_COLUMNS, most_bytes

COLUMNS = ("video_frame", "mouse_id", "bodypart", "x", "y")
_FRAME, _MOUSE, _PART, _X, _Y = COLUMNS
_KEYS = COLUMNS[:3]
_DEVICE = "headpiece_"
"""Start of the names of points on a device that some mice wear, which are no body parts."""
_BATCH = 1 << 18
_POINT_BYTES = 2 * np.dtype(np.float32).itemsize


@dataclass(frozen=True, eq=False)
class Tracking:
    """The content of one table.

    Attributes:
        positions: (time, individual, keypoint, space) float32 in px, NaN where unseen; as long as the last frame.
        mice: number of each mouse, ascending.
        parts: names of the body parts, sorted.
        notices: what was left out, a sentence each.
    """

    positions: np.ndarray
    mice: tuple[int, ...]
    parts: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _Extent:
    """The frames, mice and body parts that occur in a table, and the points on devices."""

    frames: int
    mice: tuple[int, ...]
    parts: tuple[str, ...]
    devices: tuple[str, ...]


def is_tracking(path: Path) -> bool:
    """Return whether a file is Parquet with the columns of a tracking table."""
    try:
        with opened_natively(path) as file:
            return set(COLUMNS) <= set(pq.read_schema(file).names)
    except (pa.ArrowException, OSError, UnicodeError):
        return False


def read_tracking(path: Path) -> Tracking:
    """Read a tracking table.

    Raises:
        InputError: a column is missing or of a wrong type, a frame is negative, no row has a body part, or the frames
            are numbered so that the tracks would take more memory than the file justifies.
    """
    try:
        extent = _extent(path)
        return _fill(path, extent)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: expected tracks of MABe-2025; found a damaged file ({error}): download it again"
        ) from None


def _extent(path: Path) -> _Extent:
    last = -1
    mice: set[int] = set()
    names: set[str] = set()
    for batch in _batches(path, _KEYS):
        frames, numbers, (parts, _) = _keys(batch, path)
        last = max(last, int(frames.max()))
        mice.update(np.unique(numbers).tolist())
        names.update(parts)
    devices = tuple(sorted(name for name in names if name.startswith(_DEVICE)))
    extent = _Extent(last + 1, tuple(sorted(mice)), tuple(sorted(names - set(devices))), devices)
    if not extent.parts:
        raise InputError(f"{path}: expected rows of body parts; found {list_names(devices)}: leave out the video")
    points = extent.frames * len(extent.mice) * len(extent.parts)
    if points * _POINT_BYTES > most_bytes(path.stat().st_size):
        raise InputError(
            f"{path}: expected frames, mice and body parts that its rows fill; found frames up to {last:,}, "
            f"{count_of(len(mice), 'mouse number')} and {count_of(len(names), 'body part')}: download it again"
        )
    return extent


def _fill(path: Path, extent: _Extent) -> Tracking:
    shape = (extent.frames, len(extent.mice), len(extent.parts), 2)
    positions = np.full(shape, np.nan, np.float32)
    points = positions.reshape(-1, 2)
    known_mice = np.array(extent.mice)
    index_of = {name: index for index, name in enumerate(extent.parts)}
    seen = 0
    for batch in _batches(path, COLUMNS):
        frames, numbers, (parts, part_numbers) = _keys(batch, path)
        part = np.array([index_of.get(name, -1) for name in parts])[part_numbers]
        mouse = np.searchsorted(known_mice, numbers)
        row = (frames * shape[1] + mouse) * shape[2] + part
        xy = mask_unseen(np.stack([_numbers(batch, name, path) for name in (_X, _Y)], -1))
        is_body = part >= 0
        seen += int(np.isfinite(xy[is_body, 0]).sum())
        points[row[is_body]] = xy[is_body]
    notices = []
    if extent.devices:
        notices.append(f"left out, as they are on a device: {list_names(extent.devices)}")
    if repeated := seen - int(np.isfinite(points[:, 0]).sum()):
        notices.append(f"{count_of(repeated, 'row')} repeat a body part in a frame: the last row counts")
    return Tracking(positions, extent.mice, extent.parts, tuple(notices))


def _batches(path: Path, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches that are not empty.

    Raises:
        InputError: the table lacks a column, or a row group would take more memory than the file justifies.
    """
    with _opened(path) as file:
        if lacking := [name for name in columns if name not in file.schema_arrow.names]:
            raise InputError(
                f"{path}: expected tracks of MABe-2025, with the columns {', '.join(COLUMNS)}; found none called "
                f"{', '.join(lacking)}: download the file again"
            )
        groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
        if max(groups, default=0) > most_bytes(path.stat().st_size):
            raise InputError(
                f"{path}: expected row groups that fit the size of the file; found larger ones: write it again"
            )
        yielded = False
        for batch in file.iter_batches(_BATCH, columns=list(columns), use_threads=False):
            if batch.num_rows:
                yielded = True
                yield batch
        if not yielded:
            raise InputError(f"{path}: expected rows; found none: leave out the video, or download the file again")


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a table whose names of body parts come as numbers, with a list of the names."""
    with opened_natively(path) as source:
        schema = pq.read_schema(source)
    texts = [_PART] if _PART in schema.names and _is_text(schema.field(_PART).type) else None
    # Arrow would otherwise read all row groups ahead, and so hold the whole file.
    with opened_natively(path) as source, pq.ParquetFile(source, read_dictionary=texts, pre_buffer=False) as file:
        yield file


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _keys(batch: pa.RecordBatch, path: Path) -> tuple[np.ndarray, np.ndarray, tuple[list[str], np.ndarray]]:
    """Return the frame and the mouse of each row, and the names of body parts with the number of each row's name."""
    frames, mice = (_whole_numbers(batch, name, path) for name in (_FRAME, _MOUSE))
    parts = batch.column(_PART)
    if not pa.types.is_dictionary(parts.type) and _is_text(parts.type):
        parts = parts.dictionary_encode()
    if not pa.types.is_dictionary(parts.type) or not _is_text(parts.type.value_type) or parts.null_count:
        raise _wrong(path, _PART, "texts", batch)
    if len(parts.dictionary) > MOST_COLUMNS:
        raise InputError(f"{path}: expected at most {MOST_COLUMNS:,} body parts; found more: download the file again")
    names = parts.dictionary.to_pylist()
    numbers = parts.indices.to_numpy(zero_copy_only=False)
    used = np.zeros(len(names), bool)
    used[numbers] = True
    # A dictionary may hold names of other batches.
    place = np.cumsum(used) - 1
    return frames, mice, ([str(name) for name, is_used in zip(names, used, strict=True) if is_used], place[numbers])


def _whole_numbers(batch: pa.RecordBatch, name: str, path: Path) -> np.ndarray:
    column = batch.column(name)
    if not pa.types.is_integer(column.type) or column.null_count:
        raise _wrong(path, name, "whole numbers", batch)
    values = column.to_numpy(zero_copy_only=False).astype(np.int64)
    if values.min() < 0:
        raise InputError(f"{path}: {name}: expected numbers from 0 on; found {values.min()}: download the file again")
    return values


def _numbers(batch: pa.RecordBatch, name: str, path: Path) -> np.ndarray:
    column = batch.column(name)
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        raise _wrong(path, name, "numbers", batch)
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and so unseen
        return np.asarray(column.to_numpy(zero_copy_only=False)).astype(np.float32)


def _wrong(path: Path, name: str, expected: str, batch: pa.RecordBatch) -> InputError:
    kind = batch.schema.field(name).type
    gaps = " with gaps" if batch.column(name).null_count else ""
    return InputError(f"{path}: {name}: expected {expected}; found {kind}{gaps}: download the file again")
