from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.cleaning import body_length, fill_gaps, remove_outliers, resample
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare, prepare_all
from ssl_behavior.recordings.individuals import select_individuals
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
NAN = np.nan
PLAIN = Preparation(30.0)


def line(*x: float) -> np.ndarray:
    """(time, 1, 1, 2): one keypoint of one animal at (x, 0)."""
    values = np.array(x, np.float32)[:, None, None]
    return np.stack([values, np.where(np.isnan(values), NAN, 0)], -1)


def x_of(values: np.ndarray) -> np.ndarray:
    return values[:, 0, 0, 0]


def resampled(positions: np.ndarray, rate: float, to_rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``resample`` without anything filled in."""
    return resample(positions, ~np.isnan(positions[..., 0]), rate, to_rate)


@pytest.mark.parametrize(
    ("values", "longest", "filled"),
    [
        ([0, NAN, NAN, 3], 2, [0, 1, 2, 3]),
        ([0, NAN, NAN, 3], 1, [0, NAN, NAN, 3]),
        ([NAN, 1, NAN, 2, NAN, NAN], 2, [NAN, 1, 1.5, 2, NAN, NAN]),
        ([0, NAN, 2, NAN, NAN, NAN, 6], 2, [0, 1, 2, NAN, NAN, NAN, 6]),
        ([0, NAN, 2], 0, [0, NAN, 2]),
        ([NAN, NAN], 5, [NAN, NAN]),
    ],
)
def test_gaps_up_to_a_length_are_filled(values: list[float], longest: int, filled: list[float]) -> None:
    np.testing.assert_allclose(x_of(fill_gaps(line(*values), longest)), filled)


def test_gaps_are_filled_from_the_same_keypoint_only() -> None:
    two = np.concatenate([line(0, NAN, 4), line(NAN, 7, NAN)], axis=1)
    np.testing.assert_allclose(fill_gaps(two, 3)[:, :, 0, 0], [[0, NAN], [2, 7], [4, NAN]])


def test_a_spike_is_an_outlier_and_a_jump_that_stays_is_not() -> None:
    np.testing.assert_allclose(x_of(remove_outliers(line(0, 0.1, 5, 0.2, 0.3))), [0, 0.1, NAN, 0.2, 0.3])
    for moved in ([0, 0, 5, 5, 5], [0, 0.4, 0.8, 0.4, 0]):
        np.testing.assert_allclose(x_of(remove_outliers(line(*moved))), moved)


def test_a_point_no_body_can_reach_is_an_outlier() -> None:
    body = np.zeros((1, 1, 5, 2), np.float32)
    body[0, 0, :, 0] = [0, 0.2, 0.5, 1, 9]
    np.testing.assert_allclose(remove_outliers(body)[0, 0, :, 0], [0, 0.2, 0.5, 1, NAN])


@pytest.mark.parametrize(("rate", "frames"), [(60.0, 100), (25.0, 240), (15.0, 100), (29.97, 300), (120.0, 7)])
def test_resampling_keeps_steady_motion_steady(rate: float, frames: int) -> None:
    positions, seen, native = resampled(line(*np.arange(frames)), rate, 30.0)
    x = x_of(positions)
    assert len(x) == len(seen) == len(native)
    np.testing.assert_allclose(x, np.arange(len(x)) * rate / 30, rtol=1e-5, atol=1e-4)
    assert x[-1] <= frames - 1 < x[-1] + rate / 30 + 1e-3
    assert seen.all()
    assert np.abs(native - x).max() <= 0.501


def test_a_new_frame_between_seen_and_unseen_is_unseen() -> None:
    positions, seen, _ = resampled(line(0, 1, NAN, 3, 4, 5), 60.0, 120.0)
    at = np.arange(11) / 2
    np.testing.assert_array_equal(seen[:, 0, 0], (at <= 1) | (at >= 3))
    assert not np.isnan(positions[seen]).any()


def test_a_new_frame_on_a_seen_frame_is_seen() -> None:
    positions, seen, _ = resampled(line(0, NAN, 2, NAN, 4), 60.0, 30.0)
    assert x_of(positions).tolist() == [0, 2, 4]
    assert seen.all()


def test_a_new_frame_beside_a_filled_one_is_known_and_unseen() -> None:
    filled = fill_gaps(line(0, 1, NAN, 3, 4), 1)
    positions, seen, _ = resample(filled, np.array([1, 1, 0, 1, 1], bool)[:, None, None], 60.0, 120.0)
    np.testing.assert_allclose(x_of(positions), np.arange(9) / 2)
    assert np.flatnonzero(~seen[:, 0, 0]).tolist() == [3, 4, 5]


def test_a_point_seen_between_the_new_frames_counts(walk: Callable[..., Recording]) -> None:
    # At 60 Hz, the animal runs back and forth; what is seen at its turning point lies between two frames at 30 Hz.
    centres = np.zeros((41, 2, 2))
    centres[:, 0, 0] = 0.02 * (20 - np.abs(np.arange(41) - 21))
    recording = walk(centres, frame_rate=60.0)
    positions = recording.positions.copy()
    positions[[*range(12, 21), *range(22, 31)], 0] = np.nan  # frame 21 alone is seen
    poses = prepare(replace(recording, positions=positions), MICE, PLAIN)
    at = MICE.index("centre")
    np.testing.assert_allclose(poses.positions[:, 0, at, 0] * poses.body_length, centres[::2, 0, 0], atol=1e-5)
    assert not poses.seen[6:15, 0, at].any()


def test_half_way_between_two_frames_the_later_one_is_nearest(walk: Callable[..., Recording]) -> None:
    # A rule that rounds to even would hold one frame for three native ones, and the next for one.
    poses = prepare(walk(np.zeros((12, 2, 2)), frame_rate=60.0), MICE, PLAIN)
    assert poses.to_native(np.arange(6)).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
    slow = prepare(walk(np.zeros((6, 2, 2)), frame_rate=15.0), MICE, PLAIN)
    assert slow.native_frames.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_same_rate_changes_nothing() -> None:
    values = line(0, 3, NAN, 1)
    positions, seen, native = resampled(values, 30.0, 30.0)
    np.testing.assert_array_equal(positions, values)
    assert native.tolist() == [0, 1, 2, 3]
    assert seen[:, 0, 0].tolist() == [True, True, False, True]


@pytest.mark.parametrize("rate", [25.0, 30.0, 60.0])
def test_values_come_back_at_the_recordings_own_frames(rate: float, walk: Callable[..., Recording]) -> None:
    poses = prepare(walk(np.zeros((200, 2, 2)), frame_rate=rate), MICE, PLAIN)
    seconds = np.arange(len(poses.positions))[:, None] / 30
    np.testing.assert_allclose(poses.to_native(seconds)[:-2], np.arange(198)[:, None] / rate, atol=1e-5)


@pytest.mark.parametrize(
    ("points", "length"),
    [
        ({"head": (40, 0), "tail base": (0, 0), "nose": (60, 0)}, 40),
        ({"neck": (0, 45), "tail base": (0, 0)}, 50),
        ({"nose": (81, 0), "tail base": (0, 108)}, 100),
        ({"left side": (0, 0), "right side": (3, 4)}, 5),
        ({"centre": (7, 7)}, 1),
    ],
)
def test_body_length(points: dict[str, tuple[float, float]], length: float) -> None:
    positions = np.tile(np.array(list(points.values()), np.float32), (3, 2, 1, 1))
    assert body_length(positions, tuple(points)) == pytest.approx(length)


def same(one: Poses, other: Poses, atol: float = 0.0) -> None:
    for field in ("positions", "centre", "heading"):
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=0, atol=atol, err_msg=field)
    np.testing.assert_array_equal(one.seen, other.seen)


def test_unit_does_not_matter(wander: Callable[..., Recording]) -> None:
    recording = wander()
    bigger = prepare(replace(recording, positions=recording.positions * 47), MICE, PLAIN)
    same(prepare(recording, MICE, PLAIN), bigger, atol=1e-4)
    assert bigger.body_length == pytest.approx(47 * prepare(recording, MICE, PLAIN).body_length)


def test_values_at_unseen_keypoints_do_not_matter(wander: Callable[..., Recording]) -> None:
    recording, rng = wander(gaps=0.0), np.random.default_rng(0)
    unsure = rng.random(recording.positions.shape[:3]) < 0.4
    confidence = np.where(unsure, 0.05, 0.9).astype(np.float32)
    plain = prepare(replace(recording, confidence=confidence), MICE, PLAIN)
    for value in (0.0, 1e6, NAN, np.inf):
        positions = np.where(unsure[..., None], np.float32(value), recording.positions)
        same(prepare(replace(recording, positions=positions, confidence=confidence), MICE, PLAIN), plain)
    assert (plain.seen == ~unsure).all()


def test_a_position_without_one_coordinate_is_unknown(wander: Callable[..., Recording]) -> None:
    recording = wander(gaps=0.0)
    positions = recording.positions.copy()
    positions[10:12, 0, 0, 1] = NAN
    poses = prepare(replace(recording, positions=positions), MICE, Preparation(30.0, max_gap=0))
    assert np.isnan(poses.positions[10:12, 0, 0]).all()
    assert not poses.seen[10:12, 0, 0].any()


def test_centre_and_heading_on_paper(walk: Callable[..., Recording]) -> None:
    centres = np.stack([np.full((40, 2), 2.0), np.full((40, 2), -1.0)], 1)
    angles = np.stack([np.linspace(0, 2, 40), np.full(40, np.pi / 2)], 1)
    poses = prepare(walk(centres, angles), MICE, PLAIN)
    np.testing.assert_allclose(poses.centre * poses.body_length, centres, atol=1e-5)
    np.testing.assert_allclose(poses.heading, np.stack([np.cos(angles), np.sin(angles)], -1), atol=1e-4)


@pytest.mark.parametrize(
    "keypoints", [("nose", "centre"), ("left ear", "right ear", "tail base"), ("centre", "tail base")]
)
def test_any_front_and_rear_give_the_heading(keypoints: tuple[str, ...], walk: Callable[..., Recording]) -> None:
    poses = prepare(walk(np.zeros((40, 1, 2)), 0.7, keypoints), keypoints, PLAIN)
    np.testing.assert_allclose(poses.heading[:, 0], np.tile([np.cos(0.7), np.sin(0.7)], (40, 1)), atol=1e-4)


def test_one_keypoint_has_no_heading(walk: Callable[..., Recording]) -> None:
    with pytest.raises(InputError, match=r"front of the body.*--skeleton"):
        prepare(walk(np.zeros((40, 2, 2)), 0.7, ("centre",)), ("centre",), PLAIN)


@pytest.mark.parametrize(("individuals", "pairs"), [(1, 1), (2, 2), (3, 6), (4, 12)])
def test_ordered_pairs(individuals: int, pairs: int, wander: Callable[..., Recording]) -> None:
    ordered = prepare(wander(individuals=individuals), MICE, PLAIN).pairs()
    assert len(set(ordered)) == len(ordered) == pairs
    assert ordered == [(0, 0)] if individuals == 1 else all(agent != target for agent, target in ordered)


def test_a_third_dimension_is_refused(wander: Callable[..., Recording]) -> None:
    recording = wander()
    deep = replace(
        recording, positions=np.concatenate([recording.positions, np.ones_like(recording.positions[..., :1])], -1)
    )
    with pytest.raises(InputError, match=r"in the plane.*3 coordinates"):
        prepare(deep, MICE, PLAIN)


def test_an_animal_that_is_never_seen_is_named(wander: Callable[..., Recording]) -> None:
    recording = wander(gaps=0.0)
    positions = recording.positions.copy()
    positions[:, 1] = NAN
    with pytest.raises(InputError, match=f"none of {recording.individuals[1]} in any frame"):
        prepare(replace(recording, positions=positions), MICE, PLAIN)


def test_an_animal_without_confident_keypoints_does_not_stop_the_others(
    wander: Callable[..., Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    recording = wander(individuals=3, gaps=0.0)
    confidence = np.ones(recording.positions.shape[:3], np.float32)
    confidence[:, 1] = 0.05
    recording = replace(recording, confidence=confidence)
    (poses,) = prepare_all([recording], MICE, PLAIN)
    assert poses.individuals == ("mouse0", "mouse2")
    assert "mouse1 is never seen with a confidence of at least 0.1, and left out" in capsys.readouterr().out
    alone = prepare_all([select_individuals(recording, ("mouse0", "mouse2"))], MICE, PLAIN)[0]
    np.testing.assert_array_equal(poses.positions, alone.positions)
    with pytest.raises(InputError, match=r"none of mouse1 .*: choose the others with --individuals mouse0,mouse2"):
        prepare(recording, MICE, PLAIN)
    labels = {"S1": Labels(("a", "b"), np.zeros(recording.frames, np.int16), ("mouse0", "mouse1"))}
    with pytest.raises(InputError, match="none of mouse1"):  # what it does to mouse1 cannot be learnt
        prepare_all([recording.with_labels(labels)], MICE, PLAIN)


def test_a_recording_without_keypoints_is_an_error_or_skipped(
    wander: Callable[..., Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    recording = wander()
    unseen = replace(recording, id="dark", positions=np.full_like(recording.positions, NAN))
    with pytest.raises(InputError, match="dark"):
        prepare_all([recording, unseen], MICE, PLAIN)
    assert [poses.id for poses in prepare_all([recording, unseen], MICE, PLAIN, skip_bad=True)] == [recording.id]
    assert "skipped" in capsys.readouterr().out
    with pytest.raises(InputError, match="none of 1"):
        prepare_all([unseen], MICE, PLAIN, skip_bad=True)


def test_poses_of_one_frame(wander: Callable[..., Recording]) -> None:
    recording = wander(gaps=0.0)
    poses = prepare(replace(recording, positions=recording.positions[:1]), MICE, PLAIN)
    assert poses.positions.shape == (1, 2, 5, 2)


@pytest.mark.parametrize("changed", [{"frame_rate": 15.0}, {"min_confidence": 0.6}, {"max_gap": 0.02}])
def test_every_setting_matters(changed: dict[str, float], wander: Callable[..., Recording]) -> None:
    recording, rng = wander(gaps=0.3), np.random.default_rng(0)
    recording = replace(recording, confidence=rng.random(recording.positions.shape[:3]).astype(np.float32))
    usual, other = (prepare(recording, MICE, settings) for settings in (PLAIN, replace(PLAIN, **changed)))
    known = [~np.isnan(poses.positions[..., 0]) for poses in (usual, other)]
    assert known[0].shape != known[1].shape or (known[0] != known[1]).any()


@pytest.mark.real
def test_calms21_through_the_landmarks_of_the_dyads(shared_data: Callable[[str], Path]) -> None:
    recording = read_recordings(shared_data("calms21/mouse083_task1_annotator1_alt.csv.gz"), notify=str)[0]
    landmarks = ("head", "centre", "tail base", "tail middle", "tail tip")
    poses = prepare(recording, landmarks, PLAIN)
    known = ~np.isnan(poses.positions[..., 0])
    assert (known.mean((0, 1))[:3] > 0.9).all()
    assert not known[:, :, 3:].any()
    along = ((poses.positions[:, :, 0] - poses.positions[:, :, 2]) * poses.heading).sum(-1)
    assert np.nanmedian(along) == pytest.approx(1, abs=0.1)


def test_skeleton_of_other_names(walk: Callable[..., Recording]) -> None:
    recording = walk(np.zeros((40, 2, 2)), 0.3)
    strange = Skeleton(tuple("abcde"), landmarks=dict(zip("abcde", MICE, strict=True)))
    same(prepare(replace(recording, skeleton=strange), MICE, PLAIN), prepare(recording, MICE, PLAIN))


def test_coordinates_that_stand_for_unseen_keypoints_are_refused(wander: Callable[..., Recording]) -> None:
    positions = wander().positions.copy()
    positions[5, 0, 0] = 9.96921e36  # netCDF's number for a missing value
    with pytest.raises(InputError, match=r"coordinates of at most 1e\+09; found 9.96921e\+36 in 'wander0': .*NaN"):
        prepare(replace(wander(), positions=positions), MICE, PLAIN)
    positions[5, 0, 0] = NAN
    prepare(replace(wander(), positions=positions), MICE, PLAIN)


@pytest.mark.parametrize("scale", [100.0, -1.0])
def test_confidences_that_are_not_from_0_to_1_are_refused(scale: float, wander: Callable[..., Recording]) -> None:
    confidence = np.full(wander().positions.shape[:3], 0.9, np.float32)
    prepare(replace(wander(), confidence=confidence), MICE, PLAIN)
    with pytest.raises(InputError, match="expected confidences from 0 to 1; found"):
        prepare(replace(wander(), confidence=confidence * scale), MICE, PLAIN)
