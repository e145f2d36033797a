"""HDF5 files, opened without trust.

HDF5 lets a file link to other files, store the bytes of a dataset in any file of the machine, assemble a dataset from
other files, and declare an array a thousand times as large as the stored data. Files that do any of this are refused,
and so are damaged ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.limits import most_bytes

BROKEN = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError, MemoryError)
"""The exceptions that h5py raises when it reads a damaged file."""
_MOST_OBJECTS = 100_000
_MOST_NAMES = 100_000
_MOST_TEXT = 16 << 20


@contextmanager
def opened(path: Path, software: str) -> Iterator[h5py.File]:
    """Open an HDF5 file; an error of h5py inside the ``with`` block becomes an InputError.

    Args:
        path: the file.
        software: the program that should have written it, named in the error.

    Raises:
        InputError: the file cannot be read, or ``require_plain`` refuses it.
    """
    try:
        with h5py.File(path, "r") as file:
            require_plain(file, path)
            yield file
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(f"{path}: cannot be read as an HDF5 file of {software} ({error})") from None


def holds(path: Path, *names: str, attribute: str | None = None) -> bool:
    """Return whether an HDF5 file has these names and this attribute at its top. Follows no link, reads no data."""
    try:
        with h5py.File(path, "r") as file:
            return set(file).issuperset(names) and (attribute is None or attribute in file.attrs)
    except BROKEN:
        return False


def require_plain(file: h5py.File, path: Path) -> None:
    """Make sure that a file is complete in itself and declares no more data than its size allows.

    Raises:
        InputError: it links to other files, keeps datasets in other files, or declares too much.
        OSError, KeyError, ValueError, RuntimeError: the file is damaged.
    """
    remaining = most_bytes(path.stat().st_size)
    unvisited: list[h5py.Group] = [file]
    visited = {h5py.h5o.get_info(file.id).addr}
    while unvisited:
        group = unvisited.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise InputError(f"{path}: refused, as its {name!r} is a link to another file, {link.filename!r}")
            if not isinstance(link, h5py.HardLink):
                continue  # a soft link leads to an object that is visited anyway, or to none
            item = group[name]
            # Hard links may form circles: an object is known by its address in the file, not by its name.
            if (address := h5py.h5o.get_info(item.id).addr) in visited:
                continue
            visited.add(address)
            if len(visited) > _MOST_OBJECTS:
                raise InputError(f"{path}: expected tracks; found more than {_MOST_OBJECTS:,} groups and arrays")
            if isinstance(item, h5py.Group):
                unvisited.append(item)
            elif isinstance(item, h5py.Dataset):
                remaining -= _size(item, name, path)
                if remaining < 0:
                    raise InputError(f"{path}: {name!r} declares the shape {item.shape}, more than the file can hold")


def _size(dataset: h5py.Dataset, name: str, path: Path) -> int:
    """Return the bytes in memory for a dataset, or for a chunk if that is larger: HDF5 unpacks whole chunks."""
    if dataset.is_virtual or dataset.external:
        raise InputError(f"{path}: refused, as the data of its {name!r} are in other files")
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    size: int = math.prod(dataset.shape or (0,)) * dataset.dtype.itemsize
    return max(size, chunk)


def array(parent: h5py.Group, name: str, path: Path) -> np.ndarray:
    """Read a whole dataset of numbers, or of records of numbers.

    Raises:
        InputError: it is not an array of numbers.
    """
    dataset = parent[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise InputError(f"{path}: expected an array named {name!r}; found none")
    fields = dataset.dtype.fields
    dtypes = [dataset.dtype] if fields is None else [dtype for dtype, *_ in fields.values()]
    if any(dtype.base.kind not in "biuf" for dtype in dtypes):
        raise InputError(f"{path}: expected an array of numbers named {name!r}; found {dataset.dtype}")
    return np.asarray(dataset[()])


def names(parent: h5py.Group, name: str, path: Path) -> list[str]:
    """Read the texts in a dataset of one dimension.

    Raises:
        InputError: it is not a list of texts, or is too long for a list of names.
    """
    dataset = parent[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1 or not _is_text(dataset.dtype):
        raise InputError(f"{path}: expected a list of names in {name!r}; found none")
    if len(dataset) > _MOST_NAMES:
        raise InputError(f"{path}: expected at most {_MOST_NAMES:,} names in {name!r}; found {len(dataset):,}")
    texts: list[str] = []
    remaining = _MOST_TEXT
    for i in range(len(dataset)):  # one by one: all of them may point to the same long text, stored once
        texts.append(text(dataset[i]))
        remaining -= len(texts[-1])
        if remaining < 0:
            raise InputError(f"{path}: expected names in {name!r}; found long texts")
    return texts


def text(value: Any) -> str:
    """Return a name as text; h5py gives it as bytes or as str."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def attribute_text(item: h5py.HLObject, name: str, default: str = "") -> str:
    """Return a single text among the attributes of a group or array; ``default`` if there is none."""
    value = _attribute(item, name)
    return default if value is None or not _is_text(value.dtype) else text(item.attrs[name])


def attribute_number(item: h5py.HLObject, name: str, default: float) -> float:
    """Return a single number among the attributes of a group or array; ``default`` if there is none."""
    value = _attribute(item, name)
    return default if value is None or value.dtype.kind not in "iuf" else float(item.attrs[name])


def single_text(parent: h5py.Group, name: str) -> str:
    """Return the text that a dataset without dimensions holds; "" if there is none."""
    item = parent.get(name)
    if not isinstance(item, h5py.Dataset) or item.shape != () or not _is_text(item.dtype):
        return ""
    return text(item[()])


def _attribute(item: h5py.HLObject, name: str) -> h5py.h5a.AttrID | None:
    """Return an attribute of a single value, not yet read."""
    value = item.attrs.get_id(name) if name in item.attrs else None
    return value if value is not None and value.shape == () else None


def _is_text(dtype: np.dtype) -> bool:
    """Return whether values are texts. In a damaged file they may be objects of other kinds, on which HDF5 crashes."""
    return dtype.kind in "SU" or h5py.check_string_dtype(dtype) is not None
