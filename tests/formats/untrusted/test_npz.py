"""Arrays of an .npz from anybody: plain values come in; objects, lies and damage do not."""

import io
import struct
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import npz

ARRAYS = {
    "x": np.arange(6.0).reshape(2, 3),
    "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big": np.arange(3, dtype=">i2"),
    "names": np.array(["nose", "tail base"]),
    "empty": np.empty((0, 2)),
    "one": np.array(30.0),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_they_were(save: object, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", **ARRAYS)  # type: ignore[operator]
    read = npz.load(tmp_path / "a.npz", [*ARRAYS, "absent"])
    assert set(read) == set(ARRAYS)
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(read[name], values)
        assert read[name].dtype == values.dtype


def test_arrays_with_other_names_are_not_looked_at(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=ARRAYS["x"], thing=np.array([{}], object))
    assert set(npz.load(tmp_path / "a.npz", ["x"])) == {"x"}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.array(["nose", None], object), "Python objects, which could run code"),
        (np.array([(1, object())], [("a", int), ("b", object)]), "Python objects"),
        (np.array([1j]), "complex"),
        (np.array([b"nose"]), "S4"),
    ],
)
def test_objects_are_refused(values: np.ndarray, found: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=values)
    with pytest.raises(InputError, match=found):
        npz.load(tmp_path / "a.npz", ["x"])


def test_a_header_that_declares_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(80))
    with pytest.raises(InputError, match="declares 80,000,000,000,000"):
        npz.load(tmp_path / "a.npz", ["x"])


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(1000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 1 << 31)  # size when unpacked
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match="times the file's size"):
        npz.load(tmp_path / "a.npz", ["x"])


def test_an_array_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=ARRAYS["x"])
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        content = archive.read("x.npy")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(InputError, match="each array once"):
        npz.load(tmp_path / "a.npz", ["x"])


@pytest.mark.parametrize("content", [b"", b"frame,x,y\n1,2,3\n", b"\x93NUMPY\x01\x00"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"expected arrays that np\.savez wrote"):
        npz.load(tmp_path / "a.npz", ["x"])


@pytest.mark.parametrize("order", "<>")
def test_texts_of_characters_that_do_not_exist_are_refused(order: str, tmp_path: Path) -> None:
    names = np.array([0x61, 0x110000], f"{order}u4").view(f"{order}U1")
    np.savez(tmp_path / "a.npz", names=names)
    with pytest.raises(InputError, match="characters that do not exist"):
        npz.load(tmp_path / "a.npz", ["names"])
    np.savez(tmp_path / "a.npz", names=names[:1])
    assert npz.load(tmp_path / "a.npz", ["names"])["names"].tolist() == ["a"]


def test_damaged_bytes_give_values_or_a_message(tmp_path: Path) -> None:
    rng = Random(0)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "good.npz", **ARRAYS)
        good = (tmp_path / "good.npz").read_bytes()
        refused = 0
        for _ in range(200):
            content = bytearray(good)
            for _ in range(rng.randint(1, 4)):
                content[rng.randrange(len(content))] = rng.randrange(256)
            (tmp_path / "bad.npz").write_bytes(content[: rng.choice((len(content), rng.randrange(len(content))))])
            try:
                npz.load(tmp_path / "bad.npz", ARRAYS)
            except InputError:
                refused += 1
        assert refused > 100
