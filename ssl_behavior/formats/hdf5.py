"""HDF5 files opened with care: what is broken, or declares more than it can hold, is an InputError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError

# gzip cannot compress better than about 1 to 1030
_MOST_COMPRESSED = 1100


@contextmanager
def opened(path: Path, software: str) -> Iterator[h5py.File]:
    """The open file; whatever h5py cannot read in the block becomes an InputError that names ``software``."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read as an HDF5 file of {software} ({error})") from None


def array(parent: h5py.Group, name: str, path: Path) -> np.ndarray:
    """The whole dataset, unless it declares a size that the file cannot hold."""
    dataset = parent[name]
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{path}: expected an array named {name!r} and found a group")
    if dataset.size and dataset.nbytes > _MOST_COMPRESSED * max(path.stat().st_size, 1):
        raise InputError(f"{path}: {name!r} declares the shape {dataset.shape}, more than the file can hold")
    return np.asarray(dataset[()])


def text(value: Any) -> str:
    """A name, which HDF5 gives as bytes or as str."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
