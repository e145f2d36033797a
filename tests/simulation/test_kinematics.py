"""One mouse without a video: its steps, its keypoints, and the tracker's errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssl_behavior.simulation.bodies import keypoints_of
from ssl_behavior.simulation.ethogram import ATTACK, MOUNT, TRANSITIONS, Disposition
from ssl_behavior.simulation.mice import HEIGHT, NOSE, STATES, TRUNK, WIDTH, Mouse, Order, push_apart
from ssl_behavior.simulation.tracking import CALMS21, OCCLUDED_AT, track


def _walk(mouse: Mouse, order: Order, frames: int) -> None:
    for _ in range(frames):
        mouse.step(order, 0.0, 0.0)


def _at(x: float, body: np.ndarray) -> np.ndarray:
    return np.asarray(body + np.array([x, 285.0]))


def test_a_mouse_goes_to_its_goal_and_stops_there() -> None:
    mouse = Mouse(200, 285, 0.0, size=1.0, pace=1.0)
    _walk(mouse, Order(700, 285, 300), 120)
    assert mouse.nose == pytest.approx((700, 285), abs=2)
    assert abs(mouse.speed) < 5
    assert mouse.axis == pytest.approx(0, abs=0.01)


def test_a_straight_run_reaches_the_ordered_speed() -> None:
    mouse = Mouse(150, 285, 0.0, size=1.0, pace=1.0)
    _walk(mouse, Order(5000, 285, 300), 40)
    assert mouse.speed == pytest.approx(300, rel=0.01)


def test_the_trunk_of_a_turning_mouse_follows_its_head() -> None:
    mouse = Mouse(500, 285, 0.0, size=1.0, pace=1.0)
    _walk(mouse, Order(100, 285, 200), 6)
    bend = abs(mouse.heading - mouse.axis)
    assert 0.05 < bend < math.radians(60)
    _walk(mouse, Order(100, 285, 200), 90)
    assert math.cos(mouse.axis) == pytest.approx(-1, abs=0.02)


def test_a_mouse_never_leaves_the_arena() -> None:
    mouse = Mouse(500, 285, 0.0, size=1.0, pace=1.0)
    for goal in ((5000, 285), (5000, -5000), (-5000, 285), (0, 5000)):
        _walk(mouse, Order(*goal, 800), 150)
        for x, y in (mouse.nose, (mouse.hip_x, mouse.hip_y)):
            assert 0 < x < WIDTH
            assert 0 < y < HEIGHT


def test_overlapping_mice_are_pushed_apart_and_distant_ones_are_not_moved() -> None:
    first, second = Mouse(500, 285, 0.0, 1.0, 1.0), Mouse(500, 300, 0.0, 1.0, 1.0)
    far = Mouse(900, 285, 0.0, 1.0, 1.0)
    for _ in range(60):
        push_apart(first, second)
    push_apart(second, far)
    assert second.y - first.y == pytest.approx(62, abs=3)
    assert (far.x, far.y) == (900, 285)


def test_the_keypoints_of_a_resting_mouse_are_in_place() -> None:
    frames = 400
    states = np.zeros((frames, len(STATES)))
    states[:, STATES.index("x")], states[:, STATES.index("y")] = 500, 285
    states[:, STATES.index("hip_x")], states[:, STATES.index("hip_y")] = 500 - TRUNK, 285
    states[:, STATES.index("stretch")] = states[:, STATES.index("head")] = 1
    nose, left_ear, right_ear, neck, left_hip, right_hip, tail = keypoints_of(
        states, 1.0, np.random.default_rng(0)
    ).mean(0)
    assert nose == pytest.approx((500 + NOSE, 285), abs=4)
    assert neck == pytest.approx((500, 285), abs=1e-6)
    # The y axis of an image points down: a mouse that looks to the right has its left side above.
    assert left_ear[1] < 285 < right_ear[1]
    assert left_hip[1] < 285 < right_hip[1]
    assert tail[0] < left_hip[0] < neck[0] < nose[0]


def test_a_mouse_of_twice_the_size_has_twice_the_distances() -> None:
    states = np.zeros((50, len(STATES)))
    states[:, STATES.index("stretch")] = states[:, STATES.index("head")] = 1
    small, large = (keypoints_of(states, size, np.random.default_rng(0)) for size in (1.0, 2.0))
    ears = [np.linalg.norm(body[:, 1] - body[:, 2], axis=-1) for body in (small, large)]
    np.testing.assert_allclose(ears[1], 2 * ears[0])


def test_the_tracker_errs_more_where_mice_overlap() -> None:
    rng = np.random.default_rng(0)
    body = rng.uniform(-60, 60, (7, 2))
    frames = 60_000
    apart = np.broadcast_to(np.stack([_at(250, body), _at(750, body)]), (frames, 2, 7, 2))
    over = np.broadcast_to(np.stack([_at(500, body), _at(520, body)]), (frames, 2, 7, 2))
    clear, close = track(apart, rng), track(over, rng)
    spread = [np.nanmedian(np.abs(tracks.positions - truth)) for tracks, truth in ((clear, apart), (close, over))]
    assert 0.5 < spread[0] < spread[1] < 4
    assert close.confidence.mean() < clear.confidence.mean()
    lost = [float(np.isnan(tracks.positions).mean()) for tracks in (clear, close)]
    assert 0.001 < lost[0] < lost[1] < 0.1
    # Identities are exchanged only where the two touch.
    exchanged = [
        float(
            np.mean(
                np.nanmean(np.abs(tracks.positions - truth[:, ::-1]), axis=(1, 2, 3))
                < np.nanmean(np.abs(tracks.positions - truth), axis=(1, 2, 3)) - 5
            )
        )
        for tracks, truth in ((clear, apart), (close, over))
    ]
    assert exchanged[0] == 0
    assert exchanged[1] > 0.001


def test_jitter_is_autocorrelated() -> None:
    body = np.random.default_rng(1).uniform(-60, 60, (7, 2))
    still = np.broadcast_to(np.stack([_at(250, body), _at(750, body)]), (6000, 2, 7, 2))
    noise = np.nan_to_num(track(still, np.random.default_rng(0)).positions - still).clip(-6, 6)
    neighbours = (noise[1:] * noise[:-1]).mean() / (noise**2).mean()
    assert 0.4 < neighbours < 0.8


def test_of_several_mice_only_those_that_touch_are_exchanged() -> None:
    body = np.random.default_rng(0).uniform(-60, 60, (7, 2))
    places = (150, 170, 500, 850)
    still = np.broadcast_to(np.stack([_at(place, body) for place in places]), (30_000, 4, 7, 2))
    positions = track(still, np.random.default_rng(1)).positions
    # An exchanged mouse has all of its keypoints elsewhere; a jump moves one.
    seen = np.isfinite(positions[..., 0])
    near = np.linalg.norm(np.nan_to_num(positions) - still, axis=-1) < 12
    exchanged = (seen.sum(2) > 3) & ((near & seen).sum(2) < 2)
    assert (exchanged.mean(0) > 0.001).tolist() == [True, True, False, False]


def test_errors_last_as_long_at_any_frame_rate() -> None:
    body = np.random.default_rng(1).uniform(-60, 60, (7, 2))
    distance = 10 * OCCLUDED_AT
    lost, neighbours = [], []
    for rate in (30.0, 120.0):
        still = np.broadcast_to(np.stack([_at(250, body), _at(250 + distance, body)]), (int(600 * rate), 2, 7, 2))
        tracker = CALMS21._replace(frame_rate=rate, losses=5.0)
        positions = track(still, np.random.default_rng(0), tracker).positions
        lost.append(np.isnan(positions[..., 0]).mean())
        noise, lag = np.nan_to_num(positions - still).clip(-6, 6), int(rate / 30)
        neighbours.append((noise[lag:] * noise[:-lag]).mean() / (noise**2).mean())
    assert lost[0] == pytest.approx(lost[1], rel=0.25)
    assert neighbours[0] == pytest.approx(neighbours[1], abs=0.06)


def test_transitions_are_probabilities_and_no_behaviour_follows_itself() -> None:
    np.testing.assert_allclose(TRANSITIONS.sum(1), 1, atol=0.002)
    assert not TRANSITIONS.diagonal().any()
    for video in range(8):
        disposition = Disposition.draw(video, np.random.default_rng(video))
        np.testing.assert_allclose(disposition.transitions.sum(1), 1)
        assert (disposition.transitions[:, ATTACK].sum() > 0) == (video % 4 in (0, 1))
        assert (disposition.transitions[:, MOUNT].sum() > 0) == (video % 4 in (0, 2))
