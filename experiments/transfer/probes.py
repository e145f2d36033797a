"""Linear probes of the behaviours that windows show, by the number of labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from ssl_behavior.poses.cleaning import trunk_landmarks
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.features import features

METRICS = ("AUC", "balanced accuracy", "F1")
_STRENGTH = 10.0  # of the logistic regression, for features whose squares sum to about 1


@dataclass(frozen=True)
class Protocol:
    """The windows to learn from and to test on.

    Attributes:
        labelled: numbers of labelled windows of each kind (with and without the behaviour), besides all windows.
        folds: of the cross-validation, over groups of windows of one moment.
        repeats: of the cross-validation, each with different folds.
    """

    labelled: tuple[int, ...] = (5, 10, 20, 50)
    folds: int = 5
    repeats: int = 3


class Draw(NamedTuple):
    """The ``labelled`` of the ``train`` windows of a ``split``; the ``test`` windows are of other moments."""

    split: int
    size: str
    labelled: np.ndarray
    train: np.ndarray
    test: np.ndarray


def draws(shows: np.ndarray, moments: np.ndarray, protocol: Protocol) -> Iterator[Draw]:
    """Yield every split and number of labelled windows; smaller draws are contained in larger ones."""
    split = 0
    for repeat in range(protocol.repeats):
        folds = StratifiedGroupKFold(protocol.folds, shuffle=True, random_state=repeat)
        for train, test in folds.split(shows, shows, moments):
            order = np.random.default_rng([repeat, split]).permutation(train)
            kinds = [order[shows[order] == kind] for kind in (True, False)]
            for size in protocol.labelled:
                if size <= min(map(len, kinds)):
                    yield Draw(split, str(size), np.concatenate([kind[:size] for kind in kinds]), train, test)
            yield Draw(split, "all", train, train, test)
            split += 1


def probe(values: np.ndarray, shows: np.ndarray, draw: Draw) -> dict[str, float]:
    """Fit a balanced logistic regression; returns its scores on the test windows of a draw.

    Features are standardised by all training windows, labelled or not.

    Args:
        values: (window, feature).
        shows: (window,) bool, whether a window shows the behaviour.
        draw: the windows to learn from and to test on.
    """
    # The division keeps the penalty independent of the number of features.
    shrink = FunctionTransformer(lambda x: x / np.sqrt(x.shape[1]))
    scale = make_pipeline(StandardScaler(), shrink).fit(values[draw.train])
    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000)
    model.fit(scale.transform(values[draw.labelled]), shows[draw.labelled])
    return scores(shows[draw.test], model.predict_proba(scale.transform(values[draw.test]))[:, 1])


def scores(shows: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Area under the ROC curve, and balanced accuracy and F1 of the decision at 0.5."""
    decided = probability > 0.5
    values = roc_auc_score(shows, probability), balanced_accuracy_score(shows, decided), f1_score(shows, decided)
    return dict(zip(METRICS, map(float, values), strict=True))


def pooled(encoder: Encoder, clip: ClipBatch) -> Tensor:
    """Mean and maximum over time of the embeddings (window, 4 channel), for one order of the animals and the other."""
    orders = clip, clip.map(lambda tensor: tensor.flip(2))
    return torch.cat([pooled for values in map(encoder, orders) for pooled in (values.mean(1), values.amax(1))], 1)


@torch.inference_mode()
def embedded(encoder: Encoder, clips: ClipBatch, batch: int = 250) -> np.ndarray:
    """The pooled embeddings (window, 4 channel) of a frozen encoder."""
    starts = range(0, len(clips.positions), batch)
    batches = [pooled(encoder.eval(), clips.map(lambda tensor, s=s: tensor[s : s + batch])) for s in starts]
    return torch.cat(batches).float().numpy()


def hand_made(clips: ClipBatch, landmarks: Sequence[str], frame_rate: float) -> np.ndarray:
    """Mean and deviation over time (window, 2 feature) of the kinematics that encoders take.

    A feature that is unknown in a whole window counts as the mean of the other windows.
    """
    values, known = (tensor.double() for tensor in features(clips, frame_rate, trunk_landmarks(landmarks)))
    count = known.sum(1).clamp(min=1)
    mean = (values * known).sum(1) / count
    deviation = ((values - mean[:, None]).square().mul(known).sum(1) / count).sqrt()
    ever = known.any(1)
    return torch.cat(
        [values.where(ever, values.mul(ever).sum(0) / ever.sum(0).clamp(min=1)) for values in (mean, deviation)], 1
    ).numpy()
