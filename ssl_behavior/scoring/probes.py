"""Probes: how much of the labels a linear map reads off frozen embeddings."""

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
    """Macro F1 of a balanced ridge classifier, each video labelled by one that was fitted on other videos.

    Args:
        embeddings: per video (time, channel).
        labels: per video (time,), -1 where unscored.
        behaviours: names of the labels.
        folds: every ``folds``-th video is held out together.

    Returns:
        macro F1 over all scored frames; NaN for a single video.
    """
    if len(labels) < 2:
        return float("nan")
    truth, found = [], []
    for fold in range(min(folds, len(labels))):
        train = [i for i in range(len(labels)) if i % folds != fold]
        values = np.concatenate([embeddings[i][labels[i] != UNSCORED] for i in train])
        targets = np.concatenate([labels[i][labels[i] != UNSCORED] for i in train])
        if len(np.unique(targets)) < 2:
            continue
        probe = make_pipeline(StandardScaler(), RidgeClassifier(class_weight="balanced")).fit(values, targets)
        for i in range(fold, len(labels), folds):
            truth.append(labels[i])
            found.append(probe.predict(embeddings[i]))
    return macro_f1(np.concatenate(truth), np.concatenate(found), behaviours) if truth else float("nan")
