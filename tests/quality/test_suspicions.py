"""Faults that no error tells of are seen, and what is sound is not suspected."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.identity_swaps import exchanges
from ssl_behavior.quality.label_shifts import best_shift, told_by_shift
from ssl_behavior.quality.suspicions import QualityInput, impossible, suspicions, unlike
from ssl_behavior.quality.vitals import Vitals, median, vitals
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings

LANDMARKS = shared_landmarks([SKELETON])
RATE = 30.0


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate_recordings(5, seed=0, frames=9000)


@pytest.fixture(scope="module")
def measured(recordings: list[Recording]) -> list[Vitals]:
    return [vitals(poses_of(one), LANDMARKS) for one in recordings]


def poses_of(recording: Recording) -> Poses:
    return prepare(recording, LANDMARKS, Preparation())


def moved(one: Recording, positions: np.ndarray) -> Recording:
    return replace(one, positions=positions, content_hash=None)


def kinds(one: Recording, measured: Sequence[Vitals]) -> set[str]:
    """What is suspected of the first recording beside the others, but exchanges: the simulated tracker makes some."""
    poses = poses_of(one)
    labels = one.labels[CHANNEL].values[poses.native_frames]
    found = suspicions(QualityInput(poses, one.unit, labels), vitals(poses, LANDMARKS), measured[1:])
    return {suspicion.kind for suspicion in found} - {"exchanged"}


def test_nothing_is_suspected_of_sound_recordings(recordings: list[Recording], measured: list[Vitals]) -> None:
    for place, one in enumerate(recordings):
        assert kinds(one, [measured[place], *measured[:place], *measured[place + 1 :]]) == set()


def mirrored(one: Recording) -> Recording:
    return moved(one, one.positions * np.float32([-1, 1]) + np.float32([1024, 0]))


def turned_round(one: Recording) -> Recording:
    other = {"nose": "tail_base", "tail_base": "nose", "neck": "left_hip", "left_hip": "neck"}
    names = tuple(other.get(name, name) for name in one.skeleton.keypoints)
    return replace(one, skeleton=Skeleton(names, landmarks=one.skeleton.landmarks))


def sides_mixed(one: Recording) -> Recording:
    positions, names = one.positions.copy(), one.skeleton.keypoints
    sides = {"left": "right", "right": "left"}
    other = ["_".join(sides.get(word, word) for word in name.split("_")) for name in names]
    positions[:4500] = positions[:4500][:, :, [names.index(name) for name in other]]
    return moved(one, positions)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (mirrored, {"mirrored"}),
        (lambda one: moved(one, one.positions[..., ::-1]), {"turned", "mirrored"}),
        (lambda one: moved(one, one.positions * np.float32(10)), {"size"}),
        (sides_mixed, {"sides mixed"}),
    ],
)
def test_faults_of_a_whole_recording_are_named(
    fault: Callable[[Recording], Recording], expected: set[str], recordings: list[Recording], measured: list[Vitals]
) -> None:
    assert kinds(fault(recordings[0]), measured) == expected


def test_names_from_back_to_front_are_named(recordings: list[Recording], measured: list[Vitals]) -> None:
    assert "backwards" in kinds(turned_round(recordings[0]), measured)
    assert vitals(poses_of(turned_round(recordings[0])), LANDMARKS).forward < 0 < measured[0].forward


def test_a_size_that_no_mouse_has(recordings: list[Recording]) -> None:
    in_mm = replace(moved(recordings[0], recordings[0].positions * np.float32(0.6)), unit="mm")
    assert [*impossible("a", vitals(poses_of(in_mm), LANDMARKS), "mm")] == []
    larger = vitals(poses_of(moved(in_mm, in_mm.positions * np.float32(10))), LANDMARKS)
    (found,) = impossible("a", larger, "mm")
    assert (found.kind, found.video) == ("size", "a")
    assert "expected 40 to 160" in found.told


def test_an_exchange_is_named_by_its_frame(walk: Callable[..., Recording]) -> None:
    time = np.arange(600.0) / RATE
    centres = np.stack([np.stack([time, 0 * time], -1), np.stack([time, 0 * time + 3], -1)], 1)
    kept = prepare(walk(centres), ("centre", "nose"), Preparation())
    assert exchanges(kept) == []
    centres[300:] = centres[300:, ::-1]
    (at,) = exchanges(prepare(walk(centres), ("centre", "nose"), Preparation()))
    assert abs(at - 300) <= 6
    centres[330:] = centres[330:, ::-1]  # a second later taken back: a slip of the tracker
    assert exchanges(prepare(walk(centres), ("centre", "nose"), Preparation())) == []


@pytest.mark.parametrize("late", [-60, 0, 45, 120])
def test_labels_are_told_to_come_late_by_what_they_do(late: int, recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    labels = np.roll(recordings[0].labels[CHANNEL].values, late)[poses.native_frames]
    assert best_shift(poses, labels) == pytest.approx(late / RATE, abs=0.3)


def test_of_random_labels_no_shift_is_told(recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    labels = np.random.default_rng(0).integers(0, 3, len(poses.positions))
    assert best_shift(poses, labels) is None
    assert best_shift(poses, np.full(len(labels), -1)) is None
    assert told_by_shift(poses, labels).max() < 0.02


@pytest.mark.parametrize(
    ("factor", "others", "apart", "named"),
    [
        (1.5, 40, 0.02, True),
        (1.5, 3, 0.02, False),
        (1.5, 40, 0.3, False),
        (0.6, 40, 0.02, True),
        (1.1, 40, 0.02, False),
    ],
)
def test_a_speed_is_odd_beside_many_that_are_alike(
    factor: float, others: int, apart: float, named: bool, measured: list[Vitals]
) -> None:
    logs = np.linspace(-1, 1, others) * apart
    beside = [replace(measured[0], speed=2 * np.exp(x)) for x in logs]
    found = [*unlike("a", replace(measured[0], speed=2 * factor), beside)]
    assert [one.kind for one in found] == ["frame rate"] * named


def test_animals_that_never_move_are_compared_all_the_same(measured: list[Vitals]) -> None:
    still = replace(measured[0], speed=0.0)
    assert [*unlike("a", still, measured)] == [*unlike("a", measured[0], [still] * 4)] == []


def test_what_is_usual_is_the_median_of_what_is_known() -> None:
    def one(speed: float, left: float, **away: float) -> Vitals:
        return Vitals(10.0, (0.0, 0.0, 5.0, 5.0), speed, 0.5, left, away)

    found = median([one(1.0, np.nan, nose=1.0), one(2.0, np.nan, nose=2.0), one(9.0, np.nan, tail=4.0)])
    assert (found.speed, found.body_length, found.proportions) == (2.0, 10.0, {"nose": 1.5, "tail": 4.0})
    assert np.isnan(found.left)
