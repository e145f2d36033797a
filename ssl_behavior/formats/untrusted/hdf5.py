"""HDF5 files opened with care: what is broken, leads out of the file, or declares more than it holds, is refused.

An HDF5 file may have links to other files, datasets whose bytes lie in any file of the machine, datasets put together
from other files', and arrays that are a thousand times as large as what is stored of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.limits import most_bytes

BROKEN = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError, MemoryError)
"""What h5py raises of files that are damaged."""
_MOST_OBJECTS = 100_000
_MOST_NAMES = 100_000
_MOST_TEXT = 16 << 20


@contextmanager
def opened(path: Path, software: str) -> Iterator[h5py.File]:
    """The open file; whatever h5py cannot read in the block becomes an InputError that names ``software``.

    Raises:
        InputError: it cannot be read, or is refused as ``require_plain`` says.
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
    """Whether an HDF5 file has these at its top and this attribute, of which nothing is followed or read."""
    try:
        with h5py.File(path, "r") as file:
            there = set(file)
            return there.issuperset(names) and (attribute is None or attribute in file.attrs)
    except BROKEN:
        return False


def require_plain(file: h5py.File, path: Path) -> None:
    """Make sure that a file holds all that is in it itself, and in all no more than its size allows.

    Raises:
        InputError: it has links to other files, datasets that lie in other files, or declares too much.
        OSError, KeyError, ValueError, RuntimeError: it is damaged.
    """
    left = most_bytes(path.stat().st_size)
    waiting: list[h5py.Group] = [file]
    seen = {h5py.h5o.get_info(file.id).addr}
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise InputError(f"{path}: refused, as its {name!r} is a link to another file, {link.filename!r}")
            if not isinstance(link, h5py.HardLink):
                continue  # a soft link leads to what the file has anyway, or nowhere
            one = group[name]
            if (address := h5py.h5o.get_info(one.id).addr) in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                raise InputError(f"{path}: expected tracks; found more than {_MOST_OBJECTS:,} groups and arrays")
            if isinstance(one, h5py.Group):
                waiting.append(one)
            elif isinstance(one, h5py.Dataset):
                left -= _size(one, name, path)
                if left < 0:
                    raise InputError(f"{path}: {name!r} declares the shape {one.shape}, more than the file can hold")


def _size(dataset: h5py.Dataset, name: str, path: Path) -> int:
    """Bytes that a dataset takes up in memory, or a chunk of it if that is more."""
    if dataset.is_virtual or dataset.external:
        raise InputError(f"{path}: refused, as its {name!r} lies in other files")
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dataset.dtype.itemsize
    size: int = max(int(np.prod(dataset.shape or (0,), dtype=object)) * dataset.dtype.itemsize, chunk)
    return size


def array(parent: h5py.Group, name: str, path: Path) -> np.ndarray:
    """The whole dataset of numbers, or records of numbers.

    Raises:
        InputError: it is no array of numbers.
    """
    dataset = parent[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise InputError(f"{path}: expected an array named {name!r} and found none")
    kinds = [dataset.dtype] if dataset.dtype.names is None else [kind for kind, *_ in dataset.dtype.fields.values()]
    if any(kind.base.kind not in "biuf" for kind in kinds):
        raise InputError(f"{path}: expected an array of numbers named {name!r} and found {dataset.dtype}")
    return np.asarray(dataset[()])


def names(parent: h5py.Group, name: str, path: Path) -> list[str]:
    """The texts of a dataset of one dimension.

    Raises:
        InputError: it is none, or holds more than names.
    """
    dataset = parent[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1 or dataset.dtype.kind not in "OSU":
        raise InputError(f"{path}: expected a list of names in {name!r} and found none")
    if len(dataset) > _MOST_NAMES:
        raise InputError(f"{path}: expected names in {name!r} and found {len(dataset):,} of them")
    found: list[str] = []
    left = _MOST_TEXT
    for i in range(len(dataset)):  # one by one, as any number of them may be one and the same long text
        found.append(text(dataset[i]))
        left -= len(found[-1])
        if left < 0:
            raise InputError(f"{path}: expected names in {name!r} and found long texts")
    return found


def text(value: Any) -> str:
    """A name, which HDF5 gives as bytes or as str."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
