"""Simulates labelling in rounds: strategies choose clips, and a model of the labels so far is scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from experiments.suggest.material import Material
from ssl_behavior.active_learning import choose_clips, entropy
from ssl_behavior.atlas.clusters import directions

Row = dict[str, Any]
POOL = 20
"""Number of videos, of the thirty, to choose from in each run."""


class Round:
    """The input of a strategy.

    Attributes:
        directions: (clip, channel) of all clips.
        labelled: indices of the labelled clips.
        uncertainty: (clip,) mean entropy of the probabilities by the last model; None in the first round.
        rng: random numbers of the run.
        left: indices of the clips without labels.
    """

    def __init__(
        self, directions: np.ndarray, labelled: list[int], uncertainty: np.ndarray | None, rng: np.random.Generator
    ) -> None:
        self.directions, self.labelled, self.uncertainty, self.rng = directions, labelled, uncertainty, rng
        self.left = np.setdiff1d(np.arange(len(directions)), labelled)


Strategy = Callable[[Round, int], list[int]]


def at_random(at: Round, count: int) -> list[int]:
    """Random clips."""
    return [int(clip) for clip in at.rng.choice(at.left, count, replace=False)]


def most_uncertain(at: Round, count: int) -> list[int]:
    """The clips with the largest mean entropy."""
    assert at.uncertainty is not None
    return [int(clip) for clip in at.left[np.argsort(-at.uncertainty[at.left], kind="stable")[:count]]]


def coverage(at: Round, count: int) -> list[int]:
    """The choice of suggest without a model."""
    return _chosen(at, None, count)


def suggested(at: Round, count: int) -> list[int]:
    """The choice of suggest with a model, or without in the first round."""
    return _chosen(at, None if at.uncertainty is None else at.uncertainty[at.left], count)


def spread_out(at: Round, count: int) -> list[int]:
    """k-means++: random, with weights of the squared distance to the nearest clip that is labelled or chosen."""
    chosen: list[int] = []
    for _ in range(count):
        taken = [*at.labelled, *chosen]
        distances = np.maximum(2 - 2 * (at.directions @ at.directions[taken].T).max(1), 0)
        distances[taken] = 0
        chosen.append(int(at.rng.choice(len(distances), p=distances / distances.sum())))
    return chosen


def _chosen(at: Round, uncertainty: np.ndarray | None, count: int) -> list[int]:
    found = choose_clips(at.directions[at.left], uncertainty, at.directions[at.labelled], count)
    return [int(at.left[choice.clip]) for choice in found]


STRATEGIES: dict[str, tuple[Strategy, Strategy]] = {
    "random": (at_random, at_random),
    "uncertainty alone": (at_random, most_uncertain),
    "diversity alone: coverage": (at_random, coverage),
    "diversity alone: k-means++": (at_random, spread_out),
    "suggest: coverage of the uncertain": (at_random, suggested),
    "suggest from the first clip on": (suggested, suggested),
}
"""Name -> strategies for the first clips and for all others."""


def simulate(name: str, clips: Material, seed: int, per_round: int, rounds: int) -> list[Row]:
    """Simulate rounds of labelling; returns a row of scores for each. Runs of one seed share videos and first clips."""
    rng = np.random.default_rng(seed)
    pool = rng.choice(np.unique(clips.videos), POOL, replace=False)
    in_pool = np.flatnonzero(np.isin(clips.videos, pool))
    features, labels = clips.features[in_pool], clips.labels[in_pool]
    compared = directions(clips.embeddings[in_pool], clips.embeddings[in_pool].mean(0))
    first, later = STRATEGIES[name]
    labelled: list[int] = []
    uncertainty: np.ndarray | None = None
    rows = []
    for number in range(rounds):
        at = Round(compared, labelled, uncertainty, rng)
        labelled = labelled + (later if number else first)(at, per_round)
        model = Model(features[labelled], labels[labelled], len(clips.behaviours))
        uncertainty = entropy(model.probabilities(features.reshape(-1, features.shape[-1])))
        uncertainty = uncertainty.reshape(len(in_pool), -1).mean(1)
        minutes = len(labelled) * clips.seconds / 60
        rows.append({"strategy": name, "seed": seed, "minutes": minutes, **_scores(model, clips)})
    return rows


def with_all(clips: Material, seed: int) -> Row:
    """Scores if all clips of a run's videos are labelled."""
    pool = np.random.default_rng(seed).choice(np.unique(clips.videos), POOL, replace=False)
    in_pool = np.isin(clips.videos, pool)
    model = Model(clips.features[in_pool], clips.labels[in_pool], len(clips.behaviours))
    minutes = int(in_pool.sum()) * clips.seconds / 60
    return {"strategy": "all clips", "seed": seed, "minutes": minutes, **_scores(model, clips)}


class Model:
    """Balanced logistic regression on expert features and embeddings.

    It is fitted in a second, and on these videos about as good as boosted trees on expert features.

    Args:
        features: (clip, time, feature).
        labels: (clip, time).
        behaviours: number of behaviours.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, behaviours: int) -> None:
        self.behaviours = behaviours
        counts = np.bincount(labels.ravel(), minlength=behaviours)
        self.frequencies = counts / counts.sum()
        self.only = int(counts.argmax()) if (counts > 0).sum() < 2 else None
        self.fitted = LogisticRegression(C=1e-3, class_weight="balanced", max_iter=1000)
        if self.only is None:
            self.fitted.fit(features.reshape(-1, features.shape[-1]), labels.ravel())

    def balanced(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (frame, behaviour) as if all behaviours were equally frequent."""
        result = np.zeros((len(features), self.behaviours))
        if self.only is not None:
            result[:, self.only] = 1
        else:
            result[:, self.fitted.classes_] = self.fitted.predict_proba(features)
        return result

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (frame, behaviour) as ``predict`` writes them."""
        weighted = self.balanced(features) * self.frequencies
        return np.asarray(weighted / weighted.sum(1, keepdims=True))


def _scores(model: Model, clips: Material) -> Row:
    guesses = model.balanced(clips.test_features).argmax(1)
    names = range(len(clips.behaviours))
    f1 = f1_score(clips.test_labels, guesses, labels=names, average=None, zero_division=0)
    return {"macro F1": float(f1.mean())} | dict(zip(clips.behaviours, map(float, f1), strict=True))
