import numpy as np
import pytest

from ssl_behavior.scoring import class_scores, interval


def test_videos_that_agree_leave_no_doubt() -> None:
    counts = np.broadcast_to(np.array([[8, 2], [1, 9]]), (6, 2, 2))
    bounds = interval(counts, lambda sums: class_scores(sums).f1)
    assert bounds is not None
    np.testing.assert_allclose(bounds[0], class_scores(counts[0]).f1)
    np.testing.assert_allclose(bounds[0], bounds[1])


def test_a_mean_has_the_textbook_interval() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    counts = np.stack([values, np.ones(400)], 1)
    bounds = interval(counts, lambda sums: sums[:, 0] / sums[:, 1], draws=4000)
    assert bounds is not None
    expected = values.mean() + np.array([-1.96, 1.96]) * values.std() / 20
    np.testing.assert_allclose(bounds, expected, atol=0.03)


def test_the_seed_decides() -> None:
    counts = np.random.default_rng(0).integers(0, 50, (7, 3, 3))

    def f1(sums: np.ndarray) -> np.ndarray:
        return class_scores(sums).f1

    np.testing.assert_array_equal(interval(counts, f1, seed=3), interval(counts, f1, seed=3))
    assert not np.array_equal(interval(counts, f1, seed=3), interval(counts, f1, seed=4))


@pytest.mark.parametrize(("videos", "draws"), [(1, 1000), (5, 0)])
def test_nothing_to_resample(videos: int, draws: int) -> None:
    assert interval(np.ones((videos, 2)), lambda sums: sums[:, 0], draws) is None


def test_scores_that_no_draw_has_are_nan() -> None:
    counts = np.zeros((3, 2, 2), int)
    counts[:, 0, 0] = 5
    bounds = interval(counts, lambda sums: class_scores(sums).f1)
    assert bounds is not None
    np.testing.assert_array_equal(bounds, [[1, np.nan], [1, np.nan]])
