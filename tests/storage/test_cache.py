"""Recordings from the cache equal parsed ones to the bit, whatever happens to the cache's files."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage import cache
from ssl_behavior.storage.array_files import read_arrays, write_arrays


def _quiet(_: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for one test."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A small DeepLabCut table."""
    header = ["scorer,s,s,s", "bodyparts,nose,nose,nose", "coords,x,y,likelihood"]
    rows = [f"{frame},{frame}.25,{2 * frame}.5,0.{frame}" for frame in range(6)]
    (tmp_path / "film.csv").write_text("\n".join([*header, *rows]))
    return tmp_path / "film.csv"


def _assert_equal(recordings: Sequence[Recording], expected: Sequence[Recording]) -> None:
    for recording, other in zip(recordings, expected, strict=True):
        (arrays, metadata), (other_arrays, other_metadata) = native.pack(recording), native.pack(other)
        assert repr(metadata) == repr(other_metadata)
        assert list(arrays) == list(other_arrays)
        for name, values in arrays.items():
            assert (values.dtype, values.shape) == (other_arrays[name].dtype, other_arrays[name].shape)
            assert values.tobytes() == other_arrays[name].tobytes()


def _is_mapped(values: np.ndarray) -> bool:
    return isinstance(values.base.base, pa.Buffer)


def _read_uncached(monkeypatch: pytest.MonkeyPatch, path: Path) -> list[Recording]:
    with monkeypatch.context() as patch:
        patch.setenv(cache.VARIABLE, "")
        return read_recordings(path, notify=_quiet, mixed_skeletons=True)


@pytest.mark.parametrize("name", ["a.json", "a.npy"])
def test_cached_recordings_equal_parsed_ones_to_the_bit_with_labels_and_metadata(tmp_path, folder, monkeypatch, name):
    recordings = simulate_recordings(3, seed=1, frames=50)
    series = {"zeta": np.arange(50.0), "features": np.ones((50, 3), np.float32)}
    calms21.write(tmp_path / name, [replace(recording, series=series) for recording in recordings])
    expected = _read_uncached(monkeypatch, tmp_path / name)
    assert not folder.exists()
    for _ in range(2):
        cached = read_recordings(tmp_path / name)
        _assert_equal(cached, expected)
        assert all(_is_mapped(recording.positions) and _is_mapped(recording.confidence) for recording in cached)
    assert len(list(folder.rglob("*.safetensors"))) == 1, "one entry holds all recordings of a file"


@pytest.mark.real
def test_real_files_are_equal_to_the_bit(shared_data, folder, monkeypatch):
    folders = [shared_data(name) for name in ("deeplabcut", "sleap", "calms21", "mabe22")]
    files = [file for folder in folders for file in folder.iterdir() if file.suffix != ".npy"]
    for file in files:
        expected = _read_uncached(monkeypatch, file)
        for _ in range(2):
            _assert_equal(read_recordings(file, notify=_quiet), expected)
    assert len(list(folder.rglob("*.safetensors"))) == len(files)


def test_a_second_start_reads_the_cache(table, folder):
    read_recordings(table, notify=_quiet)
    (entry,) = folder.rglob("*.safetensors")
    arrays, metadata = read_arrays(entry, "ssl_behavior.cache.recordings")
    arrays["0/positions"] = np.full_like(arrays["0/positions"], 7)
    write_arrays(entry, arrays, "ssl_behavior.cache.recordings", metadata)
    assert (read_recordings(table, notify=_quiet)[0].positions == 7).all()


def test_an_entry_depends_on_a_files_content_and_name_and_not_on_its_folder(table, folder):
    (first,) = read_recordings(table, notify=_quiet)
    other = table.with_name("other.csv")
    shutil.copy(table, other)
    (renamed,) = read_recordings(other, notify=_quiet)
    assert (renamed.id, renamed.source) == ("other", str(other))
    (table.parent / "below").mkdir()
    (moved,) = read_recordings(shutil.move(table, table.parent / "below"), notify=_quiet)
    assert (moved.id, moved.source) == ("film", str(table.parent / "below" / "film.csv"))
    assert len(list(folder.rglob("*.safetensors"))) == 2
    other.write_text(other.read_text().replace("5,5.25,", "5,5.75,"))
    (changed,) = read_recordings(other, notify=_quiet)
    assert changed.positions[5, 0, 0].tolist() == [5.75, 10.5]
    assert changed.fingerprint() != renamed.fingerprint() == first.fingerprint()


def test_entries_that_nobody_read_for_long_are_deleted(table, folder):
    other = table.with_name("other.csv")
    shutil.copy(table, other)
    for file in (table, other):
        read_recordings(file, notify=_quiet)
    old = {folder / "recordings" / f".{'a' * 32}.safetensors.{'b' * 12}.part", folder / "recordings" / "my.safetensors"}
    long_ago = time.time() - 61 * 86_400
    for path in [*old, *folder.rglob("*.safetensors")]:
        path.touch()
        os.utime(path, (long_ago, long_ago))
    read_recordings(other, notify=_quiet)  # read again, it stays
    third = table.with_name("third.csv")
    shutil.copy(table, third)
    cache._delete_old.cache_clear()
    read_recordings(third, notify=_quiet)
    names = {path.name for path in folder.glob("recordings/*")}
    assert len(names) == 3
    assert "my.safetensors" in names, "files that the cache did not write stay"


def test_a_clock_that_was_set_back_deletes_nothing(table, folder, monkeypatch):
    first = read_recordings(table, notify=_quiet)  # a year in the future, by the clock below
    monkeypatch.setattr(time, "time", lambda: table.stat().st_mtime - 365 * 86_400)
    third = table.with_name("third.csv")
    shutil.copy(table, third)
    cache._delete_old.cache_clear()
    read_recordings(third, notify=_quiet)
    assert len(list(folder.rglob("*.safetensors"))) == 2
    _assert_equal(read_recordings(table, notify=_quiet), first)


@pytest.mark.parametrize("length", [0, 5, 300, -1])
def test_a_damaged_entry_is_made_again(table, folder, length, monkeypatch, capsys):
    expected = _read_uncached(monkeypatch, table)
    read_recordings(table, notify=_quiet)
    (entry,) = folder.rglob("*.safetensors")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:length])
    capsys.readouterr()
    _assert_equal(read_recordings(table, notify=_quiet), expected)
    assert entry.read_bytes() == whole
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("from_end", [1, 30, 700])
def test_an_entry_with_a_flipped_bit_is_made_again_and_reported(table, folder, from_end, monkeypatch, capsys):
    expected = _read_uncached(monkeypatch, table)
    read_recordings(table, notify=_quiet)
    (entry,) = folder.rglob("*.safetensors")
    whole = entry.read_bytes()
    damaged = bytearray(whole)
    damaged[-from_end] ^= 1
    entry.write_bytes(damaged)
    capsys.readouterr()
    _assert_equal(read_recordings(table, notify=_quiet), expected)
    assert entry.read_bytes() == whole
    assert f"{entry}: this entry of the cache is damaged" in capsys.readouterr().out


def test_the_cache_can_be_deleted_while_it_is_used(table, folder, monkeypatch):
    expected = _read_uncached(monkeypatch, table)
    cached = read_recordings(table, notify=_quiet)
    shutil.rmtree(folder)
    _assert_equal(cached, expected)
    _assert_equal(read_recordings(table, notify=_quiet), expected)


def test_the_folder_of_the_cache_is_printed_once(table, folder, capsys):
    for wanted in (1, 0):
        read_recordings(table, notify=_quiet)
        output = capsys.readouterr().out
        assert output.count(str(folder)) == output.count("delete them at any time") == wanted


def test_a_cache_that_cannot_be_written_is_reported_once_and_not_needed(table, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))
    expected = _read_uncached(monkeypatch, table)
    for wanted in (1, 0):
        _assert_equal(read_recordings(table, notify=_quiet), expected)
        assert capsys.readouterr().out.count("going on without") == wanted


def test_on_a_full_disk_recordings_are_read_without_the_cache(tmp_path):
    calms21.write(tmp_path / "a.json", simulate_recordings(2, seed=1, frames=2000))
    code = f"""
import resource
from ssl_behavior.formats.tracks.read import read_recordings
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
print(sum(recording.frames for recording in read_recordings({str(tmp_path / "a.json")!r})))
"""
    environment = {cache.VARIABLE: str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing more can be cached") == 1
    assert done.stdout.endswith("\n4000\n")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_metadata_that_the_cache_would_change_are_not_cached(tmp_path, folder):
    fields = {"keypoints": np.ones((4, 2, 2, 7)), "metadata": {"lab": ("a", "b")}}
    np.save(tmp_path / "a.npy", np.array({"sequences": {"a": fields}}, dtype=object), allow_pickle=True)
    for _ in range(2):
        assert read_recordings(tmp_path / "a.npy")[0].metadata == {"lab": ("a", "b")}
    assert not list(folder.rglob("*.safetensors"))


def test_native_files_are_not_cached_and_store_their_fingerprint(tmp_path, folder):
    (recording,) = simulate_recordings(1, seed=2, frames=40)
    native.write(tmp_path / "fast", [recording])
    (found,) = read_recordings(tmp_path / "fast")
    assert not folder.exists()
    assert found.content_hash is not None
    named = replace(found, id="other", frame_rate=50.0)
    assert found.content_hash.digest == named.fingerprint() == recording.fingerprint()
    moved = replace(found, positions=found.positions + 1)
    unsure = replace(found, confidence=np.zeros(found.positions.shape[:3], np.float32))
    assert len({recording.fingerprint() for recording in (found, moved, unsure)}) == 3


def test_many_processes_may_fill_the_cache_at_once(tmp_path, folder):
    calms21.write(tmp_path / "a.json", simulate_recordings(3, seed=1, frames=300))
    code = f"""
from ssl_behavior.formats.tracks.read import read_recordings
print(*[recording.fingerprint() for recording in read_recordings({str(tmp_path / "a.json")!r})])
"""
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = {process.communicate(timeout=60)[0].splitlines()[-1] for process in started}
    expected = " ".join(recording.fingerprint() for recording in read_recordings(tmp_path / "a.json"))
    assert printed == {expected}
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
