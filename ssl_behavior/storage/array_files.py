"""Arrays in one file that is read by memory map: the safetensors layout, with metadata as JSON text in the header.

A file holds the length of its header, a JSON header with each array's type, shape and byte range, and the plain bytes.
Unlike a folder of .npy files, it is written completely or not at all. Unlike .npz, it can be mapped into memory. It
holds no code, and numpy, torch, JAX and R can read it without this package. The header also holds a checksum of each
array and of the metadata, so that a damaged disk or copy does not change results without a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ssl_behavior.errors import InputError
from ssl_behavior.storage.atomic import write_atomically
from ssl_behavior.storage.digests import checksum

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
_NAMES_OF_DTYPES = {np.dtype(code): name for name, code in _DTYPES.items()}
_CHECKSUMS, _OF_METADATA = "crc32", "__metadata__"
_LONGEST_NAME = 300
"""Characters of an array's name, such as ``labels/CHANNEL``: more than any name in a file of this package has."""


class DamagedError(InputError):
    """The content of a file has changed since it was written."""


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
    if wrong := next((name for name in arrays if not _is_name(name)), None):
        raise ValueError(f"a name of more than {_LONGEST_NAME} characters, or with control characters: {wrong[:40]!a}")
    stored = {name: np.asarray(values, values.dtype.newbyteorder("<")) for name, values in arrays.items()}
    # The order of safetensors' own writer: large numbers first, so that each array begins at a multiple of their size.
    names = sorted(stored, key=lambda name: (-stored[name].dtype.itemsize, name))
    entries, sums, stop = {}, {_OF_METADATA: checksum(text)}, 0
    for name in names:
        start, stop = stop, stop + stored[name].nbytes
        dtype = _NAMES_OF_DTYPES[stored[name].dtype]
        entries[name] = {"dtype": dtype, "shape": stored[name].shape, "data_offsets": (start, stop)}
        sums[name] = _checksum(name, entries[name], stored[name])
    header = {"__metadata__": {kind: text, _CHECKSUMS: json.dumps(sums)}, **entries}
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for name in names:
            file.write(np.ascontiguousarray(stored[name]).data)


def read_arrays(path: Path, kind: str, *, verify: bool = True) -> tuple[dict[str, np.ndarray], Any]:
    """Read what ``write_arrays`` wrote.

    Args:
        path: of the file.
        kind: as it was written.
        verify: compare the arrays with their checksums, which reads the whole file: some 15 ms per hour of video. Older
            files have no checksums.

    Returns:
        The arrays by name, read-only and memory-mapped: values are read from the disk when they are used. Then the
        metadata, with tuples and sets as lists.

    Raises:
        InputError: the file is incomplete, or of another kind; ``DamagedError`` if its content has changed since.
        OSError: it cannot be opened.
    """
    header, start = _read_header(path)
    metadata = _metadata(path, header, kind)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        content = _map(path)[start:]
        _require_layout(path, entries, len(content))
        arrays = {name: _array(path, content, entry) for name, entry in entries.items()}
        if verify and (sums := _checksums(header)) is not None:
            for name, values in arrays.items():
                if sums.get(name) != _checksum(name, entries[name], values):
                    raise _damaged(path, f"the array {name}")
        return arrays, metadata
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
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
        metadata, sums = json.loads(text := header["__metadata__"][kind]), _checksums(header)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise _wrong_kind(path, kind) from None
    if sums is not None and sums.get(_OF_METADATA) != checksum(text):
        raise _damaged(path, "the metadata")
    return metadata


def _checksums(header: dict[str, Any]) -> dict[str, Any] | None:
    """The checksums by array; None in a file from before there were any."""
    text = header["__metadata__"].get(_CHECKSUMS)
    sums = None if text is None else json.loads(text)
    if not isinstance(sums, dict | None):
        raise TypeError("checksums that are no JSON object")
    return sums


def _checksum(name: str, entry: Mapping[str, Any], values: np.ndarray) -> int:
    """The checksum of an array: its name, type and shape count, as other values of these would change its meaning."""
    return checksum(f"{name} {entry['dtype']} {list(entry['shape'])}", values)


def _damaged(path: Path, part: str) -> DamagedError:
    return DamagedError(f"{path}: {part} differs from what was written, so the file is damaged; write or copy it again")


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


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and name.isprintable()


def _require_layout(path: Path, entries: Mapping[str, Any], size: int) -> None:
    """Make sure that the arrays follow one another from the first byte to the last, and share none.

    Raises:
        InputError: they overlap, leave a gap or reach beyond the file, or a name is too long or not printable.
        KeyError, TypeError, ValueError: an entry has no offsets.
    """
    spans = sorted((entry["data_offsets"][0], entry["data_offsets"][1]) for entry in entries.values())
    if max((stop for _, stop in spans), default=0) > size:
        raise InputError(f"{path}: the file is incomplete; write it again")
    end = 0
    for start, stop in [*spans, (size, size)]:
        if start != end:
            raise InputError(f"{path}: expected arrays one after the other; found overlaps or gaps: write it again")
        end = stop
    if wrong := next((name for name in entries if not _is_name(name)), None):
        raise InputError(f"{path}: expected short, printable names of arrays; found {wrong[:40]!a}: write it again")


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
