"""Simulated recordings are neither trivial nor impossible: scores of classifiers on videos they were not fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings

NOSE, NECK, HIPS, TAIL = 0, 3, [4, 5], 6
SCORED = [BEHAVIOURS.index(name) for name in ("attack", "investigation", "mount")]
Split = tuple[np.ndarray, np.ndarray]


def _filled(recording: Recording) -> np.ndarray:
    positions = recording.positions.astype(float).reshape(recording.frames, -1)
    for column in positions.T:
        seen = np.flatnonzero(np.isfinite(column))
        column[:] = np.interp(np.arange(len(column)), seen, column[seen])
    return positions.reshape(recording.positions.shape)


def _speed_and_distance(recording: Recording) -> np.ndarray:
    """(time, 3): both mice's speeds over a fifth of a second and the distance between them."""
    centres = _filled(recording)[:, :, [NECK, *HIPS]].mean(2)
    lag = np.arange(recording.frames)
    later, earlier = lag.clip(max=recording.frames - 4) + 3, lag.clip(min=3) - 3
    speeds = np.linalg.norm(centres[later] - centres[earlier], axis=-1) * 5
    return np.column_stack([speeds, np.linalg.norm(centres[:, 0] - centres[:, 1], axis=-1)])


def _relations(recording: Recording) -> np.ndarray:
    """Distances and angles between the mice and their speeds, with means and spreads over 0.5 and 2 s."""
    positions = _filled(recording)
    resident, intruder = positions[:, 0], positions[:, 1]
    parts = [NOSE, NECK, TAIL]
    between = np.linalg.norm(resident[:, parts][:, :, None] - intruder[:, parts][:, None], axis=-1)
    axes = [np.arctan2(*(mouse[:, NECK] - mouse[:, HIPS].mean(1)).T[::-1]) for mouse in (resident, intruder)]
    across = np.arctan2(*(intruder[:, NECK] - resident[:, NECK]).T[::-1])
    lengths = np.linalg.norm(positions[:, :, NECK] - positions[:, :, TAIL], axis=-1)
    turning = np.abs(np.gradient(np.unwrap(np.stack(axes, 1), axis=0), axis=0))
    now = np.column_stack(
        [
            _speed_and_distance(recording),
            between.reshape(len(between), -1),
            np.cos(axes[0] - axes[1]),
            np.cos(across - axes[0]),
            np.cos(across - axes[1]),
            lengths,
            turning,
        ]
    )
    columns = [now]
    for width in (15, 61):
        mean = uniform_filter1d(now, width, axis=0)
        columns += [mean, np.sqrt(np.maximum(uniform_filter1d(now**2, width, axis=0) - mean**2, 0))]
    return np.concatenate(columns, axis=1)


def _macro_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    return float(f1_score(labels, predicted, labels=SCORED, average="macro", zero_division=0))


@pytest.fixture(scope="module")
def videos() -> tuple[list[Recording], list[Recording]]:
    recordings = simulate_recordings(12, seed=1, frames=3000)
    return recordings[:8], recordings[8:]


@pytest.fixture(scope="module")
def labels(videos: tuple[list[Recording], list[Recording]]) -> Split:
    train, test = (np.concatenate([video.labels[CHANNEL].values for video in part]) for part in videos)
    return train, test


def test_no_speed_threshold_finds_attack(videos: tuple[list[Recording], list[Recording]], labels: Split) -> None:
    speeds = np.concatenate([_speed_and_distance(video)[:, :2].max(1) for video in videos[1]])
    attack = labels[1] == BEHAVIOURS.index("attack")
    best = max(f1_score(attack, speeds > threshold) for threshold in range(20, 900, 20))
    assert best < 0.45


def test_speed_and_distance_are_not_enough_and_relations_over_time_are_better_but_not_perfect(
    videos: tuple[list[Recording], list[Recording]], labels: Split
) -> None:
    train, test = (np.concatenate([_speed_and_distance(video) for video in part]) for part in videos)
    tree = DecisionTreeClassifier(max_depth=2, class_weight="balanced", random_state=0).fit(train, labels[0])
    simple = _macro_f1(labels[1], tree.predict(test))

    train, test = (np.concatenate([_relations(video) for video in part]) for part in videos)
    boosted = HistGradientBoostingClassifier(max_iter=40, class_weight="balanced", random_state=0)
    strong = _macro_f1(labels[1], boosted.fit(train[::2], labels[0][::2]).predict(test))

    assert simple < 0.5
    assert simple + 0.2 < strong < 0.93
