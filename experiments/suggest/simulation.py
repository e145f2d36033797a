"""Labelling in rounds, simulated: which clips are chosen, and how good a model of the labels so far is."""

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
"""Videos, of the thirty, that there are to choose from in each run."""


class Round:
    """What a strategy may look at.

    Attributes:
        directions: (clip, channel) of all clips.
        labelled: places of the clips that are labelled.
        uncertainty: (clip,) mean entropy of the probabilities by the model so far; None before there is one.
        rng: of the run.
    """

    def __init__(
        self, directions: np.ndarray, labelled: list[int], uncertainty: np.ndarray | None, rng: np.random.Generator
    ) -> None:
        self.directions, self.labelled, self.uncertainty, self.rng = directions, labelled, uncertainty, rng
        self.left = np.setdiff1d(np.arange(len(directions)), labelled)


Strategy = Callable[[Round, int], list[int]]


def at_random(at: Round, count: int) -> list[int]:
    """Any."""
    return [int(place) for place in at.rng.choice(at.left, count, replace=False)]


def most_uncertain(at: Round, count: int) -> list[int]:
    """Those of the largest mean entropy."""
    assert at.uncertainty is not None
    return [int(place) for place in at.left[np.argsort(-at.uncertainty[at.left], kind="stable")[:count]]]


def coverage(at: Round, count: int) -> list[int]:
    """What suggest does without a model."""
    return _chosen(at, None, count)


def suggested(at: Round, count: int) -> list[int]:
    """What suggest does with a model, or without if there is none yet."""
    return _chosen(at, None if at.uncertainty is None else at.uncertainty[at.left], count)


def spread_out(at: Round, count: int) -> list[int]:
    """k-means++: at random, in proportion to the squared distance to the nearest that is labelled or chosen."""
    found: list[int] = []
    for _ in range(count):
        there = at.directions[[*at.labelled, *found]]
        apart = np.maximum(2 - 2 * (at.directions @ there.T).max(1), 0)
        apart[[*at.labelled, *found]] = 0
        found.append(int(at.rng.choice(len(apart), p=apart / apart.sum())))
    return found


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
"""Name -> how the first clips are chosen, and all others."""


def simulate(name: str, given: Material, seed: int, per_round: int, rounds: int) -> list[Row]:
    """Scores after each round of labelling; runs of one seed have the same videos and random first clips."""
    rng = np.random.default_rng(seed)
    pool = rng.choice(np.unique(given.videos), POOL, replace=False)
    there = np.flatnonzero(np.isin(given.videos, pool))
    features, labels = given.features[there], given.labels[there]
    compared = directions(given.embeddings[there], given.embeddings[there].mean(0))
    first, later = STRATEGIES[name]
    labelled: list[int] = []
    uncertainty: np.ndarray | None = None
    rows = []
    for number in range(rounds):
        at = Round(compared, labelled, uncertainty, rng)
        labelled = labelled + (later if number else first)(at, per_round)
        model = Model(features[labelled], labels[labelled], len(given.behaviours))
        uncertainty = entropy(model.probabilities(features.reshape(-1, features.shape[-1])))
        uncertainty = uncertainty.reshape(len(there), -1).mean(1)
        minutes = len(labelled) * given.seconds / 60
        rows.append({"strategy": name, "seed": seed, "minutes": minutes, **_scores(model, given)})
    return rows


def with_all(given: Material, seed: int) -> Row:
    """Scores when all clips of a run's videos are labelled."""
    pool = np.random.default_rng(seed).choice(np.unique(given.videos), POOL, replace=False)
    there = np.isin(given.videos, pool)
    model = Model(given.features[there], given.labels[there], len(given.behaviours))
    minutes = int(there.sum()) * given.seconds / 60
    return {"strategy": "all clips", "seed": seed, "minutes": minutes, **_scores(model, given)}


class Model:
    """Balanced logistic regression on expert features and embeddings: fitted in a second, and about as good on these
    videos as boosted trees on expert features.

    Args:
        features: (clip, time, feature).
        labels: (clip, time).
        behaviours: how many.
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
        """(frame, behaviour) probabilities as if all behaviours were equally frequent."""
        found = np.zeros((len(features), self.behaviours))
        if self.only is not None:
            found[:, self.only] = 1
        else:
            found[:, self.fitted.classes_] = self.fitted.predict_proba(features)
        return found

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(frame, behaviour) probabilities, as ``predict`` writes them."""
        found = self.balanced(features) * self.frequencies
        return np.asarray(found / found.sum(1, keepdims=True))


def _scores(model: Model, given: Material) -> Row:
    guesses = model.balanced(given.test_features).argmax(1)
    names = range(len(given.behaviours))
    each = f1_score(given.test_labels, guesses, labels=names, average=None, zero_division=0)
    return {"macro F1": float(each.mean())} | dict(zip(given.behaviours, map(float, each), strict=True))
