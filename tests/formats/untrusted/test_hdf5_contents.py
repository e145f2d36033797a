"""HDF5 files of a few kilobytes that would take gigabytes, or lead to what no group shows, are refused unread."""

import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.formats.untrusted import hdf5_contents, limits
from ssl_behavior.formats.untrusted.hdf5_contents import require_plain

ONE_TEXT = "x" * 50_000


def _many_chunks(file: h5py.File) -> None:
    file.create_dataset("tracks", (500_000,), "u1", chunks=(1,))


def _many_chunks_that_may_grow(file: h5py.File) -> None:
    file.create_dataset("tracks", (10, 50_000), "f4", maxshape=(None, None), chunks=(1, 1))[0, :9] = 1


def _many_arrays_of_a_few_chunks(file: h5py.File) -> None:
    for i in range(200):
        file.create_dataset(f"tracks{i}", (1000,), "u1", chunks=(1,))


def _a_chunk_that_unpacks_to_more(file: h5py.File) -> None:
    tracks = file.create_dataset("tracks", (1,), "u1", chunks=(1,), compression="gzip")
    tracks.id.write_direct_chunk((0,), zlib.compress(bytes(20 << 20)))


def _packed_twice(file: h5py.File) -> None:
    settings = h5p.create(h5p.DATASET_CREATE)
    settings.set_chunk((1,))
    settings.set_deflate(9)
    settings.set_deflate(9)
    h5d.create(file.id, b"tracks", h5t.NATIVE_UINT8, h5s.create_simple((1,)), settings)


def _lists_of_lists(file: h5py.File) -> None:
    inner = h5t.vlen_create(h5t.NATIVE_UINT8)
    h5d.create(file.id, b"tracks", h5t.vlen_create(inner), h5s.create_simple((1,)))


def _many_links(file: h5py.File) -> None:
    for i in range(60):
        file[f"{i}"] = h5py.SoftLink("/tracks")


def _many_attributes(file: h5py.File) -> None:
    for i in range(60):
        file.attrs[f"{i}"] = 1


def _long_attributes(file: h5py.File) -> None:
    file.attrs["names"] = np.array([ONE_TEXT] * 60, dtype=h5py.string_dtype())


def _wide_records(file: h5py.File) -> None:
    file.create_dataset("tracks", (), np.dtype([("a", "f8", (10**8,))]))


@pytest.mark.parametrize(
    "attack",
    [
        _many_chunks,
        _many_chunks_that_may_grow,
        _many_arrays_of_a_few_chunks,
        _a_chunk_that_unpacks_to_more,
        _packed_twice,
        _lists_of_lists,
        _many_links,
        _many_attributes,
        _long_attributes,
        _wide_records,
    ],
)
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_small_files_that_would_take_gigabytes_are_refused(
    attack: Callable[[h5py.File], None], version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEAST", 1 << 20)
    monkeypatch.setattr(limits, "RATIO", 5)
    monkeypatch.setattr(hdf5_contents, "_MOST_NAMES", 50)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=version) as file:
        attack(file)
    with h5py.File(path) as file, pytest.raises(InputError, match=r"a\.h5: .*(refused|more than)"):
        require_plain(file, path)


def _repeat_first(path: Path, count: int) -> None:
    """Let all texts of a list be the first one, which is stored once."""
    with h5py.File(path) as file:
        start = file["names"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[start : start + 16 * count] = content[start : start + 16] * count
    path.write_bytes(content)


def test_a_long_text_that_all_entries_share_counts_once_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("names", (300,), h5py.string_dtype())[:2] = [ONE_TEXT, "b"]
    with h5py.File(path) as file:
        require_plain(file, path)
    _repeat_first(path, 300)
    with h5py.File(path) as file:
        assert len(file["names"][299]) == len(ONE_TEXT)
        require_plain(file, path)  # 15 MB, which any file may take
        monkeypatch.setattr(limits, "LEAST", 1 << 20)
        with pytest.raises(InputError, match="'names' holds long texts, more than the file can hold"):
            require_plain(file, path)


def test_a_reference_to_an_object_that_no_group_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["z"] = np.arange(3), np.arange(3)
        file.create_dataset("b", (2,), h5py.ref_dtype)[:] = [file["a"].ref, file["z"].ref]
    with h5py.File(path) as file:
        require_plain(file, path)
    content = path.read_bytes()
    entries = content.index(b"SNOD") + 6
    path.write_bytes(content[:entries] + b"\x02\x00" + content[entries + 2 :])  # the group forgets its third entry
    with h5py.File(path) as file:
        assert list(file) == ["a", "b"]
        with pytest.raises(InputError, match="refused, as it refers to an object that none of its groups holds"):
            require_plain(file, path)


def test_a_packing_that_is_not_known_is_named_with_a_way_on(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("tracks", data=np.arange(9), scaleoffset=True)
        file["node_names"] = file["track_names"] = np.array([b"a"])
    with pytest.raises(InputError, match=r"a\.h5: expected 'tracks' to be packed with gzip.*h5repack -f GZIP=4"):
        read_recordings(tmp_path / "a.h5")


def test_numbers_that_a_small_file_does_not_store_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", (1_600_000, 2, 10, 2), "f8", chunks=(10_000, 2, 10, 2), compression="gzip")
    assert path.stat().st_size < 10_000
    with (
        h5py.File(path) as file,
        pytest.raises(InputError, match=r"declares the shape .*, more than the file can hold"),
    ):
        require_plain(file, path)


def test_files_as_programs_write_them_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(0).normal(size=(20_000, 2, 9, 2))
        file.create_dataset("packed", data=values, compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("fast", data=values, compression="lzf")
        file.create_dataset("large chunks", data=values, chunks=(20_000, 2, 9, 2), compression="gzip")
        file.create_dataset("a chunk per frame", data=values[:2000], chunks=(1, 2, 9, 2))
        file.create_dataset("names", data=["é"] * 3000, dtype=h5py.string_dtype())
        file.create_dataset("grid", data=np.array([["a", "b"], ["c", "d"]], object), dtype=h5py.string_dtype())
        file["one"], file["none"] = "text", h5py.Empty("f4")
        file.create_dataset("records", data=np.array([(1, "x")], [("a", "i4"), ("b", h5py.string_dtype())]))
        file.create_dataset("lists", (2,), h5py.vlen_dtype(np.int32))[0] = [1, 2]
        file["one"].attrs["links"] = np.array([file["names"].ref, h5py.Reference()], h5py.ref_dtype)
        file["one"].attrs["texts"] = ["a", "b"]
    with h5py.File(path) as file:
        require_plain(file, path)
