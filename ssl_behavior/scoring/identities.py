"""Scores of identities: how well tracks keep to the animals, where the detections themselves are given.

Bernardin and Stiefelhagen 2008 (switches, MOTA), doi:10.1155/2008/246309; Ristani et al. 2016 (IDF1),
https://arxiv.org/abs/1609.01775; Luiten et al. 2021 (HOTA), https://arxiv.org/abs/2009.07736. All detections are at
their true places, so a score of every overlap is the same and HOTA needs no thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ssl_behavior.recordings.individuals import NOBODY


@dataclass(frozen=True)
class IdentityScores:
    """Scores of one recording.

    Attributes:
        frames: number of frames.
        switches: changes of the track that an animal is in, from one frame in which it has a track to the next one.
        exchanges: pairs of switches with which two animals take each other's track.
        idf1: share of the detections under the one track that is matched to their animal, as F1.
        mota: 1 minus misses, false detections and switches per true detection.
        hota: geometric mean of the accuracies of detection and of association.
    """

    frames: int
    switches: int
    exchanges: int
    idf1: float
    mota: float
    hota: float

    @property
    def switches_per_1000_frames(self) -> float:
        """Switches per 1,000 frames."""
        return 1000 * self.switches / self.frames


def identity_scores(truth: np.ndarray, tracks: np.ndarray) -> IdentityScores:
    """Score the tracks of detections.

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
    if truth.shape != tracks.shape or truth.ndim != 2:
        raise ValueError(f"truth and tracks must both be (time, detection); got {truth.shape} and {tracks.shape}")
    _require_once_per_frame(truth, "animal")
    _require_once_per_frame(tracks, "track")
    together = _co_occurrence(truth, tracks)
    hits, true = int(together.sum()), int((truth != NOBODY).sum())
    false = int((tracks != NOBODY).sum()) - hits
    if not true:
        raise ValueError("expected a true detection or more; got none")
    matched = together[linear_sum_assignment(together, maximize=True)].sum()
    changes = _switches(truth, tracks)
    association = together**2 / np.maximum(_association_totals(truth, tracks, together), 1)
    return IdentityScores(
        len(truth),
        len(changes),
        _count_exchanges(changes),
        float(2 * matched / (true + hits + false)),
        1 - (true - hits + false + len(changes)) / true,
        float(np.sqrt(association.sum() / (true + false))),
    )


def _require_once_per_frame(identities: np.ndarray, what: str) -> None:
    ordered = np.sort(identities, axis=1)
    repeated = ((np.diff(ordered, axis=1) == 0) & (ordered[:, 1:] != NOBODY)).any(1)
    if repeated.any():
        raise ValueError(f"expected each {what} once per frame; frame {int(np.argmax(repeated))} has one twice")


def _co_occurrence(truth: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Count (animal, track) detections of both."""
    has_both = (truth != NOBODY) & (tracks != NOBODY)
    together = np.zeros((truth.max(initial=0) + 1, tracks.max(initial=0) + 1), np.int64)
    np.add.at(together, (truth[has_both], tracks[has_both]), 1)
    return together


def _association_totals(truth: np.ndarray, tracks: np.ndarray, together: np.ndarray) -> np.ndarray:
    """Count (animal, track) detections of either."""
    animals, animals_tracks = together.shape
    of_animal = np.bincount(truth[truth != NOBODY], minlength=animals)
    of_track = np.bincount(tracks[tracks != NOBODY], minlength=animals_tracks)
    return of_animal[:, None] + of_track - together


def _switches(truth: np.ndarray, tracks: np.ndarray) -> list[tuple[int, int, int, int]]:
    """List (frame, animal, track before, track after) of every switch, by frame."""
    changes = []
    for animal in range(truth.max(initial=NOBODY) + 1):
        frames, places = np.nonzero((truth == animal) & (tracks != NOBODY))
        of_animal = tracks[frames, places]
        changes += [
            (int(frames[at]), animal, int(of_animal[at - 1]), int(of_animal[at]))
            for at in np.flatnonzero(np.diff(of_animal)) + 1
        ]
    return sorted(changes)


def _count_exchanges(changes: list[tuple[int, int, int, int]]) -> int:
    """Count pairs of switches of two animals of which each takes the track that the other one leaves."""
    exchanges = 0
    open_changes: dict[tuple[int, int], list[int]] = {}
    for _, animal, before, after in changes:
        others = [other for other in open_changes.get((after, before), []) if other != animal]
        if others:
            exchanges += 1
            open_changes[after, before].remove(others[0])
        else:
            open_changes.setdefault((before, after), []).append(animal)
    return exchanges
