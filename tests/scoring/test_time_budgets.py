import json

import numpy as np
import pytest

from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.scoring.time_budgets import budget_errors, budget_interval, held_out_budgets


def test_budgets_on_paper() -> None:
    """Four scored frames: a is true in one, and its probabilities sum to 1.2."""
    truth = np.array([0, 1, 1, 1, -1])
    probabilities = np.array([[0.6, 0.4], [0.2, 0.8], [0.4, 0.6], [0.0, 1.0], [1.0, 0.0]])
    unscored = ScoredVideo("unscored", np.full(5, -1), truth, probabilities, 30.0)
    video = ScoredVideo("v", truth, truth, probabilities, 30.0)
    budgets = json.loads(json.dumps(held_out_budgets([video, unscored], ("a", "b"))))
    assert budgets == {"v": {"true": [0.25, 0.75], "estimated": pytest.approx([0.3, 0.7])}}
    np.testing.assert_allclose(budget_errors(budgets), [[0.05, -0.05]])


def test_intervals_shrink_with_more_held_out_and_more_new_videos() -> None:
    """With unit variance, five held-out videos and one new one: t(4) = 2.776 times the root of 1 + 1/5."""
    errors = np.array([[0.1, -0.1], [-0.1, 0.1], [0.1, -0.1], [-0.1, 0.1], [0.0, 0.0]])
    bounds = budget_interval(np.array([0.5, 0.5]), 1, errors)
    assert bounds is not None
    np.testing.assert_allclose(bounds[1] - 0.5, 2.7764 * 0.1 * np.sqrt(1.2), rtol=1e-4)
    many = budget_interval(np.array([0.5, 0.5]), 20, errors)
    assert many is not None
    assert (many[1] - 0.5 < bounds[1] - 0.5).all()
    edge = budget_interval(np.array([0.01, 0.99]), 1, errors)
    assert edge is not None
    assert edge.min() == 0
    assert edge.max() == 1
    assert budget_interval(np.array([0.5, 0.5]), 1, errors[:2]) is None


def test_95_percent_intervals_hold_the_true_shares_about_so_often_if_errors_are_biased() -> None:
    generator, held = np.random.default_rng(0), []
    for _ in range(2000):
        errors = generator.normal(0.03, 0.05, (5, 2))
        bounds = budget_interval(np.array([0.4, 0.6]), 3, errors)
        assert bounds is not None
        true = np.array([0.4, 0.6]) - generator.normal(0.03, 0.05, (3, 2)).mean(0)
        held.append((bounds[0] <= true) & (true <= bounds[1]))
    assert 0.93 <= np.mean(held) <= 0.99
