"""The native format: every bit is kept, and no array is read before its values are used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton


def _recording(name: str = "task1/train/a", frames: int = 6) -> Recording:
    random = np.random.default_rng(len(name))
    positions = random.random((frames, 2, 3, 2)).astype(np.float32)
    positions[1, 0] = np.nan
    return Recording(
        name,
        positions,
        ("m1", "m2"),
        Skeleton(("nose", "body", "tail"), (("nose", "body"),), {"nose": "nose", "tail": "tail_base"}),
        29.97,
        random.random((frames, 2, 3)).astype(np.float32),
        {
            "S1": Labels(("x", "y"), np.resize([0, 1, -1], frames), ("m1", "m2")),
            "whole": Labels(("x",), np.zeros(frames)),
        },
        {"speed": random.random(frames), "single": random.random((frames, 2, 2)).astype(np.float32)},
        "cm",
        "film.csv",
        {"annotator": 3, "lab": "ü", "single_keypoints": ["a", "b"]},
    )


def _assert_equal(original: Recording, copy: Recording) -> None:
    for name in ("id", "individuals", "skeleton", "frame_rate", "unit", "source", "metadata"):
        assert getattr(original, name) == getattr(copy, name)
    np.testing.assert_array_equal(original.positions, copy.positions)
    np.testing.assert_array_equal(original.confidence, copy.confidence)
    assert set(original.labels) == set(copy.labels)
    for name, labels in original.labels.items():
        assert (labels.behaviours, labels.pair) == (copy.labels[name].behaviours, copy.labels[name].pair)
        np.testing.assert_array_equal(labels.values, copy.labels[name].values)
    assert set(original.series) == set(copy.series)
    for name, values in original.series.items():
        np.testing.assert_array_equal(values, copy.series[name])
        assert values.dtype == copy.series[name].dtype


def test_every_field_is_kept(tmp_path):
    recordings = [_recording("task1/train/a"), _recording("b", 3)]
    files = native.write(tmp_path / "fast", recordings)
    assert [file.name for file in files] == ["task1_train_a.safetensors", "b.safetensors"]
    reread = {recording.id: recording for recording in read_recordings(tmp_path / "fast")}
    for recording in recordings:
        _assert_equal(recording, reread[recording.id])


def test_a_recording_without_keypoints_and_confidence_is_kept(tmp_path):
    plain = Recording(
        "a", np.zeros((4, 2, 0, 2)), ("m1", "m2"), Skeleton(()), 30.0, series={"features": np.ones((4, 8))}
    )
    native.write(tmp_path / "a.safetensors", [plain])
    (copy,) = native.read(tmp_path / "a.safetensors")
    assert copy.positions.shape == (4, 2, 0, 2)
    assert copy.confidence is None
    np.testing.assert_array_equal(copy.series["features"], plain.series["features"])


def test_an_unknown_frame_rate_stays_unknown(tmp_path):
    without_rate = Recording("a", np.zeros((4, 1, 1, 2)), ("m",), Skeleton(("k",)), 30.0, frame_rate_is_assumed=True)
    native.write(tmp_path / "a.safetensors", [without_rate])
    assert b'"frame_rate": null' in (tmp_path / "a.safetensors").read_bytes().replace(b"\\", b"")
    (copy,) = native.read(tmp_path / "a.safetensors")
    assert (copy.frame_rate, copy.frame_rate_is_assumed) == (30.0, True)
    notices: list[str] = []
    (read,) = read_recordings(tmp_path, notify=notices.append)
    assert (read.frame_rate, read.frame_rate_is_assumed) == (30.0, True)
    assert "no frame rate in the files of 1 of 1" in notices[0]


def test_arrays_are_mapped_and_read_only(tmp_path):
    native.write(tmp_path / "a.safetensors", [_recording()])
    (copy,) = native.read(tmp_path / "a.safetensors")
    assert copy.positions.base is copy.confidence.base, "one map for all arrays of a file"
    assert isinstance(copy.positions.base.base, pa.Buffer)
    with pytest.raises(ValueError, match="read-only"):
        copy.positions[0] = 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of open files")
def test_mapped_files_hold_no_file_descriptor(tmp_path):
    files = native.write(tmp_path, [_recording(str(number)) for number in range(40)])
    before = set(Path("/proc/self/fd").iterdir())
    recordings = [native.read(file)[0] for file in files]
    assert set(Path("/proc/self/fd").iterdir()) == before
    maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
    assert len(maps) == len(recordings)


def test_weights_are_not_taken_for_a_recording(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.ones(3)}, tmp_path / "weights.safetensors")
    assert not native.detect(tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        native.read(tmp_path / "weights.safetensors")


@pytest.mark.parametrize("length", [1, 7, 20, -1, -40])
def test_a_truncated_file_is_refused(tmp_path, length):
    native.write(tmp_path / "a.safetensors", [_recording()])
    path = tmp_path / "a.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"a\.safetensors"):
        read_recordings(path)


def test_a_header_that_declares_a_huge_shape_is_refused(tmp_path):
    native.write(tmp_path / "a.safetensors", [_recording()])
    data = (tmp_path / "a.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["positions"]["shape"] = [10**13, 2, 3, 2]
    header["positions"]["data_offsets"] = [0, 10**13 * 48]
    text = json.dumps(header).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(InputError, match=r"a\.safetensors: .*incomplete"):
        native.read(tmp_path / "a.safetensors")


def test_a_value_that_cannot_be_written_leaves_no_file(tmp_path):
    recording = Recording("a", np.zeros((4, 1, 1, 2)), ("m",), Skeleton(("k",)), 30.0, metadata={"x": object()})
    with pytest.raises(InputError, match=r"a\.safetensors.*cannot be written"):
        native.write(tmp_path, [recording])
    assert not list(tmp_path.iterdir())


def test_ids_that_are_alike_as_file_names_get_files_of_their_own(tmp_path):
    ids = ["a/b", "a_b", "A_b", "CON", "x" * 300]
    files = native.write(tmp_path, [_recording(name) for name in ids])
    assert [native.read(file)[0].id for file in files] == ids
    assert len({file.name.casefold() for file in files}) == len(ids)


def test_the_command_convert_writes_native_files(tmp_path):
    native.write(tmp_path / "in", [_recording("a"), _recording("b")])
    command = [sys.executable, "-m", "ssl_behavior.convert", "--recordings", str(tmp_path / "in")]
    command += ["--output", str(tmp_path / "out"), "--frame-rate", "25"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "wrote 2 recordings, 12 frames" in done.stdout
    assert [recording.frame_rate for recording in read_recordings(tmp_path / "out")] == [25, 25]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert "Traceback" not in again.stderr
