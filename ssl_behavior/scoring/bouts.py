"""Scores of bouts: F1 at several overlaps, known as segmental F1@k in action segmentation.

A predicted and a true bout of one behaviour match if the intersection over union of their frames is at least k. Matches
are one to one: pairs are taken in order of falling overlap (ties: earlier start first), each bout at most once.
Unmatched bouts are false positives or false negatives.

Lea et al. 2017, "Temporal Convolutional Networks for Action Segmentation and Detection" (arXiv:1611.05267), section 4,
match each predicted bout only with the true bout that it overlaps most. Above k = 0.5, where a bout overlaps at most
one other, the two rules agree.
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
    """Count matched, predicted and true bouts of one video.

    Unscored frames are cut out of the prediction too, and no bout runs across them.

    Args:
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int.
        classes: number of classes.
        overlaps: smallest intersections over union at which bouts match.

    Returns:
        (overlap, class, 3) int64: matched, predicted and true bouts. Counts of several videos may be summed.

    Raises:
        ValueError: shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction must both be (time,); got {truth.shape} and {predicted.shape}")
    predicted = np.where(truth == UNSCORED, UNSCORED, predicted)
    counts = np.zeros((len(overlaps), classes, 3), np.int64)
    true_bouts, true_classes = _bouts(truth)
    predicted_bouts, predicted_classes = _bouts(predicted)
    for i in range(classes):
        of_truth, of_prediction = true_bouts[:, true_classes == i], predicted_bouts[:, predicted_classes == i]
        matched = _matched_overlaps(of_truth, of_prediction)
        counts[:, i, 0] = [(matched >= overlap).sum() for overlap in overlaps]
        counts[:, i, 1] = of_prediction.shape[1]
        counts[:, i, 2] = of_truth.shape[1]
    return counts


def bout_f1(counts: np.ndarray) -> np.ndarray:
    """F1 (...) from (..., 3) counts of matched, predicted and true bouts; NaN where there are no bouts."""
    total = counts[..., 1] + counts[..., 2]
    return np.where(total == 0, np.nan, 2 * counts[..., 0] / np.maximum(total, 1))


def macro_bout_f1(counts: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
    """Mean F1 (overlap,) over all classes but ``other``, from (overlap, class, 3) counts."""
    return macro_mean(bout_f1(counts), behaviours)


def _bouts(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, bout) starts and stops, and (bout,) classes, of the scored frames."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], edges]).astype(np.int64) if labels.size else edges
    stops = np.append(edges, labels.size).astype(np.int64) if labels.size else edges
    classes = labels[starts]
    is_scored = classes != UNSCORED
    return np.stack([starts, stops])[:, is_scored], classes[is_scored]


def _matched_overlaps(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Overlaps of the matched pairs, from (2, bout) starts and stops of one class.

    Pairs are matched in order of falling overlap, so the matches at a threshold are those with at least its overlap.
    """
    # Bouts of one class do not overlap, so those that a true bout overlaps are neighbours: list these pairs only.
    first = np.searchsorted(predicted[1], true[0], side="right")
    stop = np.searchsorted(predicted[0], true[1], side="left")
    sizes = np.maximum(stop - first, 0)
    i = np.repeat(np.arange(true.shape[1]), sizes)
    j = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
    shared = np.minimum(true[1, i], predicted[1, j]) - np.maximum(true[0, i], predicted[0, j])
    overlap = shared / (np.maximum(true[1, i], predicted[1, j]) - np.minimum(true[0, i], predicted[0, j]))
    is_true_matched, is_predicted_matched = np.zeros(true.shape[1], bool), np.zeros(predicted.shape[1], bool)
    matched = []
    for pair in np.argsort(-overlap, kind="stable"):
        if not is_true_matched[i[pair]] and not is_predicted_matched[j[pair]]:
            is_true_matched[i[pair]] = is_predicted_matched[j[pair]] = True
            matched.append(overlap[pair])
    return np.array(matched)
