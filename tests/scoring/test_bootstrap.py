from itertools import product

import numpy as np
import pytest

from ssl_behavior.scoring import class_scores, interval, macro_mean, resamples, score_resamples
from ssl_behavior.scoring.bootstrap import allow_for_learning, difference_interval


def f1(sums: np.ndarray) -> np.ndarray:
    return class_scores(sums).f1


def drawn(counts: np.ndarray, draws: int = 1000, seed: int = 0) -> np.ndarray:
    return resamples(counts.sum(-1), draws, np.random.default_rng(seed))


def test_videos_that_agree_give_an_interval_of_width_zero() -> None:
    counts = np.broadcast_to(np.array([[8, 2], [1, 9]]), (6, 2, 2))
    bounds = interval(f1(counts.sum(0)), score_resamples(counts, drawn(counts), f1), 6)
    assert bounds is not None
    np.testing.assert_allclose(bounds[0], f1(counts[0]))
    np.testing.assert_allclose(bounds[0], bounds[1])


def test_a_mean_has_the_textbook_interval() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    counts = np.stack([values, np.ones(400)], 1)
    times_drawn = resamples(np.ones((400, 1)), 4000, np.random.default_rng(0))
    scores = score_resamples(counts, times_drawn, lambda sums: sums[..., :1] / sums[..., 1:])
    bounds = difference_interval(values.mean(keepdims=True), scores, 400)
    assert bounds is not None
    expected = values.mean() + np.array([-1.96, 1.96]) * values.std() / 20
    np.testing.assert_allclose(bounds[:, 0], expected, atol=0.03)


def test_the_seed_decides_the_resamples() -> None:
    counts = np.random.default_rng(0).integers(0, 50, (7, 3, 3))
    np.testing.assert_array_equal(drawn(counts, seed=3), drawn(counts, seed=3))
    assert not np.array_equal(drawn(counts, seed=3), drawn(counts, seed=4))


@pytest.mark.parametrize(("videos", "draws"), [(1, 1000), (2, 1000), (5, 0)])
def test_two_videos_or_no_draws_give_no_interval(videos: int, draws: int) -> None:
    counts = np.ones((videos, 2, 2))
    assert interval(f1(counts.sum(0)), score_resamples(counts, drawn(counts, draws), f1), videos) is None


def test_a_class_without_a_score_has_no_interval() -> None:
    counts = np.zeros((3, 2, 2), int)
    counts[:, 0, 0] = 5
    bounds = interval(f1(counts.sum(0)), score_resamples(counts, drawn(counts), f1), 3)
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


@pytest.mark.parametrize("videos", [3, 5, 8, 20])
def test_95_percent_intervals_hold_the_score_of_all_videos_about_so_often(videos: int) -> None:
    """Videos differ in how often each class is confused. Percentiles of resamples hold the score of three in 60 %."""
    generator = np.random.default_rng(videos)

    def filmed(number: int) -> np.ndarray:
        right = generator.beta(6, 3, (number, 2))
        frames = generator.gamma(4, 250, (number, 2))
        return np.stack([right * frames, (1 - right) * frames], -1)[:, [[0], [1]], [[0, 1], [1, 0]]].round()

    def macro(sums: np.ndarray) -> np.ndarray:
        return f1(sums).mean(-1, keepdims=True)

    truth, held, width = macro(filmed(20_000).sum(0))[0], [], []
    for seed in range(150):
        counts = filmed(videos)
        bounds = interval(macro(counts.sum(0)), score_resamples(counts, drawn(counts, 200, seed), macro), videos)
        assert bounds is not None
        held.append(bool(bounds[0, 0] <= truth <= bounds[1, 0]))
        width.append(float(bounds[1, 0] - bounds[0, 0]))
    assert 0.88 <= np.mean(held) <= 0.99
    assert np.mean(width) < 0.75


def test_scores_of_models_that_saw_fewer_videos_may_be_better_than_they_look() -> None:
    bounds = np.array([[0.5], [0.84]])
    of_few, of_all = allow_for_learning(bounds, 1 / 16), allow_for_learning(bounds, 1.0)
    assert of_few is not None
    assert of_all is not None
    np.testing.assert_allclose(of_few.ravel(), [0.5, 0.92])
    np.testing.assert_allclose(of_all, bounds)
    assert allow_for_learning(None, 0.5) is None
