"""Control: expert features and XGBoost, with the two animals in one order or in both.

    python -m experiments.controls.xgboost_expert --jobs 2    (about two hours on two cores)

The features are those of ``ssl_behavior.poses.expert_features``, the trees are those of ``ssl_behavior.models.trees``
with their defaults.

The labels of the dyads say what the two animals do, not which of them does it. With both orders, each frame is learned
twice and predicted twice, and the mean counts. Each fit is decided in three ways: the most probable behaviour, the
balanced decision, and this one smoothed. Results stay in runs/dyads.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from experiments.dyads import protocol, tables
from experiments.dyads.protocol import Found, Task
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_features

ORDERS = {"XGBoost, one order": ((0, 1),), "XGBoost, both orders": ((0, 1), (1, 0))}


def fit_predict(task: Task, orders: tuple[tuple[int, int], ...], settings: Boosting) -> Found:
    """Fit the trees; returns probabilities (time, behaviour) of the test videos, the mean over the orders."""
    features = [expert_features(video.poses, pair) for video in task.train for pair in orders]
    labels = [video.labels for video in task.train for _ in orders]
    trees = fit_trees(features, labels, len(task.behaviours), settings, task.seed)
    return {
        poses.id: np.mean([trees.predict(expert_features(poses, pair)) for pair in orders], axis=0)
        for poses in task.test
    }


def main() -> None:
    """Fit and score the missing draws, then write xgboost_expert.csv and .md beside this file."""
    arguments = protocol.arguments(__doc__, ORDERS)
    dyads = protocol.load(arguments.data)
    for name in arguments.variants:
        fit = partial(fit_predict, orders=ORDERS[name], settings=Boosting())
        protocol.run(name, fit, dyads, arguments.sizes, arguments.draws, arguments.jobs)
    tables.write(protocol.done(ORDERS), Path(__file__))


if __name__ == "__main__":
    main()
