from itertools import product

import numpy as np
import pytest

from ssl_behavior.scoring import class_scores, interval, macro_mean, resamples, score_resamples


def f1(sums: np.ndarray) -> np.ndarray:
    return class_scores(sums).f1


def drawn(counts: np.ndarray, draws: int = 1000, seed: int = 0) -> np.ndarray:
    return resamples(counts.sum(-1), draws, np.random.default_rng(seed))


def test_videos_that_agree_give_an_interval_of_width_zero() -> None:
    counts = np.broadcast_to(np.array([[8, 2], [1, 9]]), (6, 2, 2))
    bounds = interval(score_resamples(counts, drawn(counts), f1))
    assert bounds is not None
    np.testing.assert_allclose(bounds[0], f1(counts[0]))
    np.testing.assert_allclose(bounds[0], bounds[1])


def test_a_mean_has_the_textbook_interval() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    counts = np.stack([values, np.ones(400)], 1)
    times_drawn = resamples(np.ones((400, 1)), 4000, np.random.default_rng(0))
    bounds = interval(score_resamples(counts, times_drawn, lambda sums: sums[..., :1] / sums[..., 1:]))
    assert bounds is not None
    expected = values.mean() + np.array([-1.96, 1.96]) * values.std() / 20
    np.testing.assert_allclose(bounds[:, 0], expected, atol=0.03)


def test_the_seed_decides_the_resamples() -> None:
    counts = np.random.default_rng(0).integers(0, 50, (7, 3, 3))
    np.testing.assert_array_equal(drawn(counts, seed=3), drawn(counts, seed=3))
    assert not np.array_equal(drawn(counts, seed=3), drawn(counts, seed=4))


@pytest.mark.parametrize(("videos", "draws"), [(1, 1000), (5, 0)])
def test_one_video_or_no_draws_give_no_interval(videos: int, draws: int) -> None:
    counts = np.ones((videos, 2, 2))
    assert interval(score_resamples(counts, drawn(counts, draws), f1)) is None


def test_a_class_without_a_score_has_no_interval() -> None:
    counts = np.zeros((3, 2, 2), int)
    counts[:, 0, 0] = 5
    bounds = interval(score_resamples(counts, drawn(counts), f1))
    assert bounds is not None
    np.testing.assert_array_equal(bounds, [[1, np.nan], [1, np.nan]])


def test_resamples_without_a_behaviour_are_left_out() -> None:
    """Among the 27 equally likely draws of three videos, 8 lack the only one with attack."""
    attack, sniff = np.array([[6, 2], [2, 6]]), np.array([[0, 0], [2, 6]])
    counts = np.stack([attack, sniff, sniff])
    times_drawn = drawn(counts, 20_000)
    assert (times_drawn[:, 0] > 0).all()
    assert len(times_drawn) / 20_000 == pytest.approx(19 / 27, abs=0.01)
    scores = macro_mean(score_resamples(counts, times_drawn, f1), ("attack", "sniff"))
    sums = [counts[list(chosen)].sum(0) for chosen in product(range(3), repeat=3) if 0 in chosen]
    possible = sorted({round(float(macro_mean(f1(total), ("attack", "sniff"))), 9) for total in sums})
    assert sorted(set(np.round(scores, 9))) == possible


def test_a_class_that_is_predicted_and_never_true_is_0_in_every_resample() -> None:
    """One video of three predicts it; resamples without that video have a mean over both classes too."""
    counts = np.array([[[8, 2], [0, 0]], [[10, 0], [0, 0]], [[10, 0], [0, 0]]])
    times_drawn = drawn(counts)
    assert len(times_drawn) == 1000
    scores = score_resamples(counts, times_drawn, f1)
    np.testing.assert_array_equal(scores[:, 1], 0)
    assert macro_mean(scores, ("attack", "sniff")).max() == 0.5


def test_if_every_resample_lacks_a_class_there_is_no_interval() -> None:
    counts = np.zeros((40, 40, 40), int)
    counts[range(40), range(40), range(40)] = 5
    assert len(drawn(counts)) == 0
