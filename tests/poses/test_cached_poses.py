"""Poses from the cache are equal, to the bit, to those that would be prepared."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ssl_behavior.poses import prepare as preparing
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare, prepare_all, prepare_cached
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import cache

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty cache for one test."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return tmp_path


def _assert_equal(one: Poses, other: Poses) -> None:
    (arrays, plain), (other_arrays, other_plain) = preparing.pack(one), preparing.pack(other)
    assert repr(plain) == repr(other_plain)
    for name, values in arrays.items():
        assert (values.dtype, values.shape) == (other_arrays[name].dtype, other_arrays[name].shape)
        assert values.tobytes() == other_arrays[name].tobytes()


def _variants(recording: Recording) -> list[tuple[Recording, tuple[str, ...], Preparation]]:
    """Arguments of ``prepare`` that each differ from the first in one thing."""
    plain = Preparation()
    skeleton = replace(recording.skeleton, landmarks={"nose": "tail base", "tail base": "nose"})
    sure = np.random.default_rng(0).random(recording.positions.shape[:3]).astype(np.float32)
    recordings = [
        recording,
        replace(recording, id="other"),
        replace(recording, individuals=("a", "b")),
        replace(recording, positions=recording.positions + 1),
        replace(recording, confidence=sure),
        replace(recording, frame_rate=25.0),
        replace(recording, skeleton=skeleton),
        replace(recording, skeleton=replace(recording.skeleton, keypoints=tuple(reversed(MICE)))),
    ]
    different = [Preparation(frame_rate=10.0), Preparation(min_confidence=0.5), Preparation(max_gap=0.0)]
    return [
        *((variant, MICE, plain) for variant in recordings),
        (recording, tuple(reversed(MICE)), plain),
        (recording, MICE[1:], plain),
        *((replace(recording, confidence=sure), MICE, settings) for settings in different),
    ]


def test_cached_poses_equal_prepared_poses_whatever_differs(wander, folder):
    variants = _variants(wander(3, frames=200))
    for _ in range(2):
        for arguments in variants:
            _assert_equal(prepare_cached(*arguments), prepare(*arguments))
    assert len(list(folder.rglob("*.safetensors"))) == len(variants) - 2, "names of videos and animals need no copy"


def test_cached_poses_are_memory_maps_and_store_their_fingerprint(wander, folder):
    recordings = [wander(seed) for seed in range(3)]
    for poses in prepare_all(recordings, MICE, Preparation()):
        arrays = preparing.pack(poses)[0]
        assert all(isinstance(values.base.base, pa.Buffer) for values in arrays.values())
        assert poses.content_hash is not None
        assert poses.fingerprint() == replace(poses, content_hash=None).fingerprint() == poses.content_hash.digest
        assert replace(poses, positions=poses.positions + 1).fingerprint() != poses.fingerprint()


def test_the_second_call_reads_the_cache(wander, folder):
    arguments = (wander(1), MICE, Preparation())
    prepare_cached(*arguments)
    (cached,) = folder.rglob("*.safetensors")
    other = prepare(wander(2), MICE, Preparation())
    prepare_cached(wander(2), MICE, Preparation())
    (second,) = set(folder.rglob("*.safetensors")) - {cached}
    cached.write_bytes(second.read_bytes())
    assert prepare_cached(*arguments).positions.tobytes() == other.positions.tobytes()


def test_without_a_cache_nothing_is_written(wander, tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    arguments = (wander(1), MICE, Preparation())
    _assert_equal(prepare_cached(*arguments), prepare(*arguments))
    assert not list(tmp_path.iterdir())
