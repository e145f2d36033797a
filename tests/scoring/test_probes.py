import math

import numpy as np
import pytest

from ssl_behavior.scoring.probes import probe_f1

BEHAVIOURS = ("attack", "mount", "other")


def videos(count: int = 6, frames: int = 400) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Embeddings in which each behaviour has a place of its own."""
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 3, frames) for _ in range(count)]
    return [np.eye(3)[one] * 5 + rng.normal(0, 0.5, (frames, 3)) for one in labels], labels


def test_behaviours_apart_are_read_off() -> None:
    assert probe_f1(*videos(), BEHAVIOURS) > 0.99


def test_shuffled_labels_are_not() -> None:
    embeddings, labels = videos()
    rng = np.random.default_rng(1)
    assert probe_f1(embeddings, [rng.permutation(one) for one in labels], BEHAVIOURS) == pytest.approx(1 / 3, abs=0.06)


def test_no_video_is_read_by_what_it_taught() -> None:
    """Every video has its own code for the behaviours, which helps with no other."""
    rng = np.random.default_rng(2)
    labels = [rng.integers(0, 3, 400) for _ in range(4)]
    embeddings = [np.zeros((400, 12)) for _ in labels]
    for i, one in enumerate(labels):
        embeddings[i][:, 3 * i : 3 * i + 3] = np.eye(3)[one]
    assert probe_f1(embeddings, labels, BEHAVIOURS, folds=4) < 0.45


def test_unscored_frames_neither_teach_nor_count() -> None:
    embeddings, labels = videos()
    labels = [np.where(np.arange(len(one)) % 3 == 0, -1, one) for one in labels]
    score = probe_f1(embeddings, labels, BEHAVIOURS)
    dirty = [np.where((one == -1)[:, None], 100.0, e) for e, one in zip(embeddings, labels, strict=True)]
    assert probe_f1(dirty, labels, BEHAVIOURS) == score > 0.99


def test_one_video_has_no_probe() -> None:
    embeddings, labels = videos(1)
    assert math.isnan(probe_f1(embeddings, labels, BEHAVIOURS))
    one_behaviour = [np.zeros(50, int), np.zeros(50, int)]
    assert math.isnan(probe_f1([np.zeros((50, 2))] * 2, one_behaviour, BEHAVIOURS))
