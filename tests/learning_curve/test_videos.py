from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.learning_curve.videos import default_sizes, draw_orders, hold_out, require_distinct
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.mark.parametrize("seed", range(5))
def test_behaviours_of_two_videos_each_are_on_both_sides(seed: int) -> None:
    """Two of twenty videos show each of four behaviours, and all show a fifth."""
    counts = np.zeros((20, 5), int)
    counts[:, 4] = 1000
    for behaviour in range(4):
        counts[[2 * behaviour, 2 * behaviour + 1], behaviour] = 50
    chosen = hold_out(counts, 5, seed)
    assert len(set(chosen)) == 5
    assert (counts[chosen].sum(0) > 0).all()
    assert (np.delete(counts, chosen, 0).sum(0) > 0).all()
    assert hold_out(counts, 5, seed) == chosen


def test_held_out_videos_are_like_the_others() -> None:
    rng = np.random.default_rng(0)
    counts = (rng.gamma(0.3, 1, (40, 3)) * [300, 3000, 6000]).astype(int)
    shares = counts[hold_out(counts, 10, 0)].sum(0) / counts.sum(0)
    by_chance = [counts[rng.permutation(40)[:10]].sum(0) / counts.sum(0) for _ in range(200)]
    assert np.abs(shares - 0.25).max() < np.median([np.abs(chance - 0.25).max() for chance in by_chance]) / 3


def test_draws_are_nested_and_start_differently() -> None:
    counts = np.random.default_rng(1).integers(0, 2, (12, 3))
    orders = draw_orders(counts, 6, 0)
    assert all(sorted(order) == list(range(12)) for order in orders)
    varied = set(np.flatnonzero((counts > 0).sum(1) > 1))
    starts = [order[0] for order in orders]
    assert set(starts) <= varied
    assert len(set(starts)) == min(6, len(varied))
    assert draw_orders(counts, 3, 0) == orders[:3]
    assert draw_orders(counts, 6, 1) != orders


def test_draws_where_no_video_shows_two_behaviours() -> None:
    assert {order[0] for order in draw_orders(np.eye(3, dtype=int), 3, 0)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("videos", "sizes"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (4, (1, 3, 4)),
        (6, (2, 3, 6)),
        (12, (2, 3, 5, 12)),
        (30, (2, 3, 5, 10, 20, 30)),
        (100, (2, 3, 5, 10, 20, 40, 100)),
    ],
)
def test_default_sizes(videos: int, sizes: tuple[int, ...]) -> None:
    assert default_sizes(videos) == sizes


def test_the_same_tracks_under_two_names_are_refused(wander: Callable[..., Recording]) -> None:
    poses = [prepare(wander(seed), MICE, Preparation()) for seed in range(3)]
    require_distinct(poses)
    with pytest.raises(InputError, match="wander1 and again: expected different tracks"):
        require_distinct([*poses, replace(poses[1], id="again")])
