"""The most probable permutation of names, against known truth and against all permutations."""

from itertools import product

import numpy as np
import pytest

from ssl_behavior.tracking.association import seen_instances
from ssl_behavior.tracking.exchange_costs import exchange_costs, motion_cost
from ssl_behavior.tracking.memory import MotionScale, motion_scale
from ssl_behavior.tracking.permutations import likeliest_permutations
from tests.tracking.animals import exchanged, walkers


def scale_of(tracks: np.ndarray) -> MotionScale:
    return motion_scale(np.asarray(tracks, float), seen_instances(tracks))


def names(tracks: np.ndarray, penalty: float = 4.0) -> np.ndarray:
    return likeliest_permutations(tracks, np.full(len(tracks), penalty), scale_of(tracks))


@pytest.mark.parametrize("animals", [1, 2, 3, 5])
def test_true_names_stay(animals: int) -> None:
    assert (names(walkers(animals=animals)) == np.arange(animals)).all()


@pytest.mark.parametrize("seed", range(5))
def test_exchanges_are_undone(seed: int) -> None:
    whole = walkers(seed, animals=3)
    spoilt = exchanged(exchanged(whole, 120, 200), 300, pair=(1, 2))
    repaired = np.take_along_axis(spoilt, names(spoilt)[:, :, None, None], 1)
    np.testing.assert_array_equal(repaired, whole)


def test_an_animal_that_vanishes_does_not_exchange_the_others() -> None:
    # "Connect single breaks": the animal that is left gets the track of the one that is lost, and gives it back.
    whole = walkers(3)
    whole[200:240, 0] = np.nan
    spoilt = whole.copy()
    spoilt[200:240] = whole[200:240, ::-1]
    repaired = np.take_along_axis(spoilt, names(spoilt)[:, :, None, None], 1)
    np.testing.assert_array_equal(repaired, whole)


def test_an_animal_that_was_lost_long_ago_does_not_take_every_pose() -> None:
    whole = walkers(1)
    whole[100:, 1] = np.nan
    assert (names(whole, penalty=0.0)[:, 0] == 0).all()


def test_an_animal_that_comes_in_late_keeps_its_name() -> None:
    whole = walkers(2)
    whole[:150, 1] = np.nan
    whole[145:160, 0] = np.nan
    assert (names(whole) == [0, 1]).all()


@pytest.mark.parametrize("seed", range(20))
def test_no_other_names_cost_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks = rng.normal(0, 1, (9, 2, 1, 2)).cumsum(0)
    tracks[rng.random((9, 2)) < 0.15] = np.nan
    tracks[0] = rng.normal(0, 1, (2, 1, 2))
    scale, penalty = scale_of(tracks), 0.7

    def cost(is_exchanged: np.ndarray) -> float:
        return motion_cost(tracks, is_exchanged, scale) + penalty * np.diff(is_exchanged, prepend=False).sum()

    found = cost(names(tracks, penalty)[:, 0] == 1)
    least = min(cost(np.array(each)) for each in product([False, True], repeat=9))
    # Two hypotheses with the same memories and other velocities count as one.
    assert found <= least + 0.7


@pytest.mark.parametrize("seed", range(5))
def test_an_exchange_costs_at_least_what_the_next_pose_of_each_animal_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks = np.array([[[0.0, 0]], [[20, 0]]]) + rng.normal(0, 0.1, (60, 2, 1, 2)).cumsum(0)
    tracks[20:30, 1] = tracks[40:44] = np.nan
    scale, frames = scale_of(tracks), np.arange(60)
    costs = exchange_costs(tracks, scale)
    whole = motion_cost(tracks, np.zeros(60, bool), scale)
    for frame in (5, 15, 25, 50):
        # A jump also spoils the velocities, which costs more in the frames that follow.
        assert 10 < costs[frame] < motion_cost(tracks, frames >= frame, scale) - whole + 1
    assert np.isinf(costs[[0, 41]]).all()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="tracks must be"):
        likeliest_permutations(np.zeros((5, 2, 2)), np.zeros(5), MotionScale(1.0, 10.0))
