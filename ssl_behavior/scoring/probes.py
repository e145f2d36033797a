"""Probe: the score of a linear classifier on frozen embeddings, a measure of what the embeddings encode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.frames import macro_f1


def probe_f1(
    embeddings: Sequence[np.ndarray], labels: Sequence[np.ndarray], behaviours: Sequence[str], folds: int = 2
) -> float:
    """Cross-validate a ridge classifier with balanced classes, and compute its macro F1.

    Args:
        embeddings: per video (time, number).
        labels: per video (time,), -1 where unscored.
        behaviours: names of the labels.
        folds: number of folds; video i is in fold i modulo ``folds``, and is labelled by a classifier of other folds.

    Returns:
        Macro F1 over all scored frames; NaN for a single video, or if no fold has two behaviours to train on.
    """
    if len(labels) < 2:
        return float("nan")
    truth, predicted = [], []
    for fold in range(min(folds, len(labels))):
        train = [i for i in range(len(labels)) if i % folds != fold]
        values = np.concatenate([embeddings[i][labels[i] != UNSCORED] for i in train])
        targets = np.concatenate([labels[i][labels[i] != UNSCORED] for i in train])
        if len(np.unique(targets)) < 2:
            continue
        probe = make_pipeline(StandardScaler(), RidgeClassifier(class_weight="balanced")).fit(values, targets)
        for i in range(fold, len(labels), folds):
            truth.append(labels[i])
            predicted.append(probe.predict(embeddings[i]))
    return macro_f1(np.concatenate(truth), np.concatenate(predicted), behaviours) if truth else float("nan")
