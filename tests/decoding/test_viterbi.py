import itertools

import numpy as np
import pytest

from ssl_behavior.decoding.viterbi import best_path


def value(path: np.ndarray, scores: np.ndarray, transitions: np.ndarray) -> float:
    return float(scores[np.arange(len(path)), path].sum() + transitions[path[:-1], path[1:]].sum())


@pytest.mark.parametrize("time", [1, 2, 3, 5, 7])
def test_no_other_path_is_better(time: int) -> None:
    generator = np.random.default_rng(time)
    scores, transitions = generator.normal(size=(time, 3)), generator.normal(size=(3, 3))
    best = max(itertools.product(range(3), repeat=time), key=lambda path: value(np.array(path), scores, transitions))
    np.testing.assert_array_equal(best_path(scores, transitions), best)


@pytest.mark.parametrize("time", [10, 99, 100, 101, 1000])
def test_against_the_frame_by_frame_recursion(time: int) -> None:
    generator = np.random.default_rng(time)
    scores, transitions = generator.normal(size=(time, 4)), np.log(generator.dirichlet(np.ones(4), 4))
    state, pointers = scores[0], []
    for row in scores[1:]:
        candidates = state[:, None] + transitions
        pointers.append(candidates.argmax(0))
        state = candidates.max(0) + row
    path = [int(state.argmax())]
    for pointer in reversed(pointers):
        path.append(int(pointer[path[-1]]))
    np.testing.assert_array_equal(best_path(scores, transitions), path[::-1])


def test_free_transitions_leave_the_best_class_of_each_frame() -> None:
    scores = np.random.default_rng(0).normal(size=(500, 5))
    np.testing.assert_array_equal(best_path(scores, np.zeros((5, 5))), scores.argmax(1))
    assert best_path(np.zeros((0, 3)), np.zeros((3, 3))).shape == (0,)
