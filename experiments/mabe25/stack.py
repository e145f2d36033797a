"""Trees stacked on the held-out probabilities of a model and on expert features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ssl_behavior.decoding import rebalance
from ssl_behavior.models.heads import UNASKED
from ssl_behavior.models.tree_examples import with_lab
from ssl_behavior.models.trees import Boosting, Trees, fit_trees
from ssl_behavior.poses.expert_features import expert_features
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.cross_validation import folds_by_video

_SMOOTHINGS_S = (0.0, 0.25, 1.0)
_RARE_EVERY, _COMMON_EVERY = 3, 12
"""Frames between those that trees are fitted to: of behaviours, and of nothing."""
_TREES, _FOLDS = 60, 5


def stack_logits(
    units: Sequence[LabelledPoses],
    logits: Sequence[np.ndarray],
    behaviours: Sequence[str],
    seed: int,
    others: Sequence[LabelledPoses] = (),
    logits_of_others: Sequence[np.ndarray] = (),
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the scores of trees that were fitted to the scores and features of other videos.

    Args:
        units: labelled pairs.
        logits: (time, behaviour) of each, by models that were trained on other videos.
        behaviours: names of the labels, the background last.
        seed: seed of the trees.
        others: further pairs, for trees that were fitted to all of ``units``.
        logits_of_others: (time, behaviour) of each of these.

    Returns:
        (time, behaviour) log probabilities of each unit, as if all behaviours were equally frequent; and of each other.
    """
    labs = tuple(sorted({unit.lab for unit in units}))
    features = [_features(unit, values, labs) for unit, values in zip(units, logits, strict=True)]
    chosen = [_chosen(unit.labels, len(behaviours) - 1) for unit in units]

    def grown(numbers: Sequence[int]) -> Trees:
        return fit_trees(
            [features[i][chosen[i][0]] for i in numbers],
            [units[i].labels[chosen[i][0]] for i in numbers],
            len(behaviours),
            Boosting(trees=_TREES),
            seed,
            [chosen[i][1] for i in numbers],
            asked=[_asked(units[i], len(behaviours)) for i in numbers],
            labs=labs,
        )

    held_out = [np.empty(0)] * len(units)
    for fold in folds_by_video(units, len(behaviours), _FOLDS):
        trees = grown([i for i in range(len(units)) if i not in fold])
        for i in fold:
            held_out[i] = _logits(trees, features[i], _asked(units[i], len(behaviours)))
    if not others:
        return held_out, []
    trees = grown(range(len(units)))
    return held_out, [
        _logits(trees, _features(unit, values, labs), _asked(unit, len(behaviours)))
        for unit, values in zip(others, logits_of_others, strict=True)
    ]


def _logits(trees: Trees, features: np.ndarray, asked: np.ndarray) -> np.ndarray:
    balanced = rebalance(trees.predict(features) * asked, trees.frequencies)
    return np.where(asked, np.log(np.maximum(balanced, 1e-6)), UNASKED).astype(np.float32)


def _asked(unit: LabelledPoses, behaviours: int) -> np.ndarray:
    return np.ones(behaviours, bool) if unit.asked is None else unit.asked


def _features(unit: LabelledPoses, logits: np.ndarray, labs: Sequence[str]) -> np.ndarray:
    """Return (time, feature): smoothed log probabilities, expert features, and a column per laboratory."""
    known = np.where(logits > UNASKED / 2, logits, np.nan).astype(np.float32)
    smoothed = [
        gaussian_filter1d(known, seconds * unit.poses.frame_rate, axis=0) if seconds else known
        for seconds in _SMOOTHINGS_S
    ]
    expert = np.nanmean([expert_features(unit.poses, pair) for pair in unit.pairs], axis=0)
    return with_lab(np.concatenate([*smoothed, expert], axis=1), labs, unit.lab)


def _chosen(labels: np.ndarray, background: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames to fit to, and for how many each stands."""
    rare = np.flatnonzero((labels != background) & (labels != UNSCORED))[::_RARE_EVERY]
    common = np.flatnonzero(labels == background)[::_COMMON_EVERY]
    weights = np.repeat([1.0, _COMMON_EVERY / _RARE_EVERY], [len(rare), len(common)])
    return np.concatenate([rare, common]), weights.astype(np.float32)
