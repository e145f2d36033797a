"""Simulated annotators have the habits that they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ssl_behavior.simulation.annotators import Bout, Habits, annotate

RATE, FRAMES = 30.0, 30_000


def _bouts(count: int = 200, length: int = 40, action: str = "sniff") -> list[Bout]:
    return [Bout(1, 2, action, 100 * i + 20, 100 * i + 20 + length) for i in range(count)]


def _annotate(bouts: list[Bout], habits: Habits, seed: int = 0) -> list[Bout]:
    return annotate(bouts, habits, RATE, FRAMES, np.random.default_rng(seed))


def test_an_annotator_without_habits_writes_the_truth() -> None:
    assert _annotate(_bouts(), Habits()) == _bouts()


def test_edges_are_late_and_spread_as_stated() -> None:
    starts = np.array([bout.start for bout in _annotate(_bouts(), Habits(late=0.2, spread=0.1))])
    delays = (starts - [bout.start for bout in _bouts()]) / RATE
    assert delays.mean() == pytest.approx(0.2, abs=0.03)
    assert delays.std() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("grid", [3, 9])
def test_edges_lie_on_the_grid(grid: int) -> None:
    annotated = _annotate(_bouts(length=2), Habits(spread=0.1, grid=grid))
    assert len(annotated) == 200
    assert all(bout.start % grid == bout.stop % grid == 0 and bout.start < bout.stop for bout in annotated)


def test_short_bouts_are_missed_more_often_than_long_ones() -> None:
    habits = Habits(shortest=1.0, misses=0.1)
    assert 20 <= len(_annotate(_bouts(length=10), habits)) <= 60
    assert 165 <= len(_annotate(_bouts(length=40), habits)) <= 195


def test_bouts_of_one_action_are_joined_over_short_gaps_only() -> None:
    bouts = [Bout(1, 2, "sniff", 0, 30), Bout(1, 2, "sniff", 35, 60), Bout(1, 2, "sniff", 90, 120)]
    between = Bout(1, 2, "attack", 31, 34)
    assert _annotate(bouts, Habits(merges=0.5)) == [Bout(1, 2, "sniff", 0, 60), bouts[2]]
    assert _annotate([bouts[0], between, *bouts[1:]], Habits(merges=0.5)) == [bouts[0], between, *bouts[1:]]


def test_an_action_gets_the_name_of_the_laboratory() -> None:
    annotated = _annotate(_bouts(action="attack"), Habits(names={"attack": "tussle"}))
    assert {bout.action for bout in annotated} == {"tussle"}


@pytest.mark.parametrize("seed", range(20))
def test_bouts_of_a_pair_never_overlap_and_never_pass_the_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.choice(np.arange(300), 30, replace=False)).tolist()
    bouts = [
        Bout(1, int(rng.integers(1, 3)), ("sniff", "rear")[i % 2], start, stop)
        for i, (start, stop) in enumerate(itertools.pairwise(edges))
    ]
    annotated = annotate(bouts, Habits(late=0.3, spread=0.5, grid=4), RATE, 301, rng)
    for target in (1, 2):
        its_bouts = sorted((bout for bout in annotated if bout.target == target), key=lambda bout: bout.start)
        for before, after in itertools.pairwise(its_bouts):
            assert before.stop < after.start + (before.action != after.action)
    assert all(0 <= bout.start < bout.stop <= 301 for bout in annotated)
