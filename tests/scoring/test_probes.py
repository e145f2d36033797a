import math

import numpy as np
import pytest

from ssl_behavior.scoring.probes import probe_f1

BEHAVIOURS = ("attack", "mount", "other")


def videos(count: int = 6, frames: int = 400) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Embeddings in which each behaviour has a place of its own."""
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 3, frames) for _ in range(count)]
    return [np.eye(3)[of_video] * 5 + rng.normal(0, 0.5, (frames, 3)) for of_video in labels], labels


def test_separate_behaviours_are_read_off() -> None:
    assert probe_f1(*videos(), BEHAVIOURS) > 0.99


def test_shuffled_labels_are_read_at_chance() -> None:
    embeddings, labels = videos()
    rng = np.random.default_rng(1)
    shuffled = [rng.permutation(of_video) for of_video in labels]
    assert probe_f1(embeddings, shuffled, BEHAVIOURS) == pytest.approx(1 / 3, abs=0.06)


def test_no_video_is_scored_by_a_probe_fitted_to_it() -> None:
    """Every video encodes the behaviours in numbers of its own, so no probe can use what it was fitted to."""
    rng = np.random.default_rng(2)
    labels = [rng.integers(0, 3, 400) for _ in range(4)]
    embeddings = [np.zeros((400, 12)) for _ in labels]
    for i, of_video in enumerate(labels):
        embeddings[i][:, 3 * i : 3 * i + 3] = np.eye(3)[of_video]
    assert probe_f1(embeddings, labels, BEHAVIOURS, folds=4) < 0.45


def test_unscored_frames_change_neither_probes_nor_scores() -> None:
    embeddings, labels = videos()
    labels = [np.where(np.arange(len(of_video)) % 3 == 0, -1, of_video) for of_video in labels]
    score = probe_f1(embeddings, labels, BEHAVIOURS)
    dirty = [np.where((y == -1)[:, None], 100.0, x) for x, y in zip(embeddings, labels, strict=True)]
    assert probe_f1(dirty, labels, BEHAVIOURS) == score > 0.99


def test_one_video_or_one_behaviour_gives_no_score() -> None:
    embeddings, labels = videos(1)
    assert math.isnan(probe_f1(embeddings, labels, BEHAVIOURS))
    one_behaviour = [np.zeros(50, int), np.zeros(50, int)]
    assert math.isnan(probe_f1([np.zeros((50, 2))] * 2, one_behaviour, BEHAVIOURS))
