"""Actions of a group can be seen in its movement, and last about as long as real ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import recall_score

from ssl_behavior.simulation.actions import ACTIONS, NOTHING, PAIR_ACTIONS, SELF_ACTIONS
from ssl_behavior.simulation.arena_video import ArenaVideo, simulate_video
from ssl_behavior.simulation.group import Group
from ssl_behavior.simulation.laboratories import LABORATORIES
from ssl_behavior.simulation.mice import STATES

STARTED = sorted({*PAIR_ACTIONS, *SELF_ACTIONS} - {"defend", "escape"})
WEIGHTS = {NOTHING: 4.0, **dict.fromkeys(STARTED, 1.0)}
X, Y, SPEED, STRETCH = (STATES.index(name) for name in ("x", "y", "speed", "stretch"))
VOLE = LABORATORIES[0]
Play = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def play() -> Play:
    return Group(3, WEIGHTS, np.random.default_rng(4)).play(12_000)


def _median(play: Play, action: str, values: np.ndarray) -> float:
    """Median of values (time, mouse) over the frames of an action."""
    return float(np.median(values[play[1] == ACTIONS.index(action)]))


def test_every_action_happens_for_a_second_or_so(play: Play) -> None:
    _, actions, targets = play
    keys = np.where(actions >= 0, 100 * actions + targets, -1).T
    for code, action in enumerate(ACTIONS):
        lengths = []
        for row in keys:
            edges = np.flatnonzero(np.diff(row, prepend=-2, append=-2))
            lengths += [
                stop - start
                for start, stop in itertools.pairwise(edges)
                if row[start] >= 0 and row[start] // 100 == code
            ]
        assert len(lengths) >= 8, action
        assert 0.4 < np.median(lengths) / 30 < 4.5, action


def test_an_action_alone_has_no_other_target(play: Play) -> None:
    _, actions, targets = play
    alone = np.isin(actions, [ACTIONS.index(name) for name in SELF_ACTIONS])
    own = targets == np.arange(3)
    assert own[alone].all()
    assert not own[(actions >= 0) & ~alone].any()


def test_postures_and_speeds_show_the_actions(play: Play) -> None:
    states = play[0]
    speed, stretch = np.abs(states[..., SPEED]), states[..., STRETCH]
    idle = stretch[play[1] < 0]
    assert _median(play, "rear", stretch) < np.percentile(idle, 10)
    assert _median(play, "rest", speed) < 15 < 300 < _median(play, "run", speed)
    assert _median(play, "selfgroom", speed) < 60
    assert _median(play, "follow", speed) < _median(play, "chase", speed)


def test_touching_actions_touch_and_the_fleeing_flee(play: Play) -> None:
    states, actions, targets = play
    necks = states[..., [X, Y]]
    gaps = np.linalg.norm(necks - np.take_along_axis(necks, targets[..., None].astype(int), 1), axis=-1)
    rates = np.gradient(gaps, axis=0) * 30
    same = (targets[1:-1] == targets[:-2]) & (targets[1:-1] == targets[2:])
    rates[1:-1][~same] = 0
    for action in ("sniff", "attack", "mount"):
        assert _median(play, action, gaps) < 190 < np.median(gaps[(actions < 0) & (gaps > 0)]), action
    assert _median(play, "approach", rates) < -50
    assert _median(play, "escape", rates) > 0


def test_a_mouse_does_not_begin_what_has_no_weight() -> None:
    _, actions, _ = Group(2, {NOTHING: 1.0, "rear": 1.0}, np.random.default_rng(0)).play(1500)
    assert set(actions.ravel()) == {-1, ACTIONS.index("rear")}


def _kinematics(video: ArenaVideo, agent: int) -> np.ndarray:
    """(time, feature) of a mouse and the other one, with means over a second."""
    flat = video.positions[:, [agent, 1 - agent]].astype(float).reshape(video.frames, -1)
    for column in flat.T:
        seen = np.flatnonzero(np.isfinite(column))
        column[:] = np.interp(np.arange(len(column)), seen, column[seen])
    positions = flat.reshape(video.frames, 2, -1, 2)
    nose, tail = (VOLE.parts.index(name) for name in ("nose", "tail_base"))
    centre = positions.mean(2)
    velocity = np.gradient(centre, axis=0)
    across = centre[:, 1] - centre[:, 0]
    now = np.column_stack(
        [
            np.linalg.norm(velocity, axis=-1),
            np.linalg.norm(positions[:, :, nose] - positions[:, :, tail], axis=-1),
            np.linalg.norm(across, axis=-1),
            np.linalg.norm(positions[:, 0, nose, None] - positions[:, 1][:, [nose, tail]], axis=-1),
            (velocity * across[:, None]).sum(-1) / np.linalg.norm(across, axis=-1, keepdims=True),
        ]
    )
    means = [
        np.stack([np.convolve(column, np.ones(width) / width, "same") for column in now.T], 1) for width in (9, 31)
    ]
    return np.column_stack([now, *means])


def test_simple_kinematics_tell_the_actions_apart_but_not_perfectly() -> None:
    rows: dict[bool, list[np.ndarray]] = {True: [], False: []}
    labels: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for number in range(5):
        video = simulate_video(VOLE, 80, np.random.default_rng([9, number]))
        for agent in range(2):
            names = np.zeros(video.frames, int)
            for bout in video.bouts:
                if bout.agent == agent + 1:
                    names[bout.start : bout.stop] = ACTIONS.index(bout.action) + 1
            rows[number < 4].append(_kinematics(video, agent)[::3])
            labels[number < 4].append(names[::3])
    trees = HistGradientBoostingClassifier(max_iter=15, learning_rate=0.3, max_leaf_nodes=12, random_state=0)
    trees.fit(np.concatenate(rows[True]), np.concatenate(labels[True]))
    truth = np.concatenate(labels[False])
    found = trees.predict(np.concatenate(rows[False]))
    recall = recall_score(truth, found, labels=np.unique(truth), average="macro")
    assert 3 / len(np.unique(truth)) < recall < 0.9


def test_a_video_has_the_frames_and_parts_of_its_laboratory() -> None:
    for laboratory in LABORATORIES:
        video = simulate_video(laboratory, 6.0, np.random.default_rng(0))
        shape = (round(6 * laboratory.frame_rate), laboratory.mice, len(laboratory.parts), 2)
        assert video.positions.shape == shape
        assert video.positions.dtype == np.float32
        assert all(0 <= bout.start < bout.stop <= video.frames for bout in video.bouts)


def test_mice_are_as_large_in_every_laboratory() -> None:
    for laboratory in LABORATORIES:
        video = simulate_video(laboratory, 40.0, np.random.default_rng(1))
        nose, tail = (video.positions[:, :, laboratory.parts.index(name)] for name in ("nose", "tail_base"))
        length_cm = np.nanmedian(np.linalg.norm(nose - tail, axis=-1)) / laboratory.pixels_per_cm
        assert 8.5 < length_cm < 13, laboratory.name


def test_left_is_left_and_the_tail_trails() -> None:
    dormouse = LABORATORIES[2]
    video = simulate_video(dormouse, 40.0, np.random.default_rng(2))
    left, right, nose, tail, middle, tip = (
        video.positions[:, :, dormouse.parts.index(name)]
        for name in ("lateral_left", "lateral_right", "nose", "tail_base", "tail_midpoint", "tail_tip")
    )
    ahead, across = nose - tail, right - left
    # The y axis of an image points down, so a turn from ahead to the right is positive.
    assert np.nanmean(ahead[..., 0] * across[..., 1] - ahead[..., 1] * across[..., 0] > 0) > 0.95
    assert np.nanmedian(((middle - tail) * ahead).sum(-1)) < 0
    assert np.nanmedian(np.linalg.norm(tip - tail, axis=-1)) > np.nanmedian(np.linalg.norm(middle - tail, axis=-1))
