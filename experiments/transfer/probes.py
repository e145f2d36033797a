"""Probes: how well a linear map tells what a window shows from its features, by the number of labels it was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import Tensor

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.clips import Clip
from ssl_behavior.poses.features import features

METRICS = ("AUC", "balanced accuracy", "F1")
_STRENGTH = 10.0  # of the logistic regression, for features whose squares sum to about 1


@dataclass(frozen=True)
class Protocol:
    """Which windows are learned from and which are tested on.

    Attributes:
        labelled: numbers of labelled windows of each kind (showing the behaviour, not showing it), beside all.
        folds: of the cross-validation, over groups of windows of the same moments.
        repeats: of the cross-validation, each with other folds.
    """

    labelled: tuple[int, ...] = (5, 10, 20, 50)
    folds: int = 5
    repeats: int = 3


class Draw(NamedTuple):
    """Windows to learn from: ``labelled`` of the ``split``'s ``train``; the ``test`` windows are of other moments."""

    split: int
    size: str
    labelled: np.ndarray
    train: np.ndarray
    test: np.ndarray


def draws(shown: np.ndarray, moments: np.ndarray, protocol: Protocol) -> Iterator[Draw]:
    """Every split and number of labelled windows; the few are among the many, and the same for all that is compared."""
    split = 0
    for repeat in range(protocol.repeats):
        folds = StratifiedGroupKFold(protocol.folds, shuffle=True, random_state=repeat)
        for train, test in folds.split(shown, shown, moments):
            order = np.random.default_rng([repeat, split]).permutation(train)
            kinds = [order[shown[order] == kind] for kind in (True, False)]
            for size in protocol.labelled:
                if size <= min(map(len, kinds)):
                    yield Draw(split, str(size), np.concatenate([kind[:size] for kind in kinds]), train, test)
            yield Draw(split, "all", train, train, test)
            split += 1


def probe(values: np.ndarray, shown: np.ndarray, draw: Draw) -> dict[str, float]:
    """Scores of a balanced logistic regression on the draw's test windows.

    Features are standardised by the windows that may be learned from, labelled or not.

    Args:
        values: (window, feature).
        shown: (window,) bool.
        draw: which to learn from.
    """
    shrink = FunctionTransformer(lambda x: x / np.sqrt(x.shape[1]))  # so that many features are no freer than few
    scale = make_pipeline(StandardScaler(), shrink).fit(values[draw.train])
    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000)
    model.fit(scale.transform(values[draw.labelled]), shown[draw.labelled])
    return scores(shown[draw.test], model.predict_proba(scale.transform(values[draw.test]))[:, 1])


def scores(shown: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Area under the ROC curve, and balanced accuracy and F1 of the decision at one half."""
    found = probability > 0.5
    values = roc_auc_score(shown, probability), balanced_accuracy_score(shown, found), f1_score(shown, found)
    return dict(zip(METRICS, map(float, values), strict=True))


def pooled(encoder: Encoder, clip: Clip) -> Tensor:
    """(window, 4 channel): mean and maximum over time of the embeddings, for either order of the animals in turn."""
    orders = clip, clip.map(lambda tensor: tensor.flip(2))
    return torch.cat([part for one in map(encoder, orders) for part in (one.mean(1), one.amax(1))], 1)


@torch.inference_mode()
def embedded(encoder: Encoder, clips: Clip, batch: int = 250) -> np.ndarray:
    """Pooled embeddings (window, 4 channel) of a frozen encoder."""
    starts = range(0, len(clips.positions), batch)
    parts = [pooled(encoder.eval(), clips.map(lambda tensor, s=s: tensor[s : s + batch])) for s in starts]
    return torch.cat(parts).float().numpy()


def hand_made(clips: Clip, frame_rate: float) -> np.ndarray:
    """Mean and deviation over time of the invariant kinematics (window, 2 feature) that encoders are given.

    What is unknown in all of a window counts as the mean of the others.
    """
    values, known = (part.double() for part in features(clips, frame_rate))
    count = known.sum(1).clamp(min=1)
    mean = (values * known).sum(1) / count
    deviation = ((values - mean[:, None]).square().mul(known).sum(1) / count).sqrt()
    ever = known.any(1)
    return torch.cat(
        [one.where(ever, one.mul(ever).sum(0) / ever.sum(0).clamp(min=1)) for one in (mean, deviation)], 1
    ).numpy()
