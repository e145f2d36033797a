"""Scores of bouts: F1 at several overlaps, the segmental F1@k of action segmentation.

A predicted and a true bout of one behaviour match if the intersection over union of their frames is at least k. Matches
are one to one: pairs are taken in order of falling overlap (ties: earlier start first), each bout at most once. What
stays unmatched is a false positive or a false negative. Lea et al. 2017, "Temporal Convolutional Networks for Action
Segmentation and Detection" (arXiv:1611.05267), section 4, let each predicted bout claim only the true bout it overlaps
most; above k = .5, where a bout overlaps one other at most, the two rules agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.frames import macro_mean

OVERLAPS = (0.1, 0.25, 0.5, 0.75)


def bout_counts(
    truth: np.ndarray, predicted: np.ndarray, classes: int, overlaps: Sequence[float] = OVERLAPS
) -> np.ndarray:
    """Matched, predicted and true bouts of one video, by overlap and class.

    Unscored frames are cut out of the prediction too, and no bout runs across them.

    Args:
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int.
        classes: how many.
        overlaps: smallest intersection over union that counts.

    Returns:
        (overlap, class, 3) int64: matched, predicted, true. Counts of several videos may be summed.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction must both be (time,); got {truth.shape} and {predicted.shape}")
    predicted = np.where(truth == UNSCORED, UNSCORED, predicted)
    counts = np.zeros((len(overlaps), classes, 3), np.int64)
    true_starts, true_stops, true_classes = _runs(truth)
    starts, stops, found_classes = _runs(predicted)
    for i in range(classes):
        true = np.stack([true_starts, true_stops])[:, true_classes == i]
        found = np.stack([starts, stops])[:, found_classes == i]
        matched = _matched_overlaps(true, found)
        counts[:, i, 0] = [(matched >= overlap).sum() for overlap in overlaps]
        counts[:, i, 1] = found.shape[1]
        counts[:, i, 2] = true.shape[1]
    return counts


def bout_f1(counts: np.ndarray) -> np.ndarray:
    """F1 from (..., 3) counts of matched, predicted and true bouts; NaN where there is neither."""
    total = counts[..., 1] + counts[..., 2]
    return np.where(total == 0, np.nan, 2 * counts[..., 0] / np.maximum(total, 1))


def macro_bout_f1(counts: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
    """(overlap,) mean over all classes but ``other``, from (overlap, class, 3) counts."""
    return macro_mean(bout_f1(counts), behaviours)


def _runs(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, stops and classes of the runs of scored frames."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], edges]).astype(np.int64) if labels.size else edges
    stops = np.append(edges, labels.size).astype(np.int64) if labels.size else edges
    classes = labels[starts]
    kept = classes != UNSCORED
    return starts[kept], stops[kept], classes[kept]


def _matched_overlaps(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The overlaps of the matched pairs of (2, bout) starts and stops; taking the best first serves every threshold."""
    first = np.searchsorted(found[1], true[0], side="right")
    past = np.searchsorted(found[0], true[1], side="left")
    sizes = np.maximum(past - first, 0)
    i = np.repeat(np.arange(true.shape[1]), sizes)
    j = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    shared = np.minimum(true[1, i], found[1, j]) - np.maximum(true[0, i], found[0, j])
    overlap = shared / (np.maximum(true[1, i], found[1, j]) - np.minimum(true[0, i], found[0, j]))
    taken_true, taken_found = np.zeros(true.shape[1], bool), np.zeros(found.shape[1], bool)
    matched = []
    for pair in np.argsort(-overlap, kind="stable"):
        if not taken_true[i[pair]] and not taken_found[j[pair]]:
            taken_true[i[pair]] = taken_found[j[pair]] = True
            matched.append(overlap[pair])
    return np.array(matched)
