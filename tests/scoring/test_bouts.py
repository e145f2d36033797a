import numpy as np
import pytest

from ssl_behavior.scoring import bout_counts, bout_f1, macro_bout_f1


def labels(*runs: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.full(length, label) for label, length in runs])


def test_counts_and_f1_agree_with_paper() -> None:
    truth = labels((0, 10), (1, 10), (0, 10))
    predicted = labels((0, 5), (1, 15), (0, 10))
    # Class 0: overlaps of 1/2 and 1; class 1: 10 of 15.
    counts = bout_counts(truth, predicted, 2, (0.5, 0.6, 0.7))
    assert counts[:, 0].tolist() == [[2, 2, 2], [1, 2, 2], [1, 2, 2]]
    assert counts[:, 1].tolist() == [[1, 1, 1], [1, 1, 1], [0, 1, 1]]
    np.testing.assert_allclose(bout_f1(counts)[1], [0.5, 1])
    np.testing.assert_allclose(macro_bout_f1(counts, ("a", "other")), [1, 0.5, 0.5])


def test_a_bout_matches_once_and_the_best_overlap_goes_first() -> None:
    # Three predicted bouts in one true bout: one matches, two are false positives.
    truth = labels((0, 100), (1, 1))
    predicted = labels((0, 20), (1, 5), (0, 50), (1, 5), (0, 20), (1, 1))
    assert bout_counts(truth, predicted, 2, (0.1,))[0, 0].tolist() == [1, 3, 1]


def test_a_perfect_prediction_scores_1_and_an_absent_class_has_no_score() -> None:
    truth = labels((0, 3), (1, 4), (0, 2))
    counts = bout_counts(truth, truth, 3)
    np.testing.assert_array_equal(bout_f1(counts)[:, :2], 1)
    assert np.isnan(bout_f1(counts)[:, 2]).all()


def test_unscored_frames_split_bouts_of_truth_and_prediction() -> None:
    truth = labels((0, 5), (-1, 5), (0, 5), (-1, 5))
    counts = bout_counts(truth, np.zeros(20, int), 1, (0.99,))
    assert counts[0, 0].tolist() == [2, 2, 2]


@pytest.mark.parametrize("seed", range(10))
def test_counts_agree_with_comparing_every_pair(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = np.repeat(generator.integers(-1, 3, 60), generator.integers(1, 9, 60))
    predicted = np.where(generator.random(len(truth)) < 0.85, truth, generator.integers(0, 3, len(truth)))
    predicted = np.maximum(predicted, 0)
    overlaps = (0.1, 0.25, 0.5, 0.75)
    np.testing.assert_array_equal(
        bout_counts(truth, predicted, 3, overlaps), counts_of_every_pair(truth, predicted, 3, overlaps)
    )


def counts_of_every_pair(
    truth: np.ndarray, predicted: np.ndarray, classes: int, overlaps: tuple[float, ...]
) -> np.ndarray:
    predicted = np.where(truth == -1, -1, predicted)
    counts = np.zeros((len(overlaps), classes, 3), int)
    for k, overlap in enumerate(overlaps):
        for label in range(classes):
            true, guessed = bouts(truth, label), bouts(predicted, label)
            pairs = [(len(a & b) / len(a | b), -i, -j) for i, a in enumerate(true) for j, b in enumerate(guessed)]
            used_true, used_guessed = set(), set()
            for share, i, j in sorted(pairs, reverse=True):
                if share >= overlap and i not in used_true and j not in used_guessed:
                    used_true.add(i)
                    used_guessed.add(j)
            counts[k, label] = len(used_true), len(guessed), len(true)
    return counts


def bouts(values: np.ndarray, label: int) -> list[set[int]]:
    frames: list[set[int]] = []
    for frame, value in enumerate(values):
        if value == label:
            if frame == 0 or values[frame - 1] != label:
                frames.append(set())
            frames[-1].add(frame)
    return frames
