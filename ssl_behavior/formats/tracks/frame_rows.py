"""Rows of a table at the frames that their numbers state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.arrow_tables import matrix

_MAX_FRAMES_PER_ROW = 100
"""A table with more frames per row has a damaged frame number; filling such a gap could take all memory."""

_LARGEST_FRAME = 2**53


def frame_numbers(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Return a column of whole numbers, also where they are written as 0.0, 1.0, as (row,) int64.

    Args:
        column: the first column of a table, or the one that is called "frame".
        where: the file and the column, for the error.

    Raises:
        InputError: the column holds other values, or a row has none.
    """
    if not len(column):
        raise InputError(f"{where}: expected a row per frame; found none: export the table again")
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        found = str(column[0].as_py())
        raise InputError(f"{where}: expected frame numbers; found {found[:60]!r}: number the rows from 0")
    if column.null_count:
        raise InputError(f"{where}: expected a frame number in every row; found rows without one: number them from 0")
    values = matrix(pa.table({"0": column}))[:, 0]
    if values.dtype.kind == "f":
        if not (np.isfinite(values).all() and (np.abs(values) < _LARGEST_FRAME).all() and (values % 1 == 0).all()):
            wrong = values[~(np.isfinite(values) & (values % 1 == 0))][:1]
            found = f"{wrong[0]:g}" if len(wrong) else "a number beyond any frame"
            raise InputError(
                f"{where}: expected whole numbers of frames; found {found}: number the rows from 0 if these are times"
            )
        values = values.astype(np.int64)
    return values


def at_frames(values: np.ndarray, frames: np.ndarray, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return one row per frame: the table's at their frame numbers, and NaN for missing frames.

    Args:
        values: (row, column) float32.
        frames: (row,) the frame of each row, in any order.
        path: the file, for the error.

    Returns:
        (frame, column) values, and notices about rows that are out of order and frames without a row.

    Raises:
        InputError: there are no rows, two are of one frame, a number is negative, or nearly all frames lack a row.
    """
    if not len(frames):
        raise InputError(f"{path}: expected a row per frame; found none: export the table again")
    if np.array_equal(frames, np.arange(len(frames))):
        return values, ()
    notices = []
    order = np.argsort(frames, kind="stable")
    if (order != np.arange(len(frames))).any():
        notices.append("the rows are not in the order of their frames; each is read at its own frame")
        values, frames = values[order], frames[order]
    if frames[0] < 0:
        raise InputError(f"{path}: expected frame numbers from 0 on; found {frames[0]}: number the rows from 0")
    if (repeated := frames[:-1][np.diff(frames) == 0]).size:
        raise InputError(
            f"{path}: expected one row per frame; found several of {repeated.size} frames, the first {repeated[0]}: "
            "delete those that do not belong there, or number the rows from 0"
        )
    if frames[-1] - frames[0] >= _MAX_FRAMES_PER_ROW * len(frames) or (
        (int(frames[-1]) + 1) * values.shape[1] * values.itemsize > limits.most_bytes(values.nbytes)
    ):
        raise InputError(
            f"{path}: expected a row per frame; found {len(frames)} rows for frames {frames[0]} to {frames[-1]}: "
            "correct the frame numbers"
        )
    if frames[0] == 1 and frames[-1] == len(frames) > 1:
        notices.append(
            "the rows are numbered from 1, so nothing is seen in frame 0: if 1 is the first frame of the video, number "
            "the rows from 0, or labels that count from 0 lie one frame off"
        )
    elif len(frames) <= frames[-1]:
        notices.append("some frames have no row: nothing is seen in them")
    filled = np.full((int(frames[-1]) + 1, values.shape[1]), np.nan, np.float32)
    filled[frames] = values
    return filled, tuple(notices)
