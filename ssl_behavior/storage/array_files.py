"""Arrays in one file that is read by memory map: the safetensors layout, with metadata as JSON text in the header.

A file holds the length of its header, a JSON header with each array's type, shape and byte range, and the plain bytes.
Unlike a folder of .npy files, it is written completely or not at all. Unlike .npz, it can be mapped into memory. It
holds no code, and numpy, torch, JAX and R can read it without this package.
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
from ssl_behavior.storage.atomic import write_atomically

SUFFIX = ".safetensors"
_AGAIN = "; copy it again, or write it again with the command that wrote it"
_MAX_HEADER_BYTES = 100 << 20  # as in safetensors' own reader
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


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], kind: str, metadata: Any) -> None:
    """Write arrays and metadata to a file, completely or not at all.

    Args:
        path: of the file.
        arrays: name -> array of any shape.
        kind: of file, such as ``ssl_behavior.recording``.
        metadata: plain values, numpy numbers, tuples and sets, nested in any way.

    Raises:
        TypeError, KeyError, ValueError: an array or a value is of a type that the file cannot hold.
        OSError: the file cannot be written.

    Examples:
        >>> write_arrays(Path("a.safetensors"), {"speed": np.zeros(9)}, "ssl_behavior.example", {"unit": "px/s"})
        >>> arrays, metadata = read_arrays(Path("a.safetensors"), "ssl_behavior.example")
    """
    text = json.dumps(metadata, default=_as_plain)
    with write_atomically(path) as temporary:
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, temporary, {kind: text})


def read_arrays(path: Path, kind: str) -> tuple[dict[str, np.ndarray], Any]:
    """Read what ``write_arrays`` wrote.

    Returns:
        The arrays by name, read-only and memory-mapped: values are read from the disk when they are used. Then the
        metadata, with tuples and sets as lists.

    Raises:
        InputError: the file is incomplete, or of another kind.
        OSError: it cannot be opened.
    """
    header, start = _read_header(path)
    metadata = _metadata(path, header, kind)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        content = _map(path)[start:]
        return {name: _array(path, content, entry) for name, entry in entries.items()}, metadata
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise _wrong_kind(path, kind) from None


def read_metadata(path: Path, kind: str) -> Any:
    """Read the metadata that ``write_arrays`` wrote, without the arrays.

    Raises:
        InputError: the file is of another kind.
        OSError: it cannot be opened.
    """
    return _metadata(path, _read_header(path)[0], kind)


def is_kind(path: Path, kind: str) -> bool:
    """Return whether ``path`` is a file of this kind."""
    if path.suffix != SUFFIX:
        return False
    try:
        return kind in _read_header(path)[0].get("__metadata__", {})
    except (InputError, OSError, TypeError):
        return False


def _metadata(path: Path, header: dict[str, Any], kind: str) -> Any:
    try:
        return json.loads(header["__metadata__"][kind])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _wrong_kind(path, kind) from None


def _wrong_kind(path: Path, kind: str) -> InputError:
    return InputError(f"{path}: expected a file of kind {kind} that ssl_behavior wrote{_AGAIN}")


def _as_plain(value: Any) -> Any:
    """A value as JSON has it; sets are sorted, so that equal content gives equal files."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if not isinstance(value, tuple) else list(value)
    raise TypeError(f"{type(value).__name__} is neither an array nor plain text or numbers")


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header, and the position of the first byte after it."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MAX_HEADER_BYTES, path.stat().st_size):
            raise InputError(
                f"{path}: expected a safetensors file; found another format, or an incomplete file{_AGAIN}"
            )
        try:
            header = json.loads(file.read(length), object_pairs_hook=_as_dict)
        except (ValueError, RecursionError):
            raise InputError(f"{path}: expected a safetensors file; its header is not JSON{_AGAIN}") from None
    if not isinstance(header, dict):
        raise InputError(f"{path}: expected a safetensors file; its header is not a JSON object{_AGAIN}")
    return header, 8 + length


def _as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are distinct; ``json`` alone would take the last of two entries of one name."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a repeated key")
    return entries


def _map(path: Path) -> np.ndarray:
    """The bytes of a whole file, read-only and memory-mapped, without an open file.

    An atlas of ten thousand videos is as many maps. A process may have some ten thousands of maps, but often only a
    thousand open files, and ``mmap.mmap`` (also below ``np.memmap``) keeps one open for each map.
    """
    with pa.memory_map(str(path)) as file:
        # A read of the whole file would ask the disk for all its pages ahead. The parent of a one-byte read is the map.
        return np.frombuffer(file.read_buffer(1).parent, np.uint8)


def _array(path: Path, content: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """The array that an entry of the header describes, as a view of the bytes behind the header."""
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    shape = tuple(int(length) for length in entry["shape"])
    start, stop = entry["data_offsets"]
    # dtype=object: Python's integers do not overflow, whatever lengths a damaged header states.
    if stop - start != dtype.itemsize * int(np.prod(shape, dtype=object)) or not 0 <= start <= stop <= len(content):
        raise InputError(f"{path}: the file is incomplete{_AGAIN}")
    if start == stop:
        return np.empty(shape, dtype)
    return content[start:stop].view(dtype).reshape(shape)
