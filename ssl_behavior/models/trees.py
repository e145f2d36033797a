"""Boosted trees on expert features (XGBoost): part of the ensemble, and the baseline for the network.

Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System" (https://arxiv.org/abs/1603.02754). The features are
those of ``poses.expert_features``. Unknown values stay NaN: each split learns to which side they go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from ssl_behavior.compute.interrupts import delay_signals
from ssl_behavior.compute.progress import ProgressBar, progress_bar
from ssl_behavior.errors import InputError
from ssl_behavior.models.tree_validation import validate_trees
from ssl_behavior.recordings.labels import UNSCORED, scored_frames

_LEAST_CURVATURE = 1e-16
"""Least second derivative, as in XGBoost's own softmax: a class of probability 0 or 1 must not divide by 0."""


@dataclass(frozen=True)
class Boosting:
    """How trees are fitted.

    Attributes:
        trees: rounds of boosting; each adds one tree per behaviour.
        depth: largest depth of a tree.
        learning_rate: weight of each round.
        rows: share of the frames that each tree is fitted to.
        columns: share of the features that each tree may use.
        bins: number of bins into which the values of a feature are sorted.
    """

    trees: int = 300
    depth: int = 6
    learning_rate: float = 0.1
    rows: float = 0.8
    columns: float = 0.5
    bins: int = 64


@dataclass(frozen=True, eq=False)
class Trees:
    """Fitted trees.

    Attributes:
        booster: the ``xgboost.Booster``, whose classes are the behaviours that have frames.
        frequencies: (behaviour,) share of each behaviour among the training frames in which it was looked for.
        labs: names of the laboratories, for each of which the last features have a column.
    """

    booster: Any
    frequencies: np.ndarray
    labs: tuple[str, ...] = ()

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Predict probabilities of one ordered pair.

        For labels of the whole group, average over the ordered pairs.

        Args:
            features: (time, feature), NaN where unknown.

        Returns:
            (time, behaviour) float32; 0 for a behaviour without training frames.
        """
        probabilities = np.zeros((len(features), len(self.frequencies)), np.float32)
        probabilities[:, self.frequencies > 0] = self.booster.inplace_predict(features)
        return probabilities

    def save(self, path: Path) -> None:
        """Write the trees in the JSON format of XGBoost, which holds numbers and no code."""
        self.booster.set_attr(frequencies=json.dumps(self.frequencies.tolist()))
        path.write_bytes(self.booster.save_raw("json"))


def load_trees(path: Path, features: int, behaviours: int, labs: Sequence[str] = ()) -> Trees:
    """Load the trees that ``Trees.save`` wrote.

    Args:
        path: path of the file.
        features: expected number of features, without the columns of laboratories.
        behaviours: expected number of behaviours.
        labs: names of the laboratories that the trees tell apart.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is damaged, or its trees have other numbers of features or behaviours.
    """
    content, features = path.read_bytes(), features + len(labs)
    try:
        model = json.loads(content)  # XGBoost crashes the process on some files that are not JSON
        validate_trees(model, features, behaviours)
        booster = xgboost.Booster()
        # XGBoost gets the validated values, because it might parse the bytes of the file differently.
        booster.load_model(bytearray(json.dumps(model), "utf-8"))
        feature_count = booster.num_features()
        frequencies = np.array(json.loads(booster.attr("frequencies") or "[]"), float)
        classes = booster.inplace_predict(np.zeros((1, feature_count), np.float32)).shape[-1]
    except (ValueError, TypeError, RecursionError, xgboost.core.XGBoostError) as error:
        raise ValueError(f"not boosted trees: {str(error).strip().splitlines()[0]}") from None
    if frequencies.ndim != 1 or not ((frequencies >= 0) & (frequencies <= 1)).all():
        raise ValueError("frequencies of behaviours that are not from 0 to 1")
    if (feature_count, len(frequencies), classes) != (features, behaviours, int((frequencies > 0).sum())):
        raise ValueError(
            f"trees of {feature_count} features and {len(frequencies)} behaviours, not {features} and {behaviours}"
        )
    return Trees(booster, frequencies, tuple(labs))


def fit_trees(
    features: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    behaviours: int,
    settings: Boosting = Boosting(),
    seed: int = 0,
    weights: Sequence[np.ndarray] | None = None,
    description: str | None = None,
    asked: Sequence[np.ndarray] | None = None,
    labs: Sequence[str] = (),
) -> Trees:
    """Fit trees to the scored frames.

    All frames count alike by default. To balance rare behaviours, rebalance the probabilities (``decoding.rebalance``).

    Args:
        features: (time, feature) per recording; for labels of the whole group, per recording and ordered pair.
        labels: (time,) of each of these, -1 where unscored.
        behaviours: number of behaviours.
        settings: settings of the trees.
        seed: seed of the random choice of frames and features.
        weights: (time,) of each of these, how much each frame counts; 1 by default.
        description: text of the progress bar; no bar by default.
        asked: (behaviour,) bool of each of these, the behaviours that were looked for. The others take no part in the
            softmax of its frames. All by default.
        labs: names of the laboratories, for each of which the last features have a column.

    Raises:
        InputError: fewer than two behaviours have scored frames.
    """
    counts = scored_frames(np.concatenate(labels), behaviours)
    if (present := np.flatnonzero(counts)).size < 2:
        raise InputError(
            f"boosted trees: expected scored frames of at least two behaviours; found {present.size}: label more videos"
        )
    options = {
        "objective": "multi:softprob",
        "num_class": present.size,
        "tree_method": "hist",
        "max_depth": settings.depth,
        "eta": settings.learning_rate,
        "subsample": settings.rows,
        "colsample_bytree": settings.columns,
        "max_bin": settings.bins,
        "seed": seed,
        "verbosity": 0,
    }
    # XGBoost needs classes 0, 1, ... without a gap: behaviours without frames are left out.
    classes = np.cumsum(counts > 0) - 1
    weights = weights or [np.ones(len(values), np.float32) for values in labels]
    batches = _Batches(list(zip(features, labels, weights, strict=True)), classes)
    with delay_signals():  # XGBoost calls back into Python here and would swallow a KeyboardInterrupt
        frames = xgboost.QuantileDMatrix(batches, max_bin=settings.bins)
    objective = None
    if asked is not None:
        rows = [
            np.broadcast_to(mask, (int((y != UNSCORED).sum()), behaviours))
            for y, mask in zip(labels, asked, strict=True)
        ]
        objective = _MaskedSoftmax(np.concatenate(rows)[:, present])
        options |= {"base_score": 0.5, "disable_default_eval_metric": 1}
    with progress_bar(settings.trees, description, unit="tree", leave=False, shown=description is not None) as bar:
        booster = xgboost.train(options, frames, settings.trees, callbacks=[_Progress(bar)], obj=objective)
    return Trees(booster, _shares(labels, weights, asked, behaviours), tuple(labs))


def _shares(
    labels: Sequence[np.ndarray], weights: Sequence[np.ndarray], asked: Sequence[np.ndarray] | None, behaviours: int
) -> np.ndarray:
    """Return (behaviour,) share of each behaviour among the frames in which it was looked for."""
    counts = scored_frames(np.concatenate(labels), behaviours)
    if asked is None:
        return counts / counts.sum()
    weighted = np.stack(
        [np.bincount(y[y != UNSCORED], w[y != UNSCORED], behaviours) for y, w in zip(labels, weights, strict=True)]
    )
    frames = weighted.sum(1) @ np.stack(asked)
    return np.divide(weighted.sum(0), frames, out=np.zeros(behaviours), where=frames > 0)


class _MaskedSoftmax:
    """Cross-entropy of a softmax over the behaviours that were looked for, as XGBoost's own without masks.

    Args:
        asked: (frame, class) bool.
    """

    def __init__(self, asked: np.ndarray) -> None:
        self.asked = asked

    def __call__(self, margins: np.ndarray, frames: xgboost.DMatrix) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and second derivatives (frame, class) by the margins."""
        probabilities = np.where(
            self.asked, margins - margins.max(1, where=self.asked, initial=-np.inf, keepdims=True), -np.inf
        )
        np.exp(probabilities, out=probabilities)
        probabilities /= probabilities.sum(1, keepdims=True)
        weights = frames.get_weight()[:, None]
        curvature = np.maximum(2 * probabilities * (1 - probabilities), _LEAST_CURVATURE) * weights
        probabilities[np.arange(len(margins)), frames.get_label().astype(int)] -= 1
        return probabilities * weights, curvature


class _Progress(xgboost.callback.TrainingCallback):
    """Updates a progress bar after every round."""

    def __init__(self, bar: ProgressBar) -> None:
        super().__init__()
        self.bar = bar

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self.bar.update()
        return False


class _Batches(xgboost.DataIter):
    """Hands XGBoost the scored frames recording by recording, so that no second copy of all features is in memory."""

    def __init__(self, parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], classes: np.ndarray) -> None:
        self.parts, self.classes, self.at = parts, classes, 0
        super().__init__()

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the frames of the next recording; returns False after the last one."""
        if self.at == len(self.parts):
            return False
        x, y, weights = self.parts[self.at]
        scored = y != UNSCORED
        input_data(data=x[scored], label=self.classes[y[scored]], weight=weights[scored])
        self.at += 1
        return True

    def reset(self) -> None:
        """Start again with the first recording."""
        self.at = 0
