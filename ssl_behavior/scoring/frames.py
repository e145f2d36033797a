"""Scores of frames: confusion, precision, recall, F1, average precision.

A class that occurs neither in the truth nor in the prediction has no score (NaN) and is left out of means. Any other
0/0 counts as 0. A class named ``other`` counts in the confusion matrix and stays out of the means, as in MABe-2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.recordings.labels import UNSCORED


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores per class. The class is the last dimension; leading ones, such as resamples, are kept.

    Attributes:
        precision: (..., class) float64.
        recall: (..., class) float64.
        f1: (..., class) float64.
        support: (..., class) float64, number of true frames.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count scored frames by true and predicted class.

    Args:
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int in 0..classes-1.
        classes: number of classes.

    Returns:
        (class, class) int64, true class by row and predicted class by column.

    Raises:
        ValueError: shapes differ, or a label is out of range.
    """
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"truth and prediction must both be (time,); got {truth.shape} and {predicted.shape}")
    scored = truth != UNSCORED
    true, guessed = truth[scored].astype(np.int64), predicted[scored].astype(np.int64)
    for name, values in (("truth", true), ("prediction", guessed)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"{name} must lie in 0..{classes - 1}; got {values.min()} to {values.max()}")
    return np.bincount(true * classes + guessed, minlength=classes * classes).reshape(classes, classes)


def class_scores(counts: np.ndarray) -> ClassScores:
    """Compute precision, recall and F1 of each class from confusion counts (..., class, class)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    true, guessed = counts.sum(-1).astype(np.float64), counts.sum(-2).astype(np.float64)
    absent = (true + guessed) == 0

    def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        return np.where(absent, np.nan, above / np.maximum(below, 1))

    return ClassScores(ratio(hits, guessed), ratio(hits, true), ratio(2 * hits, true + guessed), true)


def counts_in_means(behaviours: Sequence[str]) -> np.ndarray:
    """Return the behaviours that enter means (class,) bool: all but ``other``, or ``other`` if it is the only one."""
    is_behaviour = np.array([name.lower() != "other" for name in behaviours], bool)
    return is_behaviour if is_behaviour.any() else np.ones_like(is_behaviour)


def macro_mean(values: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
    """Mean (...) of scores (..., class) over the classes that enter means; NaN where none of them has a score."""
    values = values[..., counts_in_means(behaviours)]
    has_score = ~np.isnan(values)
    sums = np.where(has_score, values, 0.0).sum(-1)
    return np.where(has_score.any(-1), sums / np.maximum(has_score.sum(-1), 1), np.nan)


def macro_f1(truth: np.ndarray, predicted: np.ndarray, behaviours: Sequence[str]) -> float:
    """Mean F1 over all classes but ``other``, from all scored frames together: the score of MABe-2021.

    Args:
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int.
        behaviours: names of the classes.
    """
    return float(macro_mean(class_scores(confusion(truth, predicted, len(behaviours))).f1, behaviours))


def average_precision(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Compute the one-vs-rest average precision of each class over the scored frames.

    It is the step-wise area sum_n (R_n - R_{n-1}) P_n over distinct thresholds, as in scikit-learn.

    Args:
        truth: (time,) int, -1 where unscored.
        probabilities: (time, class).

    Returns:
        (class,) float64; NaN for a class that never occurs.
    """
    scored = truth != UNSCORED
    true, values = truth[scored], probabilities[scored]
    return np.array([_average_precision(true == i, values[:, i]) for i in range(probabilities.shape[1])])


def _average_precision(positive: np.ndarray, score: np.ndarray) -> float:
    if not positive.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    # Frames of equal probability share a threshold: only the last of them is a point of the curve.
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(positive[order])[last]
    recall_steps = np.diff(hits, prepend=0) / hits[-1]
    return float(np.sum(recall_steps * hits / (last + 1)))
