"""HOTA, the geometric mean of the accuracies of detection and of association.

Luiten et al. 2021, "HOTA: a higher order metric for evaluating multi-object tracking",
https://arxiv.org/abs/2009.07736.
"""

from __future__ import annotations

import numpy as np

from ssl_behavior.scoring.similarities import Similarities

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Similarities from which a match counts; HOTA is the mean over these."""

_ROUNDING = 1e-9


def hits_and_associations(similarities: Similarities) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Count the matches at each threshold, and sum the accuracy of their association.

    In each frame, the matching has the largest sum of similarities, each weighted by how well the animal and the track
    fit each other over the whole recording. The accuracy of association of a match is the share of the frames with its
    animal or its track in which the two are matched.

    Returns:
        Hits, and sums of the accuracies of association, one for each of ``THRESHOLDS``.
    """
    of_animal, of_track = similarities.truth.sum(0), similarities.tracked.sum(0)
    chosen = _matches(similarities, of_animal, of_track)
    animals, tracks, values = (
        array[chosen] for array in (similarities.animals, similarities.tracks, similarities.values)
    )
    hits, associations = [], []
    for threshold in THRESHOLDS:
        counts = values >= threshold - _ROUNDING
        together = np.zeros((len(of_animal), len(of_track)))
        np.add.at(together, (animals[counts], tracks[counts]), 1)
        either = of_animal[:, None] + of_track - together
        hits.append(int(counts.sum()))
        associations.append(float((together**2 / np.maximum(either, 1)).sum()))
    return tuple(hits), tuple(associations)


def hota(hits: tuple[int, ...], associations: tuple[float, ...], true: int, tracked: int) -> float:
    """Return HOTA of one or more recordings.

    Args:
        hits: number of matches at each threshold.
        associations: sum of the matches' accuracies of association at each threshold.
        true: number of true poses, 1 or more.
        tracked: number of tracked poses.
    """
    # The root of (hits / poses of either) times (sum of associations / hits).
    return float(np.mean([np.sqrt(a / (true + tracked - h)) for h, a in zip(hits, associations, strict=True)]))


def _matches(similarities: Similarities, of_animal: np.ndarray, of_track: np.ndarray) -> np.ndarray:
    """Return (pair,) bool, whether the pair is matched, at any threshold."""
    frames, animals, tracks = similarities.frames, similarities.animals, similarities.tracks
    values = similarities.values
    by_animal, by_track = (np.zeros(present.shape) for present in (similarities.truth, similarities.tracked))
    np.add.at(by_animal, (frames, animals), values)
    np.add.at(by_track, (frames, tracks), values)
    overlap = np.zeros((len(of_animal), len(of_track)))
    np.add.at(overlap, (animals, tracks), values / (by_animal[frames, animals] + by_track[frames, tracks] - values))
    alignment = overlap / np.maximum(of_animal[:, None] + of_track - overlap, _ROUNDING)
    weights = alignment[animals, tracks] * values
    chosen = similarities.are_plain()
    for of_frame in similarities.crowded_frames():
        chosen[of_frame] = similarities.assign(of_frame, weights[of_frame])
    return chosen
