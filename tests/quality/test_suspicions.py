"""Silent errors are seen, and sound recordings are not suspected."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.identity_swaps import find_swaps
from ssl_behavior.quality.label_shifts import best_shift, explained_by_shift
from ssl_behavior.quality.rules import check_against_others, check_alone
from ssl_behavior.quality.suspicions import QualityInput, find_suspicions
from ssl_behavior.quality.vitals import Vitals, measure_vitals, median_vitals
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
    return [measure_vitals(poses_of(recording), LANDMARKS) for recording in recordings]


def poses_of(recording: Recording) -> Poses:
    return prepare(recording, LANDMARKS, Preparation())


def moved(recording: Recording, positions: np.ndarray) -> Recording:
    return replace(recording, positions=positions, content_hash=None)


def kinds(recording: Recording, measured: Sequence[Vitals]) -> set[str]:
    """Kinds of suspicion of the first recording, without exchanges, which the simulated tracker makes too."""
    poses = poses_of(recording)
    labels = recording.labels[CHANNEL].values[poses.native_frames]
    quality_input = QualityInput(poses, recording, labels)
    suspicions = find_suspicions(quality_input, measure_vitals(poses, LANDMARKS), measured[1:])
    return {suspicion.kind for suspicion in suspicions} - {"exchanged"}


def test_sound_recordings_are_not_suspected(recordings: list[Recording], measured: list[Vitals]) -> None:
    for i, recording in enumerate(recordings):
        assert kinds(recording, [measured[i], *measured[:i], *measured[i + 1 :]]) == set()


def mirrored(recording: Recording) -> Recording:
    return moved(recording, recording.positions * np.float32([-1, 1]) + np.float32([1024, 0]))


def with_names_reversed(recording: Recording) -> Recording:
    opposite = {"nose": "tail_base", "tail_base": "nose", "neck": "left_hip", "left_hip": "neck"}
    names = tuple(opposite.get(name, name) for name in recording.skeleton.keypoints)
    return replace(recording, skeleton=Skeleton(names, landmarks=recording.skeleton.landmarks))


def with_sides_exchanged_at_first(recording: Recording) -> Recording:
    positions, names = recording.positions.copy(), recording.skeleton.keypoints
    sides = {"left": "right", "right": "left"}
    exchanged = ["_".join(sides.get(word, word) for word in name.split("_")) for name in names]
    positions[:4500] = positions[:4500][:, :, [names.index(name) for name in exchanged]]
    return moved(recording, positions)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (mirrored, {"mirrored"}),
        (lambda recording: moved(recording, recording.positions[..., ::-1]), {"turned", "mirrored"}),
        (lambda recording: moved(recording, recording.positions * np.float32(10)), {"size"}),
        (with_sides_exchanged_at_first, {"sides mixed"}),
    ],
)
def test_an_error_in_a_whole_recording_is_named(
    fault: Callable[[Recording], Recording], expected: set[str], recordings: list[Recording], measured: list[Vitals]
) -> None:
    assert kinds(fault(recordings[0]), measured) == expected


def test_keypoints_named_from_tail_to_nose_make_animals_move_backwards(
    recordings: list[Recording], measured: list[Vitals]
) -> None:
    assert "backwards" in kinds(with_names_reversed(recordings[0]), measured)
    assert measure_vitals(poses_of(with_names_reversed(recordings[0])), LANDMARKS).forward < 0 < measured[0].forward


def test_a_body_longer_than_any_rat_is_suspicious(recordings: list[Recording]) -> None:
    in_mm = replace(moved(recordings[0], recordings[0].positions * np.float32(0.6)), unit="mm")
    assert [*check_alone("a", measure_vitals(poses_of(in_mm), LANDMARKS), "mm")] == []
    larger = measure_vitals(poses_of(moved(in_mm, in_mm.positions * np.float32(10))), LANDMARKS)
    (suspicion,) = check_alone("a", larger, "mm")
    assert (suspicion.kind, suspicion.video) == ("size", "a")
    assert "expected 40 to 160" in suspicion.evidence


def test_an_exchange_of_identities_is_dated_and_a_slip_is_not(walk: Callable[..., Recording]) -> None:
    time = np.arange(600.0) / RATE
    centres = np.stack([np.stack([time, 0 * time], -1), np.stack([time, 0 * time + 3], -1)], 1)
    assert find_swaps(prepare(walk(centres), ("centre", "nose"), Preparation())) == []
    centres[300:] = centres[300:, ::-1]
    (frame,) = find_swaps(prepare(walk(centres), ("centre", "nose"), Preparation()))
    assert abs(frame - 300) <= 6
    centres[330:] = centres[330:, ::-1]  # taken back a second later: a slip of the tracker
    assert find_swaps(prepare(walk(centres), ("centre", "nose"), Preparation())) == []


@pytest.mark.parametrize("late", [-60, 0, 45, 120])
def test_the_delay_of_labels_is_estimated(late: int, recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    labels = np.roll(recordings[0].labels[CHANNEL].values, late)[poses.native_frames]
    assert best_shift(poses, labels) == pytest.approx(late / RATE, abs=0.3)


def test_random_labels_have_no_shift(recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    labels = np.random.default_rng(0).integers(0, 3, len(poses.positions))
    assert best_shift(poses, labels) is None
    assert best_shift(poses, np.full(len(labels), -1)) is None
    assert explained_by_shift(poses, labels).max() < 0.02


@pytest.mark.parametrize(
    ("factor", "others", "spread", "is_suspicious"),
    [
        (1.5, 40, 0.02, True),
        (1.5, 3, 0.02, False),
        (1.5, 40, 0.3, False),
        (0.6, 40, 0.02, True),
        (1.1, 40, 0.02, False),
    ],
)
def test_a_speed_is_suspicious_beside_many_that_agree(
    factor: float, others: int, spread: float, is_suspicious: bool, measured: list[Vitals]
) -> None:
    logs = np.linspace(-1, 1, others) * spread
    beside = [replace(measured[0], speed=2 * np.exp(x)) for x in logs]
    suspicions = check_against_others("a", replace(measured[0], speed=2 * factor), beside)
    assert [suspicion.kind for suspicion in suspicions] == ["frame rate"] * is_suspicious


def test_animals_that_never_move_are_compared_without_an_error(measured: list[Vitals]) -> None:
    still = replace(measured[0], speed=0.0)
    assert [*check_against_others("a", still, measured)] == [*check_against_others("a", measured[0], [still] * 4)] == []


def test_medians_leave_out_what_is_not_measured() -> None:
    def vitals_with(speed: float, left: float, **proportions: float) -> Vitals:
        return Vitals(10.0, (0.0, 0.0, 5.0, 5.0), speed, 0.5, left, proportions)

    vitals = median_vitals(
        [vitals_with(1.0, np.nan, nose=1.0), vitals_with(2.0, np.nan, nose=2.0), vitals_with(9.0, np.nan, tail=4.0)]
    )
    assert (vitals.speed, vitals.body_length, vitals.proportions) == (2.0, 10.0, {"nose": 1.5, "tail": 4.0})
    assert np.isnan(vitals.left)


def test_sides_are_read_from_any_spelling_of_a_landmark(recordings: list[Recording], measured: list[Vitals]) -> None:
    spelled = tuple(name.replace("left ", "L_").replace("right ", "Right_") for name in LANDMARKS)
    assert "L_ear" in spelled
    assert measure_vitals(poses_of(recordings[0]), spelled).left == measured[0].left > 0.9


def test_half_a_second_is_no_suspicious_shift_of_a_lone_animals_labels(recordings: list[Recording]) -> None:
    alone = Recording("a", recordings[0].positions[:, :1], ("mouse",), recordings[0].skeleton, RATE)
    poses = poses_of(alone)
    speed = np.linalg.norm(np.nan_to_num(np.diff(poses.centre[:, 0], axis=0, prepend=0)), axis=1)
    is_fast = (np.convolve(speed, np.ones(7), "same") > np.median(speed) * 7).astype(int)
    for late, is_suspicious in ((9, False), (18, True)):  # 0.6 and 1.2 s
        quality_input = QualityInput(poses, alone, np.roll(is_fast, late))
        suspicions = find_suspicions(quality_input, measure_vitals(poses, LANDMARKS), ())
        # Without its partner, a track that the simulated tracker exchanged for a while is one that jumps.
        assert {one.kind for one in suspicions} - {"jump"} == ({"shifted labels"} if is_suspicious else set())
