"""Assembly: answers on paper, brute force, and what a skeleton must be."""

import itertools

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.peaks import Limbs, Peaks
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.assembly import best_limbs, join, require_tree

CHAIN = (("A", "B"), ("B", "C"))


def one_frame(edges: tuple[tuple[str, str], ...], affinities: list[np.ndarray]) -> tuple[Peaks, Limbs]:
    """Peaks of one frame, those of a keypoint after each other, and limbs with these affinities (source, target)."""
    skeleton = Skeleton(tuple(dict.fromkeys(name for edge in edges for name in edge)), edges)
    counts = dict.fromkeys(skeleton.keypoints, 0)
    for (source, target), affinity in zip(edges, affinities, strict=True):
        counts |= {source: affinity.shape[0], target: affinity.shape[1]}
    keypoint = np.repeat(np.arange(len(counts)), list(counts.values()))
    first = np.cumsum([0, *counts.values()])
    number = len(keypoint)
    peaks = Peaks("", skeleton, np.zeros(number, np.int64), keypoint, np.ones((number, 2), np.float32), None, 1)
    parts = []
    for edge, (affinity, (source, target)) in enumerate(zip(affinities, peaks.edges, strict=True)):
        rows, columns = np.nonzero(np.isfinite(affinity))
        parts.append((np.full(len(rows), edge), first[source] + rows, first[target] + columns, affinity[rows, columns]))
    return peaks, Limbs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def groups_of(peaks: Peaks, limbs: Limbs) -> set[frozenset[str]]:
    """Names such as A1 of the peaks of each group."""
    group = join(peaks, limbs)
    names = [
        f"{peaks.skeleton.keypoints[k]}{(peaks.keypoint[:i] == k).sum() + 1}" for i, k in enumerate(peaks.keypoint)
    ]
    return {frozenset(name for name, own in zip(names, group, strict=True) if own == each) for each in group}


def test_the_greedy_choice_is_wrong_and_the_best_sum_is_found() -> None:
    peaks, limbs = one_frame(CHAIN, [np.array([[0.9, 0.8], [0.7, 0.1]]), np.array([[0.2, 0.9], [0.9, 0.1]])])
    best = best_limbs(peaks, limbs)
    assert groups_of(peaks, best) == {frozenset({"A1", "B2", "C1"}), frozenset({"A2", "B1", "C2"})}
    assert best.affinity.sum() == pytest.approx(3.3)


def best_by_force(edges: list[tuple[int, int]], affinities: list[np.ndarray], keypoints: int) -> float:
    """The greatest sum over all partitions of the peaks into animals with one peak of each keypoint."""
    animals = len(affinities[0])
    orders = list(itertools.permutations(range(animals)))
    sums = []
    for chosen in itertools.product(orders, repeat=keypoints - 1):
        peak = [tuple(range(animals)), *chosen]  # peak[keypoint][animal]
        sums.append(
            sum(
                affinity[peak[a][i], peak[b][i]]
                for (a, b), affinity in zip(edges, affinities, strict=True)
                for i in range(animals)
            )
        )
    return max(sums)


@pytest.mark.parametrize("seed", range(40))
def test_no_partition_has_a_greater_sum_on_a_tree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    animals, keypoints = rng.integers(1, 4), rng.integers(2, 5)
    edges = [(int(rng.integers(0, child)), child) for child in range(1, keypoints)]
    affinities = [rng.random((animals, animals)).round(2) for _ in edges]
    names = "ABCD"
    peaks, limbs = one_frame(tuple((names[a], names[b]) for a, b in edges), affinities)
    order = [peaks.skeleton.keypoints.index(name) for name in names[:keypoints]]
    best = best_limbs(peaks, limbs)
    group = join(peaks, best)
    assert best.affinity.sum() == pytest.approx(best_by_force(edges, affinities, len(order)))
    assert len(np.unique(group)) == animals
    for each in np.unique(group):
        assert sorted(peaks.keypoint[group == each]) == list(range(keypoints))


@pytest.mark.parametrize("seed", range(20))
def test_without_some_candidates_the_sum_is_still_the_greatest(seed: int) -> None:
    """Independent: every subset of candidates that shares no peak, for unequal numbers of peaks."""
    rng = np.random.default_rng(seed)
    affinity = np.where(rng.random((3, 4)) < 0.5, rng.random((3, 4)), np.nan)
    affinity[0, 0] = 0.5
    peaks, limbs = one_frame((("A", "B"),), [affinity])
    options = [[None, *np.flatnonzero(np.isfinite(row))] for row in affinity]
    matchings = [
        [(i, j) for i, j in enumerate(columns) if j is not None]
        for columns in itertools.product(*options)
        if len({j for j in columns if j is not None}) == sum(j is not None for j in columns)
    ]
    assert best_limbs(peaks, limbs).affinity.sum() == pytest.approx(
        max(sum(affinity[pair] for pair in matching) for matching in matchings)
    )


def test_frames_do_not_mix_and_the_order_of_peaks_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    peaks, limbs = one_frame((("A", "B"),), [rng.random((3, 3))])
    again = best_limbs(peaks, limbs).affinity.sum()
    order = rng.permutation(6 * 50)
    frame, row = np.divmod(order, 6)
    where = np.argsort(order).reshape(50, 6)
    many = Peaks("", peaks.skeleton, frame, peaks.keypoint[row], np.ones((300, 2), np.float32), None, 50)
    repeated = Limbs(
        np.tile(limbs.edge, 50),
        where[:, limbs.source].ravel(),
        where[:, limbs.target].ravel(),
        np.tile(limbs.affinity, 50),
    )
    best = best_limbs(many, repeated)
    assert best.affinity.sum() == pytest.approx(50 * again)
    assert (many.frame[best.source] == many.frame[best.target]).all()
    assert len(np.unique(join(many, best))) == 150


def test_a_missing_peak_makes_an_animal_of_fewer_parts() -> None:
    peaks, limbs = one_frame(CHAIN, [np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.9], [0.1]])])
    assert groups_of(peaks, best_limbs(peaks, limbs)) == {frozenset({"A1", "B1", "C1"}), frozenset({"A2", "B2"})}


def test_a_missing_inner_node_splits_an_animal_in_two() -> None:
    edges = (("A", "B"), ("B", "C"), ("C", "D"), ("D", "E"))
    one, two = np.array([[0.9]]), np.array([[0.9, 0.1], [0.1, 0.9]])
    whole_and_split = [two, np.array([[0.9], [0.1]]), np.array([[0.9, 0.1]]), two]  # the second animal lacks its C
    peaks, limbs = one_frame(edges, whole_and_split)
    assert groups_of(peaks, best_limbs(peaks, limbs)) == {
        frozenset({"A1", "B1", "C1", "D1", "E1"}), frozenset({"A2", "B2"}), frozenset({"D2", "E2"})
    }  # fmt: skip
    peaks, limbs = one_frame(edges, [one] * 4)
    assert len(groups_of(peaks, best_limbs(peaks, limbs))) == 1


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ((*CHAIN, ("C", "A")), "expected a skeleton without cycles; found one that the edge from 'C' to 'A' closes"),
        ((*CHAIN, ("B", "A")), "from 'B' to 'A' closes"),
        ((("A", "A"),), "from 'A' to 'A' closes"),
        ((*CHAIN, ("D", "E")), "expected edges that join all keypoints; found none from 'A' to D, E: add an edge"),
    ],
)
def test_a_skeleton_that_is_no_tree_is_refused(edges: tuple[tuple[str, str], ...], message: str) -> None:
    skeleton = Skeleton(tuple(dict.fromkeys(name for edge in edges for name in edge)), edges)
    with pytest.raises(InputError, match=message):
        require_tree(skeleton)


def test_a_tree_is_accepted_in_any_order_of_its_edges() -> None:
    edges = (("E", "D"), ("B", "A"), ("C", "B"), ("C", "D"))
    require_tree(Skeleton(tuple("ABCDE"), edges))
