import numpy as np
import pytest

from ssl_behavior.learning_curve.bands import Curve, make_curve
from ssl_behavior.learning_curve.points import Point, PointTask
from ssl_behavior.learning_curve.variants import Variant
from ssl_behavior.scoring.bootstrap import interval, resamples, score_resamples
from ssl_behavior.scoring.frames import class_scores, macro_mean

BEHAVIOURS = ("attack", "mount", "other")


def point(counts: np.ndarray, variant: Variant = "pretrained", size: int = 3, draw: int = 0) -> Point:
    return Point(PointTask(variant, size, draw, ("a", "b", "c")), counts, 1.0)


def random_counts(seed: int, videos: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 300, (videos, 3, 3)) + np.eye(3, dtype=int) * rng.integers(0, 900, (videos, 1, 1))


def interval_and_mean(curve: Curve, size: int = 3) -> tuple[float, float, float]:
    estimate = curve.at("pretrained", size)
    return estimate.low, estimate.value, estimate.high


def test_scores_on_paper() -> None:
    """Frames of all test videos together; then the mean over draws."""
    first = np.array([[[2, 2, 0], [0, 6, 0], [0, 0, 0]], [[2, 0, 0], [0, 2, 0], [0, 0, 9]]])
    curve = make_curve([point(first), point(np.stack([np.eye(3, dtype=int)] * 2), draw=1)], BEHAVIOURS)
    attack, mount = 2 * 4 / (6 + 4), 2 * 8 / (8 + 10)
    assert curve.at("pretrained", 3, 1).value == pytest.approx((attack + 1) / 2)
    assert curve.at("pretrained", 3).value == pytest.approx(((attack + mount) / 2 + 1) / 2)
    np.testing.assert_allclose(curve.by_draw["pretrained", 3][:, 0], [(attack + mount) / 2, 1])


def test_without_variation_the_band_is_a_line() -> None:
    same = np.stack([random_counts(0, 1)[0]] * 4)
    low, value, high = interval_and_mean(make_curve([point(same), point(same, draw=1)], BEHAVIOURS))
    assert low == pytest.approx(value) == pytest.approx(high)


@pytest.mark.parametrize("seed", range(20))
def test_bands_hold_the_mean(seed: int) -> None:
    points = [point(random_counts(10 * seed + draw), draw=draw) for draw in range(3)]
    low, value, high = interval_and_mean(make_curve(points, BEHAVIOURS))
    assert 0 <= low < value < high <= 1


def test_one_draw_is_the_bootstrap_over_videos() -> None:
    """The same interval as ``scoring.bootstrap``, which the other commands report."""
    counts = random_counts(3)
    low, _, high = interval_and_mean(make_curve([point(counts)], BEHAVIOURS, seed=5))
    times_drawn = resamples(counts.sum(-1), 1000, np.random.default_rng(5))
    scores = score_resamples(counts, times_drawn, lambda sums: class_scores(sums).f1)
    value = macro_mean(class_scores(counts.sum(0)).f1, BEHAVIOURS)
    bounds = interval(value, macro_mean(scores, BEHAVIOURS), len(counts))
    assert bounds is not None
    np.testing.assert_allclose([low, high], bounds)


def test_resamples_without_a_behaviour_are_left_out_and_counted() -> None:
    """Two behaviours are always right and the third never is; a resample without the third would score 1."""
    right, all_three = np.diag([5, 5, 0]), np.array([[5, 0, 0], [0, 5, 0], [5, 0, 0]])
    names = ("attack", "mount", "sniff")
    curve = make_curve([point(np.stack([all_three, right, right]))], names)
    assert curve.resamples_left_out == pytest.approx(1000 * (2 / 3) ** 3, abs=50)
    assert len(curve.resampled["pretrained", 3]) == 1000 - curve.resamples_left_out
    assert curve.resampled["pretrained", 3][:, 0].max() < 2 / 3
    assert make_curve([point(np.stack([all_three] * 3))], names).resamples_left_out == 0


def test_points_are_compared_over_the_same_behaviours() -> None:
    """A frame labelled with a behaviour that the test videos do not show is a miss, and adds no third class at 0."""
    right = np.diag([10, 10, 0])
    wrong = right + np.array([[-1, 0, 1], [0, 0, 0], [0, 0, 0]])
    points = [
        point(np.stack([counts] * 3), variant) for counts, variant in ((right, "pretrained"), (wrong, "from-scratch"))
    ]
    curve = make_curve(points, ("attack", "mount", "sniff"))  # type: ignore[arg-type]
    assert curve.at("from-scratch", 3).value == pytest.approx((2 * 9 / 19 + 1) / 2)
    assert curve.at("from-scratch", 3).low == pytest.approx(curve.at("from-scratch", 3).value)
    assert np.isnan(curve.at("from-scratch", 3, 3).value)


def test_a_few_draws_vary_as_much_as_their_mean_does() -> None:
    """With identical videos, only the draws vary: the variance of a mean of n is s²/n."""
    points = [point(np.stack([random_counts(draw, 1)[0]] * 5), draw=draw) for draw in range(4)]
    curve = make_curve(points, BEHAVIOURS)
    scores = curve.by_draw["pretrained", 3][:, 0]
    assert curve.resampled["pretrained", 3][:, 0].var() == pytest.approx(scores.var(ddof=1) / 4, rel=0.15)


def test_differences_are_more_certain_than_bands() -> None:
    """The same frames gained in every video: test videos differ, the gain does not."""
    hard, easy = random_counts(1), random_counts(1) + np.eye(3, dtype=int) * 400
    curve = make_curve([point(hard, size=3), point(easy, size=10)], BEHAVIOURS)
    gain = curve.gain(("pretrained", 3), ("pretrained", 10))
    band = curve.at("pretrained", 10)
    assert gain.value == pytest.approx(band.value - curve.at("pretrained", 3).value)
    assert 0 < gain.low < gain.value < gain.high
    nothing = curve.gain(("pretrained", 3), ("pretrained", 3))
    assert (nothing.low, nothing.value, nothing.high) == (0, 0, 0)


def test_the_lead_is_the_mean_over_sizes() -> None:
    points = [
        point(random_counts(seed), variant, size)
        for seed, (variant, size) in enumerate(
            ((variant, size) for size in (3, 10) for variant in ("pretrained", "from-scratch")),  # type: ignore[misc]
        )
    ]
    curve = make_curve(points, BEHAVIOURS)
    assert curve.variants == ("pretrained", "from-scratch")
    assert curve.sizes == (3, 10)
    gains = [curve.gain(("from-scratch", size), ("pretrained", size)).value for size in (3, 10)]
    assert curve.lead("pretrained", "from-scratch").value == pytest.approx(np.mean(gains))


def test_a_behaviour_that_never_occurs_has_no_score() -> None:
    counts = random_counts(0)
    counts[:, 1], counts[:, :, 1] = 0, 0
    curve = make_curve([point(counts)], BEHAVIOURS)
    assert np.isnan(curve.at("pretrained", 3, 2).value)
    assert np.isnan(curve.at("pretrained", 3, 2).low)
    assert curve.at("pretrained", 3).value == curve.at("pretrained", 3, 1).value
