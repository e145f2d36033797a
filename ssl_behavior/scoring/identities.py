"""Scores of identities: how well tracks keep to the animals.

Bernardin and Stiefelhagen 2008 (switches, MOTA), doi:10.1155/2008/246309; Ristani et al. 2016 (IDF1),
https://arxiv.org/abs/1609.01775; Luiten et al. 2021 (HOTA), https://arxiv.org/abs/2009.07736.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add

import numpy as np
from scipy.optimize import linear_sum_assignment

from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.scoring.clear_mot import count_exchanges, match_frames, switches
from ssl_behavior.scoring.hota import hits_and_associations, hota
from ssl_behavior.scoring.similarities import Similarities, similarities_of_detections


@dataclass(frozen=True)
class IdentityScores:
    """Counts of one or more recordings, and the scores that they give.

    Attributes:
        frames: number of frames.
        true: number of true poses.
        tracked: number of tracked poses.
        hits: number of true poses that are matched with a tracked one.
        switches: changes of the track that an animal is matched with, from one match to the next one.
        exchanges: pairs of switches with which two animals take each other's track.
        identified: true poses under the one track that fits their animal best.
        hits_of_hota: number of matches at each threshold of HOTA.
        associations: sum of the matches' accuracies of association at each threshold of HOTA.
    """

    frames: int
    true: int
    tracked: int
    hits: int
    switches: int
    exchanges: int
    identified: int
    hits_of_hota: tuple[int, ...]
    associations: tuple[float, ...]

    def __add__(self, other: IdentityScores) -> IdentityScores:
        """Return the scores of both: counts are added, so long recordings count for more."""
        return IdentityScores(
            self.frames + other.frames,
            self.true + other.true,
            self.tracked + other.tracked,
            self.hits + other.hits,
            self.switches + other.switches,
            self.exchanges + other.exchanges,
            self.identified + other.identified,
            tuple(map(add, self.hits_of_hota, other.hits_of_hota)),
            tuple(map(add, self.associations, other.associations)),
        )

    @property
    def misses(self) -> int:
        """True poses without a match."""
        return self.true - self.hits

    @property
    def false_positives(self) -> int:
        """Tracked poses without a match."""
        return self.tracked - self.hits

    @property
    def switches_per_1000_frames(self) -> float:
        """Switches per 1,000 frames."""
        return 1000 * self.switches / self.frames

    @property
    def idf1(self) -> float:
        """Share of the poses under the one track that is matched to their animal, as F1."""
        return 2 * self.identified / (self.true + self.tracked)

    @property
    def mota(self) -> float:
        """1 minus misses, false positives and switches per true pose."""
        return 1 - (self.misses + self.false_positives + self.switches) / self.true

    @property
    def hota(self) -> float:
        """Geometric mean of the accuracies of detection and of association, averaged over thresholds of similarity."""
        return hota(self.hits_of_hota, self.associations, self.true, self.tracked)


def identity_scores(truth: np.ndarray, tracks: np.ndarray) -> IdentityScores:
    """Score the tracks of given detections, which are all at their true places.

    Args:
        truth: (time, detection) int, the animal of each detection; ``NOBODY`` where there is no animal.
        tracks: (time, detection) int, the track of each detection; ``NOBODY`` where it has none. No animal and no track
            has two detections in a frame.

    Raises:
        ValueError: the shapes differ, no detection is true, or a frame has an animal or a track twice.

    Examples:
        >>> identity_scores(np.array([[0, 1], [0, 1], [0, 1]]), np.array([[0, 1], [0, 1], [1, 0]])).exchanges
        1
    """
    return score_identities(similarities_of_detections(truth, tracks))


def score_identities(similarities: Similarities) -> IdentityScores:
    """Score tracks against animals whose poses may differ from theirs.

    Raises:
        ValueError: there is no true pose.

    Examples:
        >>> score_identities(similarities_of_poses(truth, tracked, match_within=12.5)).hota
    """
    true = int(similarities.truth.sum())
    if not true:
        raise ValueError("expected a true detection or more; got none")
    matched = match_frames(similarities)
    changes = switches(matched)
    together = similarities.matches().count_together()
    hits_of_hota, associations = hits_and_associations(similarities)
    return IdentityScores(
        len(similarities.truth),
        true,
        int(similarities.tracked.sum()),
        int((matched != NOBODY).sum()),
        len(changes),
        count_exchanges(changes),
        int(together[linear_sum_assignment(together, maximize=True)].sum()),
        hits_of_hota,
        associations,
    )


def best_tracks(similarities: Similarities) -> list[tuple[int, int] | None]:
    """Return the track that is each animal's in IDF1, and the number of frames in which it is; None without one."""
    together = similarities.matches().count_together()
    best: list[tuple[int, int] | None] = [None] * len(together)
    for animal, track in zip(*linear_sum_assignment(together, maximize=True), strict=True):
        if together[animal, track]:
            best[int(animal)] = int(track), int(together[animal, track])
    return best
