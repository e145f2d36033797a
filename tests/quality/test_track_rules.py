"""Faults within the tracks of one recording are seen, and sound tracks are not suspected."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.fast_arrays import middle, runs
from ssl_behavior.quality.frame_rhythm import find_rhythm
from ssl_behavior.quality.jumps import find_jumps
from ssl_behavior.quality.native_tracks import native_tracks
from ssl_behavior.quality.repeated_tracks import Repeats
from ssl_behavior.quality.rules import Suspicion
from ssl_behavior.quality.track_rules import check_tracks
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings

LANDMARKS = shared_landmarks([SKELETON])


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate_recordings(3, seed=0, frames=5400)


def suspicions(recording: Recording) -> list[Suspicion]:
    return [*check_tracks(recording, prepare(recording, LANDMARKS, Preparation()))]


def with_positions(recording: Recording, positions: np.ndarray) -> Recording:
    return replace(recording, positions=positions, confidence=None, labels={}, content_hash=None)


def changed(recording: Recording, change: Callable[[np.ndarray], np.ndarray]) -> Recording:
    return with_positions(recording, change(recording.positions.copy()))


def test_sound_tracks_are_not_suspected(recordings: list[Recording]) -> None:
    assert [suspicions(recording) for recording in recordings] == [[]] * 3


def second_follows_first(positions: np.ndarray) -> np.ndarray:
    positions[2000:, 1] = positions[2000:, 0]
    return positions


def frozen(positions: np.ndarray) -> np.ndarray:
    positions[1000:1060] = positions[1000]
    return positions


def one_frozen(positions: np.ndarray) -> np.ndarray:
    positions[1000:1100, 1] = positions[1000, 1]
    return positions


def cut(positions: np.ndarray) -> np.ndarray:
    positions[2000:] += np.float32([120, -90])
    return positions


def without_every_sixth(positions: np.ndarray) -> np.ndarray:
    return positions[np.arange(len(positions)) % 6 != 5]


def with_every_fifth_twice(positions: np.ndarray) -> np.ndarray:
    doubled = np.repeat(positions, np.where(np.arange(len(positions)) % 5 == 4, 2, 1), axis=0)
    return doubled + np.random.default_rng(0).normal(0, 0.3, doubled.shape).astype(np.float32)


def with_copies_anywhere(positions: np.ndarray) -> np.ndarray:
    return np.repeat(positions, np.where(np.random.default_rng(0).random(len(positions)) < 0.1, 2, 1), axis=0)


@pytest.mark.parametrize(
    ("fault", "kind", "words", "frames"),
    [
        (second_follows_first, "same track", ("resident and intruder", "in one place"), ()),
        (frozen, "frozen", ("All animals", "2.0 s from frame 1000"), (1000,)),
        (one_frozen, "frozen", ("intruder", "3.3 s from frame 1000"), (1000,)),
        (cut, "jump", ("All animals jump", "frame 2000"), (2000,)),
        (without_every_sixth, "frames missing", ("every 5th frame", "2."), ()),
        (with_every_fifth_twice, "frames repeated", ("every 6th frame", "0."), ()),
        (lambda positions: np.repeat(positions, 2, axis=0), "frames repeated", ("every 2nd frame",), ()),
        (with_copies_anywhere, "frames repeated", ("exact copies", "9%"), ()),
    ],
)
def test_a_fault_within_the_tracks_is_named_with_its_frames(
    fault: Callable[[np.ndarray], np.ndarray],
    kind: str,
    words: tuple[str, ...],
    frames: tuple[int, ...],
    recordings: list[Recording],
) -> None:
    (suspicion,) = suspicions(changed(recordings[1], fault))
    assert (suspicion.kind, suspicion.frames) == (kind, frames)
    assert [word for word in words if word not in suspicion.evidence] == []


def test_animals_that_are_exchanged_do_not_jump(recordings: list[Recording]) -> None:
    def exchanged(positions: np.ndarray) -> np.ndarray:
        positions[2000:] = positions[2000:, ::-1]
        return positions

    assert suspicions(changed(recordings[1], exchanged)) == []


def test_frames_without_any_animal_are_not_frozen(recordings: list[Recording]) -> None:
    def unseen(positions: np.ndarray) -> np.ndarray:
        positions[1000:1300] = np.nan
        return positions

    assert suspicions(changed(recordings[1], unseen)) == []


def test_one_animal_of_a_single_keypoint_is_checked(walk: Callable[..., Recording]) -> None:
    steps = np.random.default_rng(0).normal(0, 1, (1800, 1, 2))
    recording = walk(np.cumsum(steps, axis=0))
    positions = recording.positions.copy()
    positions[900:] += 500
    tracks = positions[:, :, :1].transpose(2, 0, 1, 3) / 20
    frames, scores = find_jumps(tracks, 30.0)
    assert frames[scores.argmax()] == 900
    assert scores.max() > 6


def test_a_sleeping_animal_of_few_keypoints_is_frozen_only_after_ten_seconds() -> None:
    positions = np.random.default_rng(0).normal(0, 1, (900, 1, 2, 2)).astype(np.float32)
    positions[100:300] = positions[100]
    assert Repeats(positions, 30.0).frozen() == []
    positions[100:500] = positions[100]
    assert Repeats(positions, 30.0).frozen() == [(100, 500, (0,))]


def test_very_short_and_empty_tracks_have_no_rhythm_and_no_jump() -> None:
    for frames in (1, 3, 12, 40):
        empty = np.full((3, frames, 2, 2), np.nan, np.float32)
        assert find_rhythm(empty).z == 0
        assert len(find_jumps(empty, 30.0)[0]) == 0
        assert Repeats(empty.transpose(1, 2, 0, 3), 30.0).share() == 0


def test_the_median_leaves_out_what_is_unknown() -> None:
    for number in (1, 2, 3):
        values = np.random.default_rng(0).normal(size=(number, 200))
        values[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
        some = ~np.isnan(values).all(0)
        np.testing.assert_allclose(middle(values)[some], np.nanmedian(values[:, some], axis=0))
        assert np.isnan(middle(values)[~some]).all()


def test_keypoints_of_low_confidence_are_unseen_and_the_three_best_are_kept(recordings: list[Recording]) -> None:
    recording = recordings[0]
    confidence = np.full(recording.positions.shape[:3], 0.01, np.float32)
    confidence[:, :, [1, 3, 6]] = 0.9
    confidence[5, 0, 3] = 0.0
    poses = prepare(recording, LANDMARKS, Preparation())
    tracks = native_tracks(replace(recording, confidence=confidence, content_hash=None), poses)
    expected = recording.positions[:, :, [1, 3, 6]].transpose(2, 0, 1, 3) / np.float32(poses.body_length)
    expected[1, 5, 0] = np.nan
    expected[np.isnan(expected).any(-1)] = np.nan
    np.testing.assert_array_equal(tracks, expected)


def test_stretches_are_found_with_their_ends() -> None:
    assert runs(np.array([1, 1, 0, 1, 1, 1, 0, 1], bool), 2) == [(0, 2), (3, 6)]
    assert runs(np.zeros(0, bool), 1) == []


def test_a_short_random_walk_has_no_rhythm_by_chance_and_a_longer_one_of_repeated_frames_has() -> None:
    for seed in range(12):
        generator = np.random.default_rng(seed)
        walk = generator.normal(0, 0.1, (600, 2)).cumsum(0)
        noise = generator.normal(0, 0.003, (3, 1200, 1, 2))
        assert abs(find_rhythm(walk[None, :300, None] + noise[:, :300]).z) < 6
        assert abs(find_rhythm(np.repeat(walk, 2, axis=0)[None, :, None] + noise).z) > 6
