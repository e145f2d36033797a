import numpy as np
import pytest
from sklearn import metrics

from ssl_behavior.scoring import average_precision, class_scores, confusion, macro_f1, macro_mean

BEHAVIOURS = ("attack", "investigation", "mount", "Other")


def random_frames(seed: int, frames: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(-1, 4, frames)
    # Coarse probabilities, so that many frames have equal ones.
    probabilities = np.round(generator.dirichlet(np.ones(4), frames) + 0.3 * np.eye(4)[truth], 1)
    return truth, generator.integers(0, 4, frames), probabilities


def test_confusion_agrees_with_paper() -> None:
    truth, predicted = np.array([0, 0, 1, -1, 2, 2]), np.array([0, 1, 1, 0, 2, 0])
    np.testing.assert_array_equal(confusion(truth, predicted, 3), [[1, 1, 0], [0, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_scikit_learn(seed: int) -> None:
    truth, predicted, probabilities = random_frames(seed)
    scored = truth >= 0
    counts = confusion(truth, predicted, 4)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(truth[scored], predicted[scored]))
    scores = class_scores(counts)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth[scored], predicted[scored])
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    np.testing.assert_array_equal(scores.support, support)
    expected = metrics.f1_score(truth[scored], predicted[scored], labels=[0, 1, 2], average="macro")
    assert macro_f1(truth, predicted, BEHAVIOURS) == pytest.approx(expected)
    expected = [metrics.average_precision_score(truth[scored] == i, probabilities[scored, i]) for i in range(4)]
    np.testing.assert_allclose(average_precision(truth, probabilities), expected)


def test_a_class_that_never_occurs_has_no_score() -> None:
    # Class 1 is true and never predicted: 0. Class 2 is predicted and never true: 0. Class 3 is neither: no score.
    scores = class_scores(confusion(np.array([0, 0, 1]), np.array([0, 0, 2]), 4))
    np.testing.assert_array_equal(scores.f1, [1, 0, 0, np.nan])
    np.testing.assert_array_equal(scores.precision, [1, 0, 0, np.nan])
    assert macro_mean(scores.f1, ("a", "b", "c", "d")) == pytest.approx(1 / 3)
    assert np.isnan(average_precision(np.array([0, 0]), np.ones((2, 2)))[1])


def test_other_is_in_the_confusion_and_not_in_the_mean() -> None:
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert macro_f1(truth, predicted, ("a", "OTHER")) == pytest.approx(2 / 3)
    assert confusion(truth, predicted, 2).sum() == 4
    assert macro_f1(truth, truth, ("other",) * 2) == 1.0


def test_leading_dimensions_are_kept() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (5, 3, 3))
    each = np.stack([class_scores(of_one).f1 for of_one in counts])
    np.testing.assert_array_equal(class_scores(counts).f1, each)


def test_wrong_shapes_and_labels_are_errors() -> None:
    with pytest.raises(ValueError, match="both be"):
        confusion(np.zeros(3, int), np.zeros(4, int), 2)
    with pytest.raises(ValueError, match=r"prediction must lie in 0\.\.1; got 0 to 2"):
        confusion(np.zeros(2, int), np.array([0, 2]), 2)
