"""Arrays in one file, read by memory map: the safetensors layout, with what is no array as JSON text beside them.

The length of a header, a JSON header that names type, shape and place of each array, then the plain bytes. Against a
folder of .npy files it is one file that is whole or not there; against .npz it can be mapped into memory; nothing in it
can act, and numpy, torch, JAX and R read it without us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import save_file

from ssl_behavior.errors import InputError
from ssl_behavior.storage.atomic import replacing

SUFFIX = ".safetensors"
_LONGEST_HEADER = 100 << 20
_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], kind: str, about: Any) -> None:
    """Write the arrays and what else is to be known to ``path``, whole or not at all.

    Args:
        path: of the file.
        arrays: by name.
        kind: of file, such as ``ssl_behavior.recording``.
        about: anything of plain values, numpy numbers, tuples and sets.

    Raises:
        TypeError, KeyError, ValueError: something cannot be written.
    """
    text = json.dumps(about, default=_plain)
    with replacing(path) as aside:
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, aside, {kind: text})


def read_arrays(path: Path, kind: str) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays, which stay on disk until they are looked at, and what else ``write_arrays`` was given.

    Raises:
        InputError: the file is cut short, or of another kind.
        OSError: it cannot be opened.
    """
    header, start = _header(path)
    about = _told(path, header, kind)
    arrays = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        behind = _map(path)[start:]
        return {name: _array(path, behind, entry) for name, entry in arrays.items()}, about
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise _other_kind(path, kind) from None


def read_about(path: Path, kind: str) -> Any:
    """What else ``write_arrays`` was given, without the arrays.

    Raises:
        InputError: the file is of another kind.
        OSError: it cannot be opened.
    """
    return _told(path, _header(path)[0], kind)


def is_kind(path: Path, kind: str) -> bool:
    """Whether ``path`` is a file of this kind."""
    if path.suffix != SUFFIX:
        return False
    try:
        return kind in _header(path)[0].get("__metadata__", {})
    except (InputError, OSError, TypeError):
        return False


def _told(path: Path, header: dict[str, Any], kind: str) -> Any:
    try:
        return json.loads(header["__metadata__"][kind])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _other_kind(path, kind) from None


def _other_kind(path: Path, kind: str) -> InputError:
    return InputError(f"{path}: expected a file of kind {kind} that ssl_behavior wrote; make it again")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if not isinstance(value, tuple) else list(value)
    raise TypeError(f"{type(value).__name__} is neither an array nor plain text or numbers")


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and where the arrays' bytes start."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size):
            raise InputError(f"{path}: expected a safetensors file and found none, or one that is cut short")
        try:
            header = json.loads(file.read(length), object_pairs_hook=_distinct)
        except (ValueError, RecursionError):
            raise InputError(f"{path}: expected a safetensors file and found a header that is no JSON") from None
    if not isinstance(header, dict):
        raise InputError(f"{path}: expected a safetensors file and found a header that is no JSON object")
    return header, 8 + length


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _map(path: Path) -> np.ndarray:
    """The bytes of a whole file, read-only, without reading them.

    One map per file, and no open file: a process has some ten thousands of maps and often a thousand open files, and
    mmap.mmap, which is behind np.memmap, keeps one open for each map.
    """
    with pa.memory_map(str(path)) as file:
        return np.frombuffer(file.read_buffer(1).parent, np.uint8)  # what is read at once is sought on disk ahead


def _array(path: Path, bytes_: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """The array of a header's entry as a view of the bytes behind the header."""
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    shape = tuple(int(length) for length in entry["shape"])
    first, last = entry["data_offsets"]
    if last - first != dtype.itemsize * int(np.prod(shape, dtype=object)) or not 0 <= first <= last <= len(bytes_):
        raise InputError(f"{path}: it is cut short; make it again")
    if first == last:
        return np.empty(shape, dtype)
    return bytes_[first:last].view(dtype).reshape(shape)
