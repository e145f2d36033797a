"""Prepared poses from the cache: those that would be prepared, to the bit, whatever differs, and on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ssl_behavior.poses import prepare as preparing
from ssl_behavior.poses.prepare import Poses, Preparation, prepare, prepare_all, prepare_kept
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import cache

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """An empty cache of the test's own."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return tmp_path


def _same(one: Poses, other: Poses) -> None:
    (arrays, about), (others, told) = preparing.pack(one), preparing.pack(other)
    assert repr(about) == repr(told)
    for name, values in arrays.items():
        assert (values.dtype, values.shape) == (others[name].dtype, others[name].shape)
        assert values.tobytes() == others[name].tobytes()


def _variants(given: Recording) -> list[tuple[Recording, tuple[str, ...], Preparation]]:
    """Each differs from the first in one thing, which changes what is prepared."""
    plain = Preparation()
    skeleton = replace(given.skeleton, landmarks={"nose": "tail base", "tail base": "nose"})
    sure = np.random.default_rng(0).random(given.positions.shape[:3]).astype(np.float32)
    recordings = [
        given,
        replace(given, id="other"),
        replace(given, individuals=("a", "b")),
        replace(given, positions=given.positions + 1),
        replace(given, confidence=sure),
        replace(given, frame_rate=25.0),
        replace(given, skeleton=skeleton),
        replace(given, skeleton=replace(given.skeleton, keypoints=tuple(reversed(MICE)))),
    ]
    different = [Preparation(frame_rate=10.0), Preparation(min_confidence=0.5), Preparation(max_gap=0.0)]
    return [
        *((one, MICE, plain) for one in recordings),
        (given, tuple(reversed(MICE)), plain),
        (given, MICE[1:], plain),
        *((replace(given, confidence=sure), MICE, one) for one in different),
    ]


def test_whatever_differs_is_prepared_so(wander, place):
    variants = _variants(wander(3, frames=200))
    for _ in range(2):
        for given in variants:
            _same(prepare_kept(*given), prepare(*given))
    assert len(list(place.rglob("*.safetensors"))) == len(variants) - 2, "names of videos and animals need no copy"


def test_what_is_kept_stays_on_disk_and_states_its_fingerprint(wander, place):
    recordings = [wander(seed) for seed in range(3)]
    for poses in prepare_all(recordings, MICE, Preparation()):
        arrays = preparing.pack(poses)[0]
        assert all(isinstance(values.base.base, pa.Buffer) for values in arrays.values())
        assert poses.content_hash is not None
        assert poses.fingerprint() == replace(poses, content_hash=None).fingerprint() == poses.content_hash.digest
        assert replace(poses, positions=poses.positions + 1).fingerprint() != poses.fingerprint()


def test_a_second_start_takes_what_is_kept(wander, place):
    given = (wander(1), MICE, Preparation())
    prepare_kept(*given)
    (kept,) = place.rglob("*.safetensors")
    other = prepare(wander(2), MICE, Preparation())
    prepare_kept(wander(2), MICE, Preparation())
    (second,) = set(place.rglob("*.safetensors")) - {kept}
    kept.write_bytes(second.read_bytes())
    assert prepare_kept(*given).positions.tobytes() == other.positions.tobytes()


def test_without_a_cache_nothing_is_written(wander, tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    given = (wander(1), MICE, Preparation())
    _same(prepare_kept(*given), prepare(*given))
    assert not list(tmp_path.iterdir())
