"""Assembly: peaks of a bottom-up network become instances.

Each edge of the skeleton is a matching of its own: in every frame the limbs are chosen whose affinities have the
greatest sum, so that each peak has one limb of this edge at most. Peaks that limbs connect are one instance. If the
skeleton is a tree, no instance has two peaks of one keypoint, and no other choice has a greater sum, because no edge
limits another one. With a cycle the problem is NP-hard.

From the text of the supplement of SLEAP ("Bottom-up instance assembly", Pereira et al. 2022,
doi:10.1038/s41592-022-01426-1). Its proof assumes that every peak of every animal was found. If a keypoint between two
others is missing, the animal falls apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.recordings.peaks import Limbs, Peaks
from ssl_behavior.recordings.skeleton import Skeleton


def require_tree(skeleton: Skeleton) -> None:
    """Make sure that the edges of a skeleton form a tree, on which assembly is exact.

    Raises:
        InputError: an edge closes a cycle, or no edges lead from one keypoint to another.
    """
    part = {name: name for name in skeleton.keypoints}
    for source, target in skeleton.edges:
        if part[source] == part[target]:
            raise InputError(
                f"expected a skeleton without cycles; found one that the edge from {source!r} to {target!r} closes, "
                "and no exact assembly is known for it: leave out an edge of the cycle"
            )
        joined = part[target]
        part = {name: part[source] if first == joined else first for name, first in part.items()}
    first = part[skeleton.keypoints[0]]
    if apart := [name for name, other in part.items() if other != first]:
        raise InputError(
            f"expected edges that join all keypoints; found none from {skeleton.keypoints[0]!r} to "
            f"{list_names(apart, 5)}: add an edge"
        )


def best_limbs(peaks: Peaks, limbs: Limbs) -> Limbs:
    """Choose the limbs with the greatest sum of affinities, at most one of each edge for a peak.

    Args:
        peaks: of one video.
        limbs: candidates, of which none has a negative affinity.

    Examples:
        >>> best_limbs(peaks, limbs).affinity.sum()  # doctest: +SKIP
        3.3
    """
    place, chosen = _places(peaks), [np.empty(0, np.int64)]
    for edge in range(len(peaks.edges)):
        candidates = np.flatnonzero(limbs.edge == edge)
        source, target = limbs.source[candidates], limbs.target[candidates]
        is_alone = (np.bincount(source)[source] == 1) & (np.bincount(target)[target] == 1)
        # A limb whose peaks have no other candidate is in every best matching.
        chosen.append(candidates[is_alone])
        contested = candidates[~is_alone]
        contested = contested[np.argsort(peaks.frame[limbs.source[contested]], kind="stable")]
        for of_frame in _split_where_changed(contested, peaks.frame[limbs.source[contested]]):
            rows, columns = place[limbs.source[of_frame]], place[limbs.target[of_frame]]
            chosen.append(of_frame[_matching(rows, columns, limbs.affinity[of_frame])])
    return limbs.subset(np.concatenate(chosen))


def join(peaks: Peaks, limbs: Limbs) -> np.ndarray:
    """Return (peak,) int64, the group of each: peaks that limbs connect are one group, others a group of their own."""
    number = len(peaks.frame)
    graph = coo_array((np.ones(len(limbs), bool), (limbs.source, limbs.target)), shape=(number, number))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _matching(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (candidate,) whether it is in the matching of rows and columns with the greatest sum of weights."""
    matrix = np.zeros((rows.max() + 1, columns.max() + 1))
    matrix[rows, columns] = weights
    match = np.full(len(matrix), -1)
    matched, targets = linear_sum_assignment(matrix, maximize=True)
    match[matched] = targets
    return np.asarray(match[rows] == columns)


def _split_where_changed(values: np.ndarray, group: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the parts of an array between changes of the group."""
    stops = [*(np.flatnonzero(np.diff(group)) + 1).tolist(), len(values)]
    start = 0
    for stop in stops:
        if stop > start:
            yield values[start:stop]
        start = stop


def _places(peaks: Peaks) -> np.ndarray:
    """Return (peak,) the place of each among the peaks of its frame and keypoint."""
    kind = peaks.frame * len(peaks.skeleton.keypoints) + peaks.keypoint
    order = np.argsort(kind, kind="stable")
    starts = np.flatnonzero(np.diff(kind[order], prepend=-1))
    first = np.repeat(starts, np.diff(starts, append=len(order)))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order)) - first
    return places
