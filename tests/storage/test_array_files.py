"""Arrays in a file come back to the bit; a file that was changed, cut or made up is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ssl_behavior.errors import InputError
from ssl_behavior.storage.array_files import DamagedError, is_kind, read_arrays, read_metadata, write_arrays

KIND = "ssl_behavior.example"
ARRAYS = {
    "labels/a": np.array([1, -1, 0], np.int16),
    "seen": np.array([[True, False]]),
    "positions": np.arange(6.0, dtype=np.float32).reshape(3, 2),
    "empty": np.zeros((0, 4)),
    "big endian": np.array([1.5, 2.5], ">f8"),
    "number": np.array(7, np.uint64),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "a.safetensors", ARRAYS, KIND, {"unit": "px"})
    return tmp_path / "a.safetensors"


def edit(path: Path, change: Callable[[dict[str, Any]], object], behind: bytes = b"") -> None:
    """Change the header of a file, and append bytes to its data."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :] + behind)


def test_arrays_and_metadata_come_back(path: Path) -> None:
    arrays, metadata = read_arrays(path, KIND)
    assert metadata == read_metadata(path, KIND) == {"unit": "px"}
    assert is_kind(path, KIND)
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], values)
        assert (arrays[name].shape, arrays[name].dtype) == (values.shape, values.dtype.newbyteorder("<"))


def test_safetensors_reads_what_we_write_and_the_same_content_gives_the_same_bytes(path: Path) -> None:
    for name, values in load_file(path).items():
        np.testing.assert_array_equal(values, ARRAYS[name])
    again = path.with_name("b.safetensors")
    write_arrays(again, dict(reversed(ARRAYS.items())), KIND, {"unit": "px"})
    assert again.read_bytes() == path.read_bytes()


def test_we_read_what_safetensors_writes_which_has_no_checksums(path: Path) -> None:
    save_file({"a": np.ones(3), "b": np.ones(2, np.int8)}, path, {KIND: "[]"})
    arrays, metadata = read_arrays(path, KIND)
    assert (sorted(arrays), metadata) == (["a", "b"], [])


def test_no_flipped_bit_passes(path: Path) -> None:
    """A changed bit is an error, or, within the names of the checksums themselves, changes nothing that is read."""
    whole, damaged = path.read_bytes(), 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        try:
            arrays, metadata = read_arrays(path, KIND)
        except InputError as error:
            damaged += isinstance(error, DamagedError)
            continue
        assert metadata == {"unit": "px"}
        assert set(arrays) == set(ARRAYS)
        assert all(np.array_equal(arrays[name], values) for name, values in ARRAYS.items())
    data = sum(values.nbytes for values in ARRAYS.values())
    assert damaged >= data


def test_arrays_that_are_not_verified_are_not_read(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="array seen differs from what was written"):
        read_arrays(path, KIND)
    assert read_arrays(path, KIND, verify=False)[0]["seen"].tolist() == [[True, True]]


def move(name: str, start: int, stop: int) -> Callable[[dict[str, Any]], object]:
    return lambda header: header[name].update(data_offsets=[start, stop])


@pytest.mark.parametrize(
    ("change", "behind", "message"),
    [
        (move("positions", 16, 40), b"", "overlaps or gaps"),  # begins within the numbers before it
        (move("labels/a", 0, 6), b"", "overlaps or gaps"),  # two arrays of the same bytes
        (lambda header: header.pop("labels/a"), b"", "overlaps or gaps"),  # bytes that belong to no array
        (dict, b"more", "overlaps or gaps"),
        (move("seen", 54, 1 << 70), b"", "incomplete"),
        (move("positions", -24, 0), b"", "overlaps or gaps"),
        (lambda header: header["seen"].update(data_offsets=[54]), b"", "expected a file of kind"),
        (lambda header: header["seen"].update(data_offsets=["a", "b"]), b"", "expected a file of kind"),
    ],
)
def test_arrays_that_overlap_or_leave_gaps_are_refused(
    change: Callable[[dict[str, Any]], object], behind: bytes, message: str, path: Path
) -> None:
    edit(path, change, behind)
    with pytest.raises(InputError, match=message):
        read_arrays(path, KIND)


@pytest.mark.parametrize("name", ["n" * 301, "a\0b", "a\nb", "\x1b[31m"])
def test_names_of_arrays_are_short_and_printable(name: str, path: Path) -> None:
    with pytest.raises(ValueError, match="control characters"):
        write_arrays(path, {name: np.ones(1)}, KIND, {})
    save_file({name: np.ones(1)}, path, {KIND: "{}"})
    with pytest.raises(InputError, match="short, printable names") as refused:
        read_arrays(path, KIND)
    assert len(str(refused.value)) < 400
