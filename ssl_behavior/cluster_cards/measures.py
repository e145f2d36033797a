"""Measures of each cluster: its share of time, its bouts, their kinematics, and the clusters before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.poses.expert_features import KINEMATICS

QUARTILES = (0.25, 0.5, 0.75)
_FIT_ROUNDS = 200
"""Rounds that fit the expected counts; convergence is geometric, so this is far more than needed."""


def summaries(bouts: pd.DataFrame, clusters: int) -> pd.DataFrame:
    """Summarise each cluster in a row, noise (-1) first.

    Args:
        bouts: table of ``ClusteredAtlas.bouts``.
        clusters: number of clusters.

    Returns:
        Columns ``share`` of all time, ``bouts``, ``videos`` in which the cluster occurs, and the quartiles of
        ``seconds`` (over bouts) and of each of ``KINEMATICS`` (weighted by time), named as in ``agent speed 0.5``.
    """
    total = bouts["seconds"].sum()
    rows = []
    for cluster in range(NOISE, clusters):
        group = bouts[bouts["cluster"] == cluster]
        seconds = group["seconds"].to_numpy()
        row = {"share": group["seconds"].sum() / total, "bouts": len(group), "videos": group["video"].nunique()}
        row |= {f"seconds {q}": value for q, value in zip(QUARTILES, _quartiles(seconds), strict=True)}
        for name in KINEMATICS:
            values = _quartiles(group[name].to_numpy(), seconds)
            row |= {f"{name} {q}": value for q, value in zip(QUARTILES, values, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows, index=pd.RangeIndex(NOISE, clusters, name="cluster"))


def _quartiles(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the weighted quartiles of the values that are not NaN; NaN if there are none."""
    weights = np.ones(len(values)) if weights is None else weights
    is_known = ~np.isnan(values)
    values, weights = values[is_known], weights[is_known]
    if not len(values):
        return np.full(len(QUARTILES), np.nan)
    order = np.argsort(values)
    # A value stands for the middle of its weight, so that equal weights give the usual median.
    weight_below = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(np.array(QUARTILES) * weights.sum(), weight_below, values[order])


def transitions(bouts: pd.DataFrame, clusters: int) -> pd.DataFrame:
    """Count how often one cluster follows another, and compare with chance.

    Noise between two bouts is skipped. A cluster that follows itself, with noise between, is not counted. By chance,
    the next cluster is independent of the last one, except that it is another one (quasi-independence: Goodman 1968,
    https://doi.org/10.1080/01621459.1968.10480916).

    Args:
        bouts: table of ``ClusteredAtlas.bouts``.
        clusters: number of clusters.

    Returns:
        Columns ``before, after, count, expected, ratio`` with a row for every two different clusters.
    """
    counts = np.zeros((clusters, clusters))
    for _, of_pair in bouts[bouts["cluster"] != NOISE].groupby(["video", "agent", "target"], sort=False):
        sequence = of_pair.sort_values("start")["cluster"].to_numpy()
        np.add.at(counts, (sequence[:-1], sequence[1:]), 1)
    np.fill_diagonal(counts, 0)
    expected = _expected_counts(counts)
    before, after = np.nonzero(~np.eye(clusters, dtype=bool))
    table = pd.DataFrame({"before": before, "after": after, "count": counts[before, after].astype(int)})
    table["expected"] = expected[before, after]
    table["ratio"] = table["count"] / table["expected"].where(table["expected"] > 0)
    return table


def _expected_counts(counts: np.ndarray) -> np.ndarray:
    """Return counts (before, after) under quasi-independence, with the sums of rows and columns of ``counts``.

    Iterative proportional fitting: rows and columns are scaled to their sums in turns.
    """
    expected = 1.0 - np.eye(len(counts))
    for _ in range(_FIT_ROUNDS):
        for axis in (0, 1):
            target, current = counts.sum(axis, keepdims=True), expected.sum(axis, keepdims=True)
            expected = expected * np.divide(target, current, out=np.zeros_like(current), where=current > 0)
    return expected
