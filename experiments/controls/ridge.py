"""Ridge regression on the features of frames, its penalty chosen by cross-validation over the labelled videos.

All behaviours count alike. As in MiniRocket's classifier, the regression predicts 1 for the behaviour of a frame and 0
for the others, here less their mean, so that no intercept is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor

PENALTIES = (100.0, 10.0, 1.0, 0.1, 0.01)
"""Penalties to choose from, for features of variance 1 and weights of frames that sum to 1."""
MARGIN = 0.03
"""Macro F1, divided by the square root of the number of videos, that a smaller penalty has to gain over a larger one.

It is that of the default's decoder: with few videos, a smaller gain is more often chance.
"""


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted regression.

    Attributes:
        mean: (feature,) of the training frames, if all behaviours were equally frequent.
        slopes: (feature, behaviour).
        penalty: the one that was chosen.
    """

    mean: np.ndarray
    slopes: np.ndarray
    penalty: float

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Scores (time, behaviour) of features (time, feature): the larger, the likelier."""
        scores: np.ndarray = features @ self.slopes - self.mean @ self.slopes
        return scores


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over frames that a regression needs: of weights, of products of features, and with targets."""

    weight: float
    gram: Tensor
    targets: Tensor

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.weight + other.weight, self.gram + other.gram, self.targets + other.targets)

    def slopes(self, penalty: float) -> Tensor:
        """Slopes (feature, behaviour)."""
        system = self.gram.clone()
        system.diagonal().add_(penalty * self.weight)
        return torch.cholesky_solve(self.targets, torch.linalg.cholesky(system))


class _Frames:
    """The scored frames of several videos, standardised and weighted so that all behaviours count alike."""

    def __init__(self, features: Sequence[np.ndarray], labels: Sequence[np.ndarray], behaviours: int) -> None:
        self.features, self.labels, self.behaviours = features, labels, behaviours
        counts = np.bincount(np.concatenate(labels), minlength=behaviours)
        of_behaviour = np.divide(1, counts * (counts > 0).sum(), out=np.zeros(behaviours), where=counts > 0)
        self.weights = [of_behaviour[values].astype(np.float32) for values in labels]
        both = list(zip(self.weights, features, strict=True))
        self.mean = np.sum([weights @ values for weights, values in both], axis=0)
        variance = np.sum([weights @ (values - self.mean) ** 2 for weights, values in both], axis=0)
        self.scale = np.sqrt(np.maximum(variance, 1e-6))

    def standardised(self, video: int) -> Tensor:
        """Features (time, feature) of one video."""
        return torch.from_numpy((self.features[video] - self.mean) / self.scale)

    def sums(self, videos: Iterable[int]) -> _Sums:
        parts = []
        for video in videos:
            values, weights = self.standardised(video), torch.from_numpy(self.weights[video])[:, None]
            targets = torch.eye(self.behaviours)[torch.from_numpy(self.labels[video].astype(np.int64))]
            weighted = (values * weights).T
            parts.append((float(weights.sum()), weighted @ values, weighted @ (targets - 1 / self.behaviours)))
        return _Sums(*(sum(terms[1:], terms[0]) for terms in zip(*parts, strict=True)))


def fit_ridge(
    features: Sequence[np.ndarray], labels: Sequence[np.ndarray], behaviours: int, folds: Sequence[Sequence[int]]
) -> Ridge:
    """Fit a regression to all videos, with the penalty of the best macro F1 on videos that were held out.

    A smaller penalty is chosen only if it gains more than a margin.

    Args:
        features: (time, feature) float32 of the scored frames of each video.
        labels: (time,) of the same frames.
        behaviours: number of behaviours.
        folds: indices of the videos that are held out together; each video is in one fold.
    """
    frames = _Frames(features, labels, behaviours)
    of_folds = [frames.sums(fold) for fold in folds]
    decided: dict[float, list[np.ndarray]] = {penalty: [] for penalty in PENALTIES}
    for number, fold in enumerate(folds):
        others = reduce(add, of_folds[:number] + of_folds[number + 1 :])
        for penalty in PENALTIES:
            slopes = others.slopes(penalty)
            decided[penalty] += [(frames.standardised(video) @ slopes).argmax(1).numpy() for video in fold]
    truth = np.concatenate([labels[video] for fold in folds for video in fold])
    best, score = PENALTIES[0], 0.0
    for penalty in PENALTIES:
        gained = f1_score(truth, np.concatenate(decided[penalty]), average="macro")
        if gained > score + MARGIN / len(features) ** 0.5:
            best, score = penalty, gained
    slopes = reduce(add, of_folds).slopes(best).numpy() / frames.scale[:, None]
    return Ridge(frames.mean, slopes.astype(np.float32), best)
