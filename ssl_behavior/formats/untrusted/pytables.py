"""Tables that pandas wrote into HDF5 through PyTables, as DeepLabCut saves its tracks.

``pandas.read_hdf`` unpickles names and attributes freely. Here h5py reads the arrays, and the one pickle that is needed
goes through ``pickles``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.formats.untrusted.hdf5 import BROKEN, array, opened, text
from ssl_behavior.formats.untrusted.hdf5 import names as names_in


def is_table(path: Path) -> bool:
    """Return whether a group of the file is marked as written by pandas."""
    try:
        with h5py.File(path, "r") as file:
            return bool(_groups(file))
    except BROKEN:
        return False


def read_table(path: Path) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Read the one table of a file.

    Returns:
        Header rows (a list of names for each level of the column names), the index (row,) int64, and the values (row,
        column) float32.

    Raises:
        InputError: the file holds no such table, or several, or its columns have no names of several levels.
    """
    with opened(path, "DeepLabCut") as file:
        groups = _groups(file)
        if len(groups) != 1:
            raise InputError(f"{path}: expected one table that pandas wrote; found {sorted(groups) or 'none'}")
        group = file[groups[0]]
        names, index, values = _appendable(group, path) if "table" in group else _fixed(group, path)
    # Some programs number frames 0.0, 1.0, ...
    if index.dtype.kind == "f" and (np.abs(index) < 2**53).all() and (index % 1 == 0).all():
        index = index.astype(np.int64)
    if not np.issubdtype(index.dtype, np.integer) or index.ndim != 1 or (index > np.iinfo(np.int64).max).any():
        raise InputError(f"{path}: expected frame numbers as the table's index; found {index.dtype}: number the rows")
    if values.shape != (len(index), len(names)):
        raise InputError(f"{path}: expected {len(index)} rows of {len(names)} columns; found {values.shape}")
    if len(levels := {len(name) for name in names}) != 1:
        raise InputError(f"{path}: expected names of as many levels for every column; found {sorted(levels)}")
    return [list(level) for level in zip(*names, strict=True)], index.astype(np.int64), values


def _groups(file: h5py.File) -> list[str]:
    links = {name: file.get(name, getlink=True) for name in file}
    return [name for name, link in links.items() if isinstance(link, h5py.HardLink) and _is_pandas(file[name])]


def _is_pandas(item: Any) -> bool:
    return isinstance(item, h5py.Group) and "pandas_type" in item.attrs


def _fixed(group: h5py.Group, path: Path) -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray]:
    """Read the layout of ``to_hdf(format="fixed")``: a block of values per type, column names as codes of levels."""
    names: list[tuple[str, ...]] = []
    blocks = []
    for i in range(int(group.attrs["nblocks"])):
        levels = range(int(group.attrs.get(f"block{i}_items_nlevels", 0)))
        rows = []
        for level in levels:
            values = names_in(group, f"block{i}_items_level{level}", path)
            codes = array(group, f"block{i}_items_label{level}", path)
            if codes.dtype.kind not in "iu" or (codes.size and not 0 <= codes.min() <= codes.max() < len(values)):
                raise InputError(f"{path}: expected columns that all have a name; found columns without one")
            rows.append([values[code] for code in codes])
        names += zip(*rows, strict=True)
        blocks.append(_float32(array(group, f"block{i}_values", path), path))
    if not names:
        raise InputError(f"{path}: expected columns named by scorer, bodyparts and coords; found others")
    return names, _frames(group, path), np.concatenate(blocks, axis=1)


def _frames(group: h5py.Group, path: Path) -> np.ndarray:
    """Read the index of a table in the fixed layout; labelled pictures have names in place of numbers."""
    if "axis1" not in group or group["axis1"].dtype.kind not in "iuf":
        raise InputError(
            f"{path}: expected a row per frame of a video; found rows with names, as of pictures that a person "
            "labelled: give the table that DeepLabCut writes when it analyses the video"
        )
    return array(group, "axis1", path)


def _appendable(group: h5py.Group, path: Path) -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray]:
    """Read the layout of ``to_hdf(format="table")``: rows are records, column names are pickled into attributes."""
    rows = array(group, "table", path)
    attributes = group["table"].attrs
    names: list[tuple[str, ...]] = []
    blocks = []
    for field in (field for field in rows.dtype.names or () if field.startswith("values_block_")):
        pickled = attributes[f"{field}_kind"]
        columns: Any = pickles.loads(pickled.tobytes() if isinstance(pickled, np.ndarray) else bytes(pickled), path)
        if not isinstance(columns, list) or not all(isinstance(name, tuple) for name in columns):
            raise InputError(f"{path}: expected columns named by scorer, bodyparts and coords; found others")
        names += [tuple(text(part) for part in name) for name in columns]
        blocks.append(_float32(rows[field].reshape(len(rows), -1), path))
    if not names:
        raise InputError(f"{path}: expected a table of numbers; found none")
    return names, rows["index"], np.concatenate(blocks, axis=1)


def _float32(values: np.ndarray, path: Path) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: expected a table of numbers; found {values.dtype}")
    with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite
        return values.astype(np.float32)
