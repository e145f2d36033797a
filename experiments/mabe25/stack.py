"""Trees stacked on the held-out probabilities of a model and on expert features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ssl_behavior.decoding import DecodedUnit
from ssl_behavior.models.ensemble import with_lab
from ssl_behavior.models.heads import UNASKED
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_features
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.cross_validation import folds_by_video

_SMOOTHINGS_S = (0.0, 0.25, 1.0)
_RARE_EVERY, _COMMON_EVERY = 3, 12
"""Frames between those that trees are fitted to: of behaviours, and of nothing."""
_TREES, _FOLDS = 60, 5


def stacked(
    units: Sequence[LabelledPoses], logits: Sequence[np.ndarray], behaviours: Sequence[str], seed: int
) -> list[DecodedUnit]:
    """Return each unit with the probabilities of trees that were fitted to the logits and features of other videos.

    Args:
        units: labelled pairs.
        logits: (time, behaviour) of each, by models that were trained on other videos.
        behaviours: names of the labels, the background last.
        seed: seed of the trees.
    """
    labs = tuple(sorted({unit.lab for unit in units}))
    features = [_features(unit, values, labs) for unit, values in zip(units, logits, strict=True)]
    chosen = [_chosen(unit.labels, len(behaviours) - 1) for unit in units]
    decoded: dict[int, DecodedUnit] = {}
    for held_out in folds_by_video(units, len(behaviours), _FOLDS):
        others = [i for i in range(len(units)) if i not in held_out]
        trees = fit_trees(
            [features[i][chosen[i][0]] for i in others],
            [units[i].labels[chosen[i][0]] for i in others],
            len(behaviours),
            Boosting(trees=_TREES),
            seed,
            [chosen[i][1] for i in others],
            asked=[_asked(units[i], len(behaviours)) for i in others],
            labs=labs,
        )
        for i in held_out:
            asked = _asked(units[i], len(behaviours))
            values = trees.predict(features[i]) * asked
            values /= np.maximum(values.sum(1, keepdims=True), 1e-12)
            poses = units[i].poses
            decoded[i] = DecodedUnit(
                poses.id, units[i].lab, poses.frame_rate, values, units[i].labels, asked, poses.fingerprint()
            )
    return [decoded[i] for i in range(len(units))]


def _asked(unit: LabelledPoses, behaviours: int) -> np.ndarray:
    return np.ones(behaviours, bool) if unit.asked is None else unit.asked


def _features(unit: LabelledPoses, logits: np.ndarray, labs: Sequence[str]) -> np.ndarray:
    """Return (time, feature): smoothed log probabilities, expert features, and a column per laboratory."""
    known = np.where(logits > UNASKED / 2, logits, np.nan).astype(np.float32)
    smoothed = [
        gaussian_filter1d(known, seconds * unit.poses.frame_rate, axis=0) if seconds else known
        for seconds in _SMOOTHINGS_S
    ]
    expert = expert_features(unit.poses, unit.pairs[0])
    return with_lab(np.concatenate([*smoothed, expert], axis=1), labs, unit.lab)


def _chosen(labels: np.ndarray, background: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames to fit to, and for how many each stands."""
    rare = np.flatnonzero((labels != background) & (labels != UNSCORED))[::_RARE_EVERY]
    common = np.flatnonzero(labels == background)[::_COMMON_EVERY]
    weights = np.repeat([1.0, _COMMON_EVERY / _RARE_EVERY], [len(rare), len(common)])
    return np.concatenate([rare, common]), weights.astype(np.float32)
