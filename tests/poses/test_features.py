import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ssl_behavior.poses.augment import reflect, rotate
from ssl_behavior.poses.cleaning import trunk_landmarks
from ssl_behavior.poses.clips import ClipBatch, pair_clip
from ssl_behavior.poses.expert_features import expert_feature_names, expert_features
from ssl_behavior.poses.features import feature_names, features
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
RATE = 30.0
TRUNK = range(len(MICE))


def clip_of(recording: Recording, pair: tuple[int, int] = (0, 1)) -> ClipBatch:
    poses = prepare(recording, MICE, Preparation(30.0))
    # In the unit of the positions, for which the answers are known.
    whole = Poses(**{**vars(poses), "positions": poses.positions * poses.body_length})
    whole = Poses(**{**vars(whole), "centre": poses.centre * poses.body_length})
    return pair_clip(whole, 0, len(poses.positions), pair)


def named(clip: ClipBatch, rate: float = RATE) -> dict[str, Tensor]:
    """Feature name -> (time,), NaN where unknown."""
    values, known = features(clip, rate, TRUNK)
    values = values.where(known, math.nan)[0]
    return dict(zip(feature_names(MICE), values.T, strict=True))


@pytest.mark.parametrize("landmarks", [("nose", "tail base"), MICE])
def test_every_feature_has_a_name(landmarks: tuple[str, ...], wander: Callable[..., Recording]) -> None:
    names = feature_names(landmarks)
    values, known = features(
        pair_clip(prepare(wander(), landmarks, Preparation(30.0)), 0, 50, (0, 1)), RATE, range(len(landmarks))
    )
    assert values.shape == known.shape == (1, 50, len(names))
    assert len(set(names)) == len(names)


def test_known_speeds_and_distances(walk: Callable[..., Recording]) -> None:
    # The agent walks along y at 0.6 body lengths a second and faces along y; the target stands at (3, 0), facing -x.
    time = np.arange(90) / RATE
    centres = np.zeros((90, 2, 2))
    centres[:, 0, 1], centres[:, 1, 0] = 0.6 * time, 3
    angles = np.broadcast_to([np.pi / 2, np.pi], (90, 2))
    columns = named(clip_of(walk(centres, angles)))
    asinh, middle = math.asinh, 45
    away = 0.6 * time[middle]
    expected = {
        "agent nose in frame of agent: forward": asinh(0.7),
        "agent left ear in frame of agent: left": asinh(0.1),
        "target centre in frame of agent: forward": asinh(-away),
        "target centre in frame of agent: left": asinh(-3),
        "agent centre in frame of target: forward": asinh(3),
        "agent centre in frame of target: left": asinh(-away),
        "agent velocity of centre over 1: forward": asinh(0.6),
        "agent velocity of centre over 5: left": 0,
        "target velocity of nose over 5: forward": 0,
        "distance nose of agent to tail base of target": asinh(math.hypot(3.5, away + 0.7)),
        "agent bearing of the other: left": -3 / math.hypot(3, away),
        "target bearing of the other: forward": 3 / math.hypot(3, away),
        "relative heading: cos": 0,
        "relative heading: sin": 1,
        "distance of centres": asinh(math.hypot(3, away)),
        "closing speed": asinh(-0.6 * away / math.hypot(3, away)),
        "agent turning speed": 0,
        "agent tail base seen": 1,
    }
    for name, value in expected.items():
        assert float(columns[name][middle]) == pytest.approx(value, abs=2e-4), name


def test_known_turning_speed(walk: Callable[..., Recording]) -> None:
    turning = np.stack([1.5 * np.arange(60) / RATE, -4.0 * np.arange(60) / RATE], 1)
    columns = named(clip_of(walk(np.zeros((60, 2, 2)), turning)))
    inner = slice(5, -5)
    torch.testing.assert_close(
        columns["agent turning speed"][inner], torch.full((50,), math.asinh(0.5)), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        columns["target turning speed"][inner], torch.full((50,), -math.asinh(4 / 3)), atol=1e-3, rtol=0
    )
    # A nose 0.7 from the centre goes to the left at 0.7 * 1.5.
    speed = columns["agent velocity of nose over 1: left"][30]
    assert float(speed) == pytest.approx(math.asinh(1.05), abs=2e-3)


def test_a_head_that_comes_and_goes_turns_no_body(walk: Callable[..., Recording]) -> None:
    # The head points 0.5 rad aside of the body, and is lost every other half second.
    landmarks = ("head", "centre", "tail base", "tail tip")
    angles = np.broadcast_to(0.8 * np.arange(150)[:, None] / RATE, (150, 2))
    recording = walk(np.zeros((150, 2, 2)), angles, keypoints=("nose", "centre", "tail base", "left ear"))
    axis = np.stack([np.cos(angles + 0.5), np.sin(angles + 0.5)], -1)
    positions = recording.positions.copy()
    positions[:, :, 0] = positions[:, :, 1] + 0.4 * axis
    positions[:, :, 3] += np.random.default_rng(0).normal(0, 0.3, (150, 2, 2))  # a tail's tip moves by itself
    positions[np.arange(150) // 15 % 2 == 1, :, 0] = np.nan
    poses = prepare(
        replace(recording, positions=positions, skeleton=Skeleton(landmarks)), landmarks, Preparation(30.0, max_gap=0.1)
    )
    values, known = features(pair_clip(poses, 0, 150, (0, 1)), RATE, trunk_landmarks(landmarks))
    column = feature_names(landmarks).index("agent turning speed")
    assert known[0, 5:-5, column].all()
    torch.testing.assert_close(values[0, 5:-5, column], torch.full((140,), math.asinh(0.8 / 3)), atol=1e-3, rtol=0)
    heading = np.unwrap(np.arctan2(*poses.heading[:, 0].T[::-1]))
    assert np.ptp(np.diff(heading)) > 0.3  # the heading itself jumps
    expert = dict(zip(expert_feature_names(landmarks), expert_features(poses, (0, 1)).T, strict=True))
    np.testing.assert_allclose(expert["agent turning speed"][5:-5], 0.8, atol=1e-3)


def test_changes_within_a_lag_of_the_ends_are_unknown(walk: Callable[..., Recording]) -> None:
    # Past the ends there is nothing to compare with, so the change there would be that of less time.
    centres = np.zeros((60, 2, 2))
    centres[:, 0, 0], centres[:, 1, 0] = np.arange(60) ** 2 / 300, -3
    whole = clip_of(walk(centres, np.linspace(0, 1, 60)[:, None]))
    part = whole.map(lambda tensor: tensor[:, 20:40])
    (value, known), (inner, inner_known) = features(whole, RATE, TRUNK), features(part, RATE, TRUNK)
    torch.testing.assert_close(inner[inner_known], value[:, 20:40][inner_known], atol=1e-5, rtol=0)
    lost = known[:, 20:40] & ~inner_known
    assert lost[:, :5].any()
    assert lost[:, -5:].any()
    assert not lost[:, 5:-5].any()
    assert not any(
        re.search("velocity|speed", name) and bool(is_known)
        for name, is_known in zip(feature_names(MICE), inner_known[0, 0], strict=True)
    )


def test_speed_does_not_depend_on_the_frame_rate(walk: Callable[..., Recording]) -> None:
    for rate in (15.0, 50.0):
        centres = np.zeros((60, 2, 2))
        centres[:, 0, 0] = 2 * np.arange(60) / rate
        poses = prepare(walk(centres, frame_rate=rate), MICE, Preparation(frame_rate=rate))
        columns = named(pair_clip(poses, 0, 60, (0, 1)), rate)
        forward = columns["agent velocity of centre over 5: forward"][30]
        assert float(forward) == pytest.approx(math.asinh(2 / poses.body_length), abs=1e-3)


@pytest.fixture
def clip(wander: Callable[..., Recording]) -> ClipBatch:
    return ClipBatch(*(torch.cat(parts) for parts in zip(*(clip_of(wander(seed)) for seed in (1, 2)), strict=True)))


def test_moving_and_turning_the_arena_changes_nothing(clip: ClipBatch) -> None:
    far = torch.tensor([31.0, -17.0])
    moved = rotate(clip, torch.tensor([1.0, -2.5]))
    moved = moved._replace(
        positions=(moved.positions + far) * moved.known[..., None],
        centre=(moved.centre + far) * moved.anchored[..., None],
    )
    (value, known), (other, other_known) = features(clip, RATE, TRUNK), features(moved, RATE, TRUNK)
    assert torch.equal(known, other_known)
    # Velocities carry the rounding of far positions times the frame rate.
    torch.testing.assert_close(other, value, atol=1e-3, rtol=0)


def other_side(name: str) -> str:
    what, colon, direction = name.partition(": ")
    swap = {"left": "right", "right": "left"}
    return re.sub(r"\b(left|right)\b", lambda match: swap[match[0]], what) + colon + direction


def test_mirroring_the_arena_changes_sides_only(clip: ClipBatch) -> None:
    names = feature_names(MICE)
    order = [names.index(other_side(name)) for name in names]
    sign = torch.tensor([-1.0 if re.search(": left$|: sin$|turning speed$", name) else 1.0 for name in names])
    value, known = features(clip, RATE, TRUNK)
    mirrored, mirrored_known = features(reflect(clip, torch.tensor([True, True]), mirror(MICE)), RATE, TRUNK)
    assert (mirrored_known == known[..., order]).all()
    torch.testing.assert_close(mirrored, value[..., order] * sign)
    assert (mirrored - value).abs().max() > 0.1


def with_roles_swapped(name: str) -> str:
    swap = {"agent": "target", "target": "agent"}
    swapped = re.sub(r"\b(agent|target)\b", lambda match: swap[match[0]], name)
    return re.sub(r"^distance (.*) of target to (.*) of agent$", r"distance \2 of agent to \1 of target", swapped)


def test_the_reverse_pair_has_the_same_features_with_roles_swapped(clip: ClipBatch) -> None:
    names = feature_names(MICE)
    order = [names.index(with_roles_swapped(name)) for name in names]
    sign = torch.tensor([-1.0 if name == "relative heading: sin" else 1.0 for name in names])
    value, known = features(clip, RATE, TRUNK)
    reverse, reverse_known = features(clip.map(lambda tensor: tensor.flip(2)), RATE, TRUNK)
    assert (reverse_known == known[..., order]).all()
    torch.testing.assert_close(reverse, value[..., order] * sign)


@pytest.mark.parametrize("garbage", [1e4, math.nan, math.inf])
def test_values_where_nothing_is_known_do_not_matter(garbage: float, clip: ClipBatch) -> None:
    clip = clip._replace(anchored=clip.anchored & (torch.rand(clip.anchored.shape) < 0.8))
    value, known = features(clip, RATE, TRUNK)
    dirty = clip._replace(
        positions=clip.positions.where(clip.known[..., None], garbage),
        centre=clip.centre.where(clip.anchored[..., None], garbage),
        heading=clip.heading.where(clip.anchored[..., None], garbage),
    )
    same, same_known = features(dirty, RATE, TRUNK)
    assert (known == same_known).all()
    assert (~known).any()
    assert torch.equal(same, value)
    assert not value[~known].any()


def test_a_lone_animal_knows_nothing_of_a_target(wander: Callable[..., Recording]) -> None:
    columns = named(clip_of(wander(individuals=1, gaps=0.0), (0, 0)))
    for name, values in columns.items():
        about_target = re.search("target|other|relative|centres|closing", name)
        if name.endswith("seen"):
            assert float(values.mean()) == (0 if about_target else 1), name
        else:
            assert bool(values.isnan().all()) == bool(about_target), name
    assert not columns["agent velocity of nose over 5: forward"][5:-5].isnan().any()


def test_a_pair_is_those_two_animals(wander: Callable[..., Recording]) -> None:
    poses = prepare(wander(individuals=3), MICE, Preparation(30.0))
    clip = pair_clip(poses, 10, 30, (2, 0))
    expected = np.nan_to_num(poses.positions[10:30][:, [2, 0]])
    np.testing.assert_array_equal(clip.positions[0].numpy(), expected)
    assert clip.positions.shape == (1, 20, 2, len(MICE), 2)
