import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.expert_features import (
    WINDOWS_S,
    expert_feature_chunks,
    expert_feature_names,
    expert_features,
    swap_roles,
)
from ssl_behavior.poses.landmarks import mirror, shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
RATE = 30.0


def in_own_unit(recording: Recording, landmarks: tuple[str, ...] = MICE, rate: float = RATE) -> Poses:
    """Poses in the unit of the positions, for which the answers are known."""
    poses = prepare(recording, landmarks, Preparation(rate))
    return replace(poses, positions=poses.positions * poses.body_length, centre=poses.centre * poses.body_length)


def named(poses: Poses, pair: tuple[int, int] = (0, 1), landmarks: tuple[str, ...] = MICE) -> dict[str, np.ndarray]:
    return dict(zip(expert_feature_names(landmarks), expert_features(poses, pair).T, strict=True))


@pytest.fixture
def poses(wander: Callable[..., Recording]) -> Poses:
    """Two mice with gaps that are too long to be filled."""
    whole = in_own_unit(wander(3, frames=400))
    positions, rng = whole.positions.copy(), np.random.default_rng(0)
    positions[rng.random(positions.shape[:3]) < 0.1] = np.nan
    return replace(whole, positions=positions)


@pytest.mark.parametrize("landmarks", [("nose", "tail base"), MICE])
@pytest.mark.parametrize("frames", [1, 7, 300])
def test_names_are_those_of_the_columns(
    frames: int, landmarks: tuple[str, ...], wander: Callable[..., Recording]
) -> None:
    whole = prepare(wander(frames=300), landmarks, Preparation(RATE))
    parts = {name: getattr(whole, name)[:frames] for name in ("positions", "seen", "centre", "heading")}
    columns, names = expert_features(replace(whole, **parts), (0, 1)), expert_feature_names(landmarks)
    assert columns.shape == (frames, len(names))
    assert columns.dtype == np.float32
    assert len(set(names)) == len(names)
    assert not np.isinf(columns).any()


def test_known_answers_of_uniform_motion(walk: Callable[..., Recording]) -> None:
    # The agent walks along y at 0.6 and faces along y; the target stands at (3, 0), faces -x.
    time = np.arange(600) / RATE
    centres = np.zeros((600, 2, 2))
    centres[:, 0, 1], centres[:, 1, 0] = 0.6 * (time - time[300]), 3
    angles = np.broadcast_to([np.pi / 2, np.pi], (600, 2))
    columns = named(in_own_unit(walk(centres, angles)))
    expected = {
        "distance nose of agent to tail base of target": math.hypot(3.5, 0.7),
        "least distance": math.hypot(2.2, 0.5),  # right ear to nose
        "distance of centres": 3,
        "change of distance of centres": 0,
        "relative heading: cos": 0,
        "agent speed of centre over 0.067 s": 0.6,
        "agent speed of centre over 0.5 s": 0.6,
        "agent speed of nose": 0.6,
        "target speed of nose": 0,
        "agent turning speed": 0,
        "agent forward speed": 0.6,
        "agent speed towards the other": 0,
        "agent bearing of the other: cos": 0,
        "target bearing of the other: cos": 1,
        "agent nose ahead of centre": 0.7,
        "agent tail base ahead of centre": -0.5,
        "agent left ear aside of centre": 0.1,
        "agent right ear aside of centre": 0.1,
        "agent nose seen": 1,
        "agent share of keypoints seen": 1,
        "mean over 1.5 s: agent forward speed": 0.6,
        "spread over 4 s: agent forward speed": 0,
        "mean over 4 s: distance of centres": np.hypot(3, 0.6 * np.arange(-120, 121) / RATE).mean(),
        "spread over 0.5 s: distance of centres": np.hypot(3, 0.6 * np.arange(-15, 16) / RATE).std(),
    }
    for name, value in expected.items():
        assert float(columns[name][300]) == pytest.approx(value, abs=2e-3), name


def test_known_turning_speed(walk: Callable[..., Recording]) -> None:
    turning = np.stack([1.5 * np.arange(60) / RATE, -4.0 * np.arange(60) / RATE], 1)
    columns = named(in_own_unit(walk(np.zeros((60, 2, 2)), turning)))
    for who, speed in (("agent", 1.5), ("target", 4.0)):
        np.testing.assert_allclose(columns[f"{who} turning speed"][5:-5], speed, rtol=1e-3)
        assert np.isnan(columns[f"{who} turning speed"][:5]).all()
    assert np.isnan(columns["agent bearing of the other: cos"]).all()  # both centres coincide


def test_frame_rate_does_not_matter(walk: Callable[..., Recording]) -> None:
    columns = []
    for rate in (15.0, 60.0):
        time = np.arange(round(20 * rate)) / rate
        centres = np.zeros((len(time), 2, 2))
        centres[:, 0] = np.stack([np.sin(time), np.cos(time)], 1)
        columns.append(
            expert_features(in_own_unit(walk(centres, frame_rate=rate), rate=rate), (0, 1))[round(10 * rate)]
        )
    np.testing.assert_allclose(columns[0], columns[1], atol=0.05)


def moved(poses: Poses, angle: float, shift: tuple[float, float], mirrored: bool = False) -> Poses:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turn = (np.diag([1, -1]) if mirrored else np.eye(2)) @ turn
    order = mirror(MICE) if mirrored else list(range(len(MICE)))
    positions = (poses.positions[:, :, order] @ turn + shift).astype(np.float32)
    centre, heading = (poses.centre @ turn + shift).astype(np.float32), (poses.heading @ turn).astype(np.float32)
    return replace(poses, positions=positions, centre=centre, heading=heading, seen=poses.seen[:, :, order])


def test_moving_and_turning_the_arena_changes_nothing(poses: Poses) -> None:
    expected = expert_features(poses, (0, 1))
    # Speeds carry the rounding of far positions times the frame rate.
    np.testing.assert_allclose(expert_features(moved(poses, 2.0, (7, -4)), (0, 1)), expected, atol=1e-3)


def test_mirroring_the_arena_changes_sides_only(poses: Poses) -> None:
    names, swap = expert_feature_names(MICE), {"left": "right", "right": "left"}
    order = [names.index(re.sub("left|right", lambda match: swap[match[0]], name)) for name in names]
    expected = expert_features(poses, (0, 1))[:, order]
    np.testing.assert_allclose(expert_features(moved(poses, 0.0, (0, 0), True), (0, 1)), expected, atol=1e-3)


def test_the_reverse_pair_has_the_same_features_with_roles_swapped(poses: Poses) -> None:
    names, swap = expert_feature_names(MICE), {"agent": "target", "target": "agent"}

    def with_roles_swapped(name: str) -> str:
        name = re.sub(r"\b(agent|target)\b", lambda match: swap[match[0]], name)
        return re.sub(r"distance (.*) of target to (.*) of agent$", r"distance \2 of agent to \1 of target", name)

    order = [names.index(with_roles_swapped(name)) for name in names]
    assert sorted(order) == list(range(len(names)))
    np.testing.assert_array_equal(expert_features(poses, (1, 0)), expert_features(poses, (0, 1))[:, order])
    features, reverse = expert_features(poses, (0, 1)), expert_features(poses, (1, 0))
    np.testing.assert_array_equal(swap_roles(features, len(MICE)), reverse)


def test_unknown_values_spread_no_further_than_the_windows(wander: Callable[..., Recording]) -> None:
    whole = in_own_unit(wander(3, frames=500, gaps=0.0))
    positions, seen = whole.positions.copy(), whole.seen.copy()
    positions[200:203, 0, 0], seen[200:203, 0, 0] = np.nan, False
    before, after = named(whole), named(replace(whole, positions=positions, seen=seen))
    unknown = {name: set(np.flatnonzero(np.isnan(after[name]) & ~np.isnan(before[name]))) for name in before}
    assert unknown["distance nose of agent to centre of target"] == {200, 201, 202}
    assert unknown["agent nose ahead of centre"] == {200, 201, 202}
    assert unknown["agent speed of nose"] == {198, 199, 200, 202, 203, 204}  # 2 frames before and after are compared
    assert unknown["least distance"] == unknown["agent left ear aside of centre"] == set()
    assert all(not frames for name, frames in unknown.items() if re.match("mean|spread", name))
    changed = np.stack([~np.isclose(before[name], after[name], atol=1e-5, equal_nan=True) for name in before]).any(0)
    reach = round(max(WINDOWS_S) * RATE) + 5
    assert set(np.flatnonzero(changed)) <= set(range(200 - reach, 203 + reach))


def test_means_and_spreads_are_over_known_values(poses: Poses) -> None:
    columns = named(poses)
    values = columns["distance nose of agent to centre of target"]
    assert np.isnan(values).any()
    for frame in (0, 10, 200, 399):
        window = values[max(frame - 45, 0) : frame + 46]
        mean = columns["mean over 1.5 s: distance nose of agent to centre of target"][frame]
        spread = columns["spread over 1.5 s: distance nose of agent to centre of target"][frame]
        assert (mean, spread) == pytest.approx((np.nanmean(window), np.nanstd(window)), abs=1e-4)


def test_a_landmark_that_is_never_seen_is_unknown_throughout(wander: Callable[..., Recording]) -> None:
    poses = prepare(wander(frames=300), (*MICE, "tail tip"), Preparation(RATE))
    for name, values in named(poses, landmarks=(*MICE, "tail tip")).items():
        is_unknown = "tail tip" in name and "seen" not in name
        assert np.isnan(values).all() == is_unknown, name


def test_a_lone_animal_knows_nothing_of_a_target(wander: Callable[..., Recording]) -> None:
    poses = prepare(wander(individuals=1, gaps=0.0, frames=300), MICE, Preparation(RATE))
    for name, values in named(poses, (0, 0)).items():
        about_target = re.search("target|other|relative|distance", name)
        if name.endswith("seen") and not name.startswith(("mean", "spread")):
            assert float(values.mean()) == (0 if about_target else 1), name
        elif "seen" not in name:
            assert np.isnan(values).all() == bool(about_target), name


def test_the_poses_are_not_changed(wander: Callable[..., Recording]) -> None:
    poses = prepare(wander(individuals=1), MICE, Preparation(RATE))
    before = poses.positions.copy(), poses.seen.copy()
    expert_features(poses, (0, 0))
    np.testing.assert_array_equal(poses.positions, before[0])
    np.testing.assert_array_equal(poses.seen, before[1])


def test_torch_is_not_needed() -> None:
    code = "import ssl_behavior.poses.expert_features, ssl_behavior.models.trees, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


@pytest.mark.real
def test_real_tracks_have_few_unknown_features(shared_data: Callable[[str], Path]) -> None:
    path = next(shared_data("dyads/tracks").glob("7DLC_*"))
    (recording,) = read_recordings(path, frame_rate=RATE)
    landmarks = shared_landmarks([recording.skeleton])
    columns = expert_features(prepare(recording, landmarks, Preparation(RATE)), (0, 1))
    assert np.isnan(columns).mean() < 0.2
    assert np.nanmax(np.abs(columns)) < 1000
    assert not np.isinf(columns).any()


@pytest.mark.parametrize("chunk", [40, 299])
def test_chunks_equal_one_piece(wander: Callable[..., Recording], chunk: int) -> None:
    poses = prepare(wander(frames=300), MICE, Preparation(RATE))
    chunks = list(expert_feature_chunks(poses, (1, 0), chunk))
    assert [len(features) for features in chunks[:-1]] == [chunk] * (len(chunks) - 1)
    np.testing.assert_allclose(np.concatenate(chunks), expert_features(poses, (1, 0)), atol=1e-4)
