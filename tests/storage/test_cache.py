"""The cache: what comes from it equals what was parsed, to the bit, whatever happens to its files."""

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
def place(tmp_path, monkeypatch) -> Path:
    """An empty cache of the test's own."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def table(tmp_path) -> Path:
    """A small DeepLabCut table."""
    header = ["scorer,s,s,s", "bodyparts,nose,nose,nose", "coords,x,y,likelihood"]
    rows = [f"{frame},{frame}.25,{2 * frame}.5,0.{frame}" for frame in range(6)]
    (tmp_path / "film.csv").write_text("\n".join([*header, *rows]))
    return tmp_path / "film.csv"


def _same(found: Sequence[Recording], expected: Sequence[Recording]) -> None:
    for one, other in zip(found, expected, strict=True):
        (arrays, about), (others, told) = native.pack(one), native.pack(other)
        assert repr(about) == repr(told)
        assert list(arrays) == list(others)
        for name, values in arrays.items():
            assert (values.dtype, values.shape) == (others[name].dtype, others[name].shape)
            assert values.tobytes() == others[name].tobytes()


def _is_mapped(values: np.ndarray) -> bool:
    return isinstance(values.base.base, pa.Buffer)


def _without(monkeypatch, path) -> list[Recording]:
    with monkeypatch.context() as own:
        own.setenv(cache.VARIABLE, "")
        return read_recordings(path, notify=_quiet, mixed_skeletons=True)


@pytest.mark.parametrize("name", ["a.json", "a.npy"])
def test_equal_to_the_bit_with_labels_and_metadata(tmp_path, place, monkeypatch, name):
    recordings = simulate_recordings(3, seed=1, frames=50)
    series = {"zeta": np.arange(50.0), "features": np.ones((50, 3), np.float32)}
    calms21.write(tmp_path / name, [replace(one, series=series) for one in recordings])
    expected = _without(monkeypatch, tmp_path / name)
    assert not place.exists()
    for _ in range(2):
        found = read_recordings(tmp_path / name)
        _same(found, expected)
        assert all(_is_mapped(one.positions) and _is_mapped(one.confidence) for one in found)
    assert len(list(place.rglob("*.safetensors"))) == 1, "a file for all recordings of a file"


@pytest.mark.real
def test_real_files_are_equal_to_the_bit(shared_data, place, monkeypatch):
    folders = [shared_data(name) for name in ("deeplabcut", "sleap", "calms21", "mabe22")]
    files = [file for folder in folders for file in folder.iterdir() if file.suffix != ".npy"]
    for file in files:
        expected = _without(monkeypatch, file)
        for _ in range(2):
            _same(read_recordings(file, notify=_quiet), expected)
    assert len(list(place.rglob("*.safetensors"))) == len(files)


def test_a_second_start_takes_what_is_kept(table, place):
    read_recordings(table, notify=_quiet)
    (kept,) = place.rglob("*.safetensors")
    arrays, about = read_arrays(kept, "ssl_behavior.cache.recordings")
    arrays["0/positions"] = np.full_like(arrays["0/positions"], 7)
    write_arrays(kept, arrays, "ssl_behavior.cache.recordings", about)
    assert (read_recordings(table, notify=_quiet)[0].positions == 7).all()


def test_content_and_name_say_what_a_file_is(table, place):
    (first,) = read_recordings(table, notify=_quiet)
    other = table.with_name("other.csv")
    shutil.copy(table, other)
    (renamed,) = read_recordings(other, notify=_quiet)
    assert (renamed.id, renamed.source) == ("other", str(other))
    (table.parent / "below").mkdir()
    (moved,) = read_recordings(shutil.move(table, table.parent / "below"), notify=_quiet)
    assert (moved.id, moved.source) == ("film", str(table.parent / "below" / "film.csv"))
    assert len(list(place.rglob("*.safetensors"))) == 2
    other.write_text(other.read_text().replace("5,5.25,", "5,5.75,"))
    (changed,) = read_recordings(other, notify=_quiet)
    assert changed.positions[5, 0, 0].tolist() == [5.75, 10.5]
    assert changed.fingerprint() != renamed.fingerprint() == first.fingerprint()


def test_what_nobody_read_for_long_is_deleted(table, place):
    other = table.with_name("other.csv")
    shutil.copy(table, other)
    for file in (table, other):
        read_recordings(file, notify=_quiet)
    left = {place / "recordings" / f".{'a' * 32}.safetensors.{'b' * 12}.part", place / "recordings" / "my.safetensors"}
    long_ago = time.time() - 61 * 86_400
    for path in [*left, *place.rglob("*.safetensors")]:
        path.touch()
        os.utime(path, (long_ago, long_ago))
    read_recordings(other, notify=_quiet)  # which keeps it for longer
    third = table.with_name("third.csv")
    shutil.copy(table, third)
    cache._forget.cache_clear()
    read_recordings(third, notify=_quiet)
    names = {path.name for path in place.glob("recordings/*")}
    assert len(names) == 3
    assert "my.safetensors" in names, "what the cache did not write stays"


def test_a_clock_that_was_set_back_deletes_nothing(table, place, monkeypatch):
    first = read_recordings(table, notify=_quiet)  # a year from now, as the clock says later
    monkeypatch.setattr(time, "time", lambda: table.stat().st_mtime - 365 * 86_400)
    third = table.with_name("third.csv")
    shutil.copy(table, third)
    cache._forget.cache_clear()
    read_recordings(third, notify=_quiet)
    assert len(list(place.rglob("*.safetensors"))) == 2
    _same(read_recordings(table, notify=_quiet), first)


@pytest.mark.parametrize("left", [0, 5, 300, -1])
def test_a_damaged_file_is_made_anew(table, place, left, monkeypatch, capsys):
    expected = _without(monkeypatch, table)
    read_recordings(table, notify=_quiet)
    (kept,) = place.rglob("*.safetensors")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:left])
    capsys.readouterr()
    _same(read_recordings(table, notify=_quiet), expected)
    assert kept.read_bytes() == whole
    assert capsys.readouterr().out == ""


def test_it_can_be_deleted_while_it_is_used(table, place, monkeypatch):
    expected = _without(monkeypatch, table)
    found = read_recordings(table, notify=_quiet)
    shutil.rmtree(place)
    _same(found, expected)
    _same(read_recordings(table, notify=_quiet), expected)


def test_the_place_is_told_once(table, place, capsys):
    for wanted in (1, 0):
        read_recordings(table, notify=_quiet)
        told = capsys.readouterr().out
        assert told.count(str(place)) == told.count("can be deleted at any time") == wanted


def test_a_place_that_cannot_be_written_is_told_once_and_done_without(table, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))
    expected = _without(monkeypatch, table)
    for wanted in (1, 0):
        _same(read_recordings(table, notify=_quiet), expected)
        assert capsys.readouterr().out.count("going on without") == wanted


def test_a_full_disk_is_done_without(tmp_path):
    calms21.write(tmp_path / "a.json", simulate_recordings(2, seed=1, frames=2000))
    code = f"""
import resource
from ssl_behavior.formats import read_recordings
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
print(sum(one.frames for one in read_recordings({str(tmp_path / "a.json")!r})))
"""
    environment = {cache.VARIABLE: str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing more can be kept") == 1
    assert done.stdout.endswith("\n4000\n")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_metadata_that_would_come_back_as_others_are_not_kept(tmp_path, place):
    fields = {"keypoints": np.ones((4, 2, 2, 7)), "metadata": {"lab": ("a", "b")}}
    np.save(tmp_path / "a.npy", np.array({"sequences": {"a": fields}}, dtype=object), allow_pickle=True)
    for _ in range(2):
        assert read_recordings(tmp_path / "a.npy")[0].metadata == {"lab": ("a", "b")}
    assert not list(place.rglob("*.safetensors"))


def test_converted_files_need_no_copy_and_state_their_fingerprint(tmp_path, place):
    (recording,) = simulate_recordings(1, seed=2, frames=40)
    native.write(tmp_path / "fast", [recording])
    (found,) = read_recordings(tmp_path / "fast")
    assert not place.exists()
    assert found.content_hash is not None
    named = replace(found, id="other", frame_rate=50.0)
    assert found.content_hash.digest == named.fingerprint() == recording.fingerprint()
    moved = replace(found, positions=found.positions + 1)
    unsure = replace(found, confidence=np.zeros(found.positions.shape[:3], np.float32))
    assert len({one.fingerprint() for one in (found, moved, unsure)}) == 3


def test_many_processes_fill_it_at_once(tmp_path, place):
    calms21.write(tmp_path / "a.json", simulate_recordings(3, seed=1, frames=300))
    code = f"""
from ssl_behavior.formats import read_recordings
print(*[one.fingerprint() for one in read_recordings({str(tmp_path / "a.json")!r})])
"""
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = {process.communicate(timeout=60)[0].splitlines()[-1] for process in started}
    assert told == {" ".join(one.fingerprint() for one in read_recordings(tmp_path / "a.json"))}
    assert len([path for path in place.rglob("*") if path.is_file()]) == 1
