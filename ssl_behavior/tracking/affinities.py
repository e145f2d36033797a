"""Affinities from lengths, for peaks whose network gives none.

Every edge has a typical length, which is measured on the peaks themselves. The affinity of a candidate limb is the
logarithm of the odds that its peaks are of one animal: of two densities of the target's place, times the odds before
the length is looked at. In one animal, the length has Student's density, the same in all directions. By chance, the
target is anywhere in the area with peaks.

Directions do not count. Without the image, the direction of a limb is known only relative to the other limbs of its
animal. A score of two limbs would tie the edges to each other, and assembly would no longer be exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ssl_behavior.recordings.peaks import Limbs, Peaks

_ROUNDS = 5
"""Rounds of choosing sure limbs by the lengths, and measuring the lengths of these."""
_SAMPLED_FRAMES = 5_000
_PAIRS_AT_A_TIME = 1 << 20
_SHORTEST = 0.01
"""Pixels of the shortest typical length."""
_SPREAD = 0.3
"""Scale of the lengths of an edge, as a part of the typical one: bodies bend, tilt and differ in size."""
_ODDS = 50.0
"""Odds before the length is looked at: a peak whose partner was found is rarely without a limb."""
_DEGREES = 3
"""Degrees of freedom of Student's distribution; few, as networks misplace some peaks by far."""


class LimbLengths(NamedTuple):
    """How long the limbs of these animals are.

    Attributes:
        typical: (edge,) median length in pixels; NaN where no frame has peaks of both ends.
        area: of the box around all peaks, in square pixels.
    """

    typical: np.ndarray
    area: float

    def affinity(self, edge: int, lengths: np.ndarray) -> np.ndarray:
        """Return the logarithm of the odds that limbs of an edge with these lengths are of one animal."""
        spread = _SPREAD * self.typical[edge]
        tails = 1 + ((lengths - self.typical[edge]) / spread) ** 2 / _DEGREES
        at_typical = math.gamma((_DEGREES + 1) / 2) / (
            math.gamma(_DEGREES / 2) * math.sqrt(_DEGREES * math.pi) * spread
        )
        # The density of a length lies on a circle, whose smallest size keeps peaks at one place from infinite affinity.
        circle = 2 * math.pi * np.maximum(lengths, spread)
        return np.asarray(np.log(_ODDS * self.area * at_typical / circle) - (_DEGREES + 1) / 2 * np.log(tails))


def limb_lengths(peaks: Peaks) -> LimbLengths:
    """Measure the lengths of limbs on peaks, without knowing which belong together.

    Limbs count whose two peaks are each other's best partner in their frame: first the nearest one, then the one that
    fits the lengths so far best. The median over all frames bears the wrong ones.

    Args:
        peaks: of one video.

    Examples:
        >>> limb_lengths(peaks).typical  # doctest: +SKIP
        array([31.2, 12.8])
    """
    seen = peaks.positions[peaks.is_found].astype(np.float64)
    extent = np.ptp(seen, axis=0) if len(seen) else np.ones(2)
    # One pixel is the least that a peak covers.
    area = float(np.prod(np.maximum(extent, 1)))
    typical = np.full(len(peaks.edges), np.nan)
    for edge in range(len(peaks.edges)):
        pairs = list(_pairs(peaks, edge, _sample(peaks, edge)))
        if not pairs:
            continue
        source, target = np.concatenate(pairs, axis=1)
        lengths = _lengths(peaks, source, target)
        sure = _mutual_best(source, target, -lengths)
        for _ in range(_ROUNDS):
            typical[edge] = max(float(np.median(lengths[sure])), _SHORTEST)
            sure = _mutual_best(source, target, LimbLengths(typical, area).affinity(edge, lengths))
    return LimbLengths(typical, area)


def limbs_of_lengths(peaks: Peaks, lengths: LimbLengths, threshold: float = 0.0) -> tuple[Limbs, int]:
    """Return the candidate limbs that are likely by their lengths, and the number of the others.

    Args:
        peaks: of one video.
        lengths: of the limbs of its animals.
        threshold: least affinity; at 0, peaks are as likely of one animal as not.
    """
    found, dropped = np.flatnonzero(peaks.is_found), 0
    columns: list[tuple[np.ndarray, ...]] = [(*np.empty((3, 0), np.int64), np.empty(0))]
    for edge in range(len(peaks.edges)):
        for source, target in _pairs(peaks, edge, found):
            affinity = lengths.affinity(edge, _lengths(peaks, source, target))
            is_likely = affinity >= threshold
            number = int(is_likely.sum())
            dropped += len(affinity) - number
            columns.append((np.full(number, edge), source[is_likely], target[is_likely], affinity[is_likely]))
    return Limbs(*(np.concatenate(column) for column in zip(*columns, strict=True))), dropped


def _sample(peaks: Peaks, edge: int) -> np.ndarray:
    """Return the peaks in a sample of the frames that have peaks of both ends of an edge."""
    frames = [peaks.frame[peaks.is_found & (peaks.keypoint == end)] for end in peaks.edges[edge]]
    common = np.intersect1d(*frames)
    sampled = common[:: max(1, math.ceil(len(common) / _SAMPLED_FRAMES))]
    return np.flatnonzero(peaks.is_found & np.isin(peaks.frame, sampled))


def _pairs(peaks: Peaks, edge: int, which: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all pairs (source, target) of these peaks that an edge may join, in blocks that fit into memory."""
    ends = [which[peaks.keypoint[which] == end] for end in peaks.edges[edge]]
    source, target = (end[np.argsort(peaks.frame[end], kind="stable")] for end in ends)
    first, last = (np.searchsorted(peaks.frame[target], peaks.frame[source], side) for side in ("left", "right"))
    counts = last - first
    block = np.cumsum(counts) // _PAIRS_AT_A_TIME
    for number in np.unique(block[counts > 0]):
        rows = np.flatnonzero(block == number)
        repeated = np.repeat(rows, counts[rows])
        ends_of_rows = np.cumsum(counts[rows])
        within = np.arange(len(repeated)) - np.repeat(ends_of_rows - counts[rows], counts[rows])
        yield source[repeated], target[first[repeated] + within]


def _lengths(peaks: Peaks, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    difference = peaks.positions[target].astype(np.float64) - peaks.positions[source]
    return np.asarray(np.hypot(difference[:, 0], difference[:, 1]))


def _mutual_best(source: np.ndarray, target: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return (pair,) whether each of the two peaks has no pair with a higher score."""
    is_best = np.ones(len(score), bool)
    for end in (source, target):
        best = np.full(int(end.max()) + 1, -np.inf)
        np.maximum.at(best, end, score)
        is_best &= score >= best[end]
    return is_best
