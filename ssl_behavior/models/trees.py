"""Boosted trees on expert features (XGBoost): the second opinion beside a network's, and what it is held against.

Chen and Guestrin 2016, "XGBoost: A Scalable Tree Boosting System" (https://arxiv.org/abs/1603.02754). Features are
those of ``poses.expert``; what is unknown stays NaN, and a split learns which way to send it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from ssl_behavior.compute.interrupts import held_back
from ssl_behavior.compute.progress import ProgressBar, progress_bar
from ssl_behavior.errors import InputError
from ssl_behavior.models.tree_validation import require_sound
from ssl_behavior.recordings.labels import UNSCORED, scored_frames


@dataclass(frozen=True)
class Boosting:
    """How trees are grown.

    Attributes:
        trees: rounds of boosting, each of one tree per behaviour.
        depth: of a tree at most.
        learning_rate: weight of each round.
        rows: share of the frames that a tree sees.
        columns: share of the features that a tree sees.
        bins: that a feature's values are sorted into.
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
        booster: XGBoost's own.
        frequencies: (behaviour,) share of each behaviour among the frames trained on.
    """

    booster: Any
    frequencies: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(time, behaviour) float32 probabilities from (time, feature); 0 for a behaviour that had no frames.

        For labels without a direction, take the mean over the ordered pairs of animals.
        """
        probabilities = np.zeros((len(features), len(self.frequencies)), np.float32)
        probabilities[:, self.frequencies > 0] = self.booster.inplace_predict(features)
        return probabilities

    def save(self, path: Path) -> None:
        """Write the trees in XGBoost's own JSON, which holds numbers and no code."""
        self.booster.set_attr(frequencies=json.dumps(self.frequencies.tolist()))
        path.write_bytes(self.booster.save_raw("json"))


def load_trees(path: Path, features: int, behaviours: int) -> Trees:
    """The trees that ``Trees.save`` wrote.

    Args:
        path: of the file.
        features: how many they are to take.
        behaviours: how many they are to tell apart.

    Raises:
        OSError: there is no such file.
        ValueError: the file is damaged, or its trees are of other features or behaviours.
    """
    content = path.read_bytes()
    try:
        model = json.loads(content)  # XGBoost itself ends the process on some files that are none
        require_sound(model, features, behaviours)
        booster = xgboost.Booster()
        booster.load_model(bytearray(json.dumps(model), "utf-8"))  # and may read another thing into the file itself
        found = booster.num_features()
        frequencies = np.array(json.loads(booster.attr("frequencies") or "[]"), float)
        told_apart = booster.inplace_predict(np.zeros((1, found), np.float32)).shape[-1]
    except (ValueError, TypeError, RecursionError, xgboost.core.XGBoostError) as error:
        raise ValueError(f"no trees: {str(error).strip().splitlines()[0]}") from None
    if (found, len(frequencies), told_apart) != (features, behaviours, int((frequencies > 0).sum())):
        raise ValueError(
            f"trees of {found} features and {len(frequencies)} behaviours, not {features} and {behaviours}"
        )
    return Trees(booster, frequencies)


def fit_trees(
    features: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    behaviours: int,
    settings: Boosting = Boosting(),
    seed: int = 0,
    weights: Sequence[np.ndarray] | None = None,
    description: str | None = None,
) -> Trees:
    """Fit trees to the scored frames; rare behaviours are helped in the decision (``decoding.balanced``).

    Args:
        features: (time, feature) of each recording and, for labels without a direction, of each of its ordered pairs.
        labels: (time,) of each of these, -1 where unscored.
        behaviours: how many.
        settings: of the trees.
        seed: of the draws of frames and features.
        weights: (time,) of each of these, how much its frames count; all alike by default.
        description: of a progress bar; none by default.

    Raises:
        InputError: fewer than two behaviours have scored frames.
    """
    counts = scored_frames(np.concatenate(labels), behaviours)
    if (present := np.flatnonzero(counts)).size < 2:
        raise InputError(
            f"boosted trees: expected scored frames of at least two behaviours and found {present.size}; "
            "label more videos"
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
    # XGBoost wants classes 0, 1, ... without a gap.
    classes = np.cumsum(counts > 0) - 1
    weights = weights or [np.ones(len(one), np.float32) for one in labels]
    batches = _Batches(list(zip(features, labels, weights, strict=True)), classes)
    with held_back():  # or Python would lose it in a function that XGBoost calls, and XGBoost break down
        frames = xgboost.QuantileDMatrix(batches, max_bin=settings.bins)
    with progress_bar(settings.trees, description, unit="tree", leave=False, shown=description is not None) as bar:
        booster = xgboost.train(options, frames, settings.trees, callbacks=[_Progress(bar)])
    return Trees(booster, counts / counts.sum())


class _Progress(xgboost.callback.TrainingCallback):
    """Moves a progress bar on."""

    def __init__(self, bar: ProgressBar) -> None:
        super().__init__()
        self.bar = bar

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self.bar.update()
        return False


class _Batches(xgboost.DataIter):
    """The scored frames recording by recording, so that all features are never in memory twice."""

    def __init__(self, parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], classes: np.ndarray) -> None:
        self.parts, self.classes, self.at = parts, classes, 0
        super().__init__()

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the next recording's frames; False after the last."""
        if self.at == len(self.parts):
            return False
        x, y, weights = self.parts[self.at]
        scored = y != UNSCORED
        input_data(data=x[scored], label=self.classes[y[scored]], weight=weights[scored])
        self.at += 1
        return True

    def reset(self) -> None:
        """Start again."""
        self.at = 0
