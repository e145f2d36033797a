"""HDF5 files, opened without trust.

Every reader of HDF5 (SLEAP, DeepLabCut, NWB, netCDF) opens files here first. Files that reach beyond themselves or
declare more than they hold are refused, and so are damaged ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.hdf5_contents import require_plain

BROKEN = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError, MemoryError)
"""The exceptions that h5py raises when it reads a damaged file."""
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
