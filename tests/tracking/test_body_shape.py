"""Body shape tells two animals apart if they differ, and is silent if they do not."""

from itertools import product

import numpy as np
import pytest

from ssl_behavior.tracking.body_shape import shape_evidence
from ssl_behavior.tracking.pair_chain import PairChain
from tests.tracking.animals import exchanged, walkers

FRAMES = 3000
STRETCHES = np.arange(FRAMES) // 150


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_stretches_with_exchanged_animals_have_the_other_sign(gaps: float) -> None:
    tracks = walkers(frames=FRAMES, sizes=(1.0, 1.15))
    rng = np.random.default_rng(0)
    tracks[rng.random(tracks.shape[:3]) < gaps] = np.nan
    is_exchanged = rng.random(20) < 0.5
    tracks = exchanged(tracks, *(np.flatnonzero(np.diff(is_exchanged, prepend=False)) * 150))
    evidence = shape_evidence(tracks, STRETCHES)
    assert len({*np.sign(evidence[is_exchanged]), *-np.sign(evidence[~is_exchanged])}) == 1
    assert np.abs(evidence).min() > 2


def test_animals_that_look_alike_give_no_evidence() -> None:
    assert not shape_evidence(walkers(frames=FRAMES), STRETCHES).any()


def test_rigid_bodies_without_noise_are_told_apart() -> None:
    pair = np.zeros((FRAMES, 2, 3, 2)) + np.arange(6).reshape(3, 2) * np.array([1, 1.2])[:, None, None]
    evidence = shape_evidence(exchanged(pair, 600), STRETCHES)
    assert len({*np.sign(evidence[:4]), *-np.sign(evidence[4:])}) == 1


def test_a_few_short_stretches_give_no_evidence() -> None:
    assert not shape_evidence(walkers(frames=150, sizes=(1.0, 2.0)), np.arange(150) // 75).any()
    assert not shape_evidence(np.full((90, 2, 4, 2), np.nan), np.arange(90) // 30).any()


@pytest.mark.parametrize("seed", range(10))
def test_the_chain_finds_the_states_that_cost_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    evidence, changes = rng.normal(0, 3, 7), rng.normal(1, 2, 6)
    chain = PairChain(np.arange(7), evidence, changes)

    def cost(states: tuple[int, ...]) -> float:
        return float(np.dot(states, evidence) + np.abs(np.diff(states)) @ changes)

    found = chain.likeliest().astype(int)
    assert not found[0]
    best = min(product([0, 1], repeat=7), key=cost)
    assert tuple(found ^ best[0]) == best
