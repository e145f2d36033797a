"""Validation of boosted trees from a file: XGBoost follows their indices unchecked, even outside its own memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

_NODE_ARRAYS = (
    *("left_children", "right_children", "parents", "split_indices", "split_type", "split_conditions", "default_left"),
    *("base_weights", "loss_changes", "sum_hessian"),
)
_VALUES = ("split_conditions", "base_weights")
"""Thresholds of inner nodes and values of leaves; the latter as they were before the learning rate."""
_CATEGORY_ARRAYS = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_OBJECTIVES = ("multi:softprob", "binary:logistic")


def validate_trees(model: Any, features: int, behaviours: int) -> None:
    """Make sure that every index in a model is within its bounds, and every number finite.

    Args:
        model: contents of the JSON that XGBoost writes.
        features: number of features that its splits may use.
        behaviours: largest number of behaviours.

    Raises:
        ValueError: an index is out of bounds, a number is not finite, or this is not a model of boosted trees.
    """
    try:
        learner = model["learner"]
        booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
        trees, groups = booster["model"]["trees"], np.array(booster["model"]["tree_info"])
        classes, rounds = int(parameters["num_class"]), np.array(booster["model"]["iteration_indptr"])
        is_plain = booster["name"] == "gbtree" and learner["objective"]["name"] in _OBJECTIVES
        if (count := int(parameters["num_feature"])) != features or classes > behaviours:
            raise ValueError(f"trees of {count} features and {classes} behaviours, not {features} and {behaviours}")
        is_plain &= int(parameters["num_target"]) == 1
        is_plain &= not any(booster["model"].get("cats", {}).get(name) for name in ("enc", "sorted_idx"))
        is_plain &= classes >= 0 and len(trees) == len(groups) and _within(groups, 0, max(classes, 1))
        is_plain &= _within(rounds, 0, len(trees) + 1) and bool((np.diff(rounds) >= 0).all())
        if not is_plain or not all(_is_tree(tree, features) for tree in trees):
            raise ValueError("an index out of bounds")
        values = [np.array(tree[name], float) for tree in trees for name in _VALUES]
        base = np.array(re.findall(r"[^\[\],\s]+", str(parameters["base_score"]))).astype(float)
        if not all(np.isfinite(array).all() for array in (*values, base)):
            raise ValueError("a threshold or a value of a leaf that is not finite")
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"a value is missing ({type(error).__name__})") from None


def _is_tree(tree: Mapping[str, Any], features: int) -> bool:
    """Return whether the nodes form one tree: each node except the root is the child of exactly one earlier node."""
    left, right, parents = (np.array(tree[name]) for name in ("left_children", "right_children", "parents"))
    nodes, parameters = len(left), tree["tree_param"]
    sizes = [int(parameters[name]) for name in ("num_nodes", "num_deleted", "size_leaf_vector", "num_feature")]
    if sizes != [nodes, 0, 1, features] or not nodes or any(len(tree[name]) != nodes for name in _NODE_ARRAYS):
        return False
    if any(tree[name] for name in _CATEGORY_ARRAYS) or any(tree["split_type"]):
        return False
    if not _within(left, -1, nodes) or not _within(right, -1, nodes) or not _within(tree["split_indices"], 0, features):
        return False
    inner = np.flatnonzero(left >= 0)
    children = np.concatenate([left[inner], right[inner]])
    is_joined = bool(((left >= 0) == (right >= 0)).all()) and sorted(children.tolist()) == list(range(1, nodes))
    return is_joined and bool((children > np.tile(inner, 2)).all() and (parents[children] == np.tile(inner, 2)).all())


def _within(values: Any, low: int, high: int) -> bool:
    """Return whether values are whole numbers from ``low`` to below ``high``."""
    array = np.array(values)
    return array.ndim == 1 and array.dtype.kind in "iu" and bool(((low <= array) & (array < high)).all())
