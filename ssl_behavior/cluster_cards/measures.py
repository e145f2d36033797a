"""What is measured of each cluster: its share of time, its bouts, their kinematics, and what comes before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.poses.expert_features import KINEMATICS

QUARTILES = (0.25, 0.5, 0.75)


def summaries(bouts: pd.DataFrame, clusters: int) -> pd.DataFrame:
    """A row per cluster, noise (-1) first.

    Args:
        bouts: of ``ClusteredAtlas.bouts``.
        clusters: how many there are.

    Returns:
        columns ``share`` of all time, ``bouts``, ``videos`` in which it occurs, and the quartiles of ``seconds`` (over
        bouts) and of each of ``KINEMATICS`` (over time), named as in ``agent speed 0.5``.
    """
    total = bouts["seconds"].sum()
    rows = []
    for cluster in range(NOISE, clusters):
        own = bouts[bouts["cluster"] == cluster]
        row = {"share": own["seconds"].sum() / total, "bouts": len(own), "videos": own["video"].nunique()}
        row |= {
            f"seconds {q}": value for q, value in zip(QUARTILES, _quartiles(own["seconds"].to_numpy()), strict=True)
        }
        for name in KINEMATICS:
            found = _quartiles(own[name].to_numpy(), own["seconds"].to_numpy())
            row |= {f"{name} {q}": value for q, value in zip(QUARTILES, found, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows, index=pd.RangeIndex(NOISE, clusters, name="cluster"))


def _quartiles(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Weighted quartiles of the known values; NaN where there are none."""
    weights = np.ones(len(values)) if weights is None else weights
    known = ~np.isnan(values)
    values, weights = values[known], weights[known]
    if not len(values):
        return np.full(len(QUARTILES), np.nan)
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(np.array(QUARTILES) * weights.sum(), below, values[order])


def transitions(bouts: pd.DataFrame, clusters: int) -> pd.DataFrame:
    """How often one cluster follows another, against chance.

    Noise between two bouts is passed over, and a cluster that follows itself across noise is not counted. By chance,
    what comes next does not depend on what was, but that it is another cluster (quasi-independence: Goodman 1968,
    https://doi.org/10.1080/01621459.1968.10480916).

    Returns:
        columns ``before, after, count, expected, ratio``, every pair of different clusters that could be.
    """
    counts = np.zeros((clusters, clusters))
    for _, own in bouts[bouts["cluster"] != NOISE].groupby(["video", "agent", "target"], sort=False):
        sequence = own.sort_values("start")["cluster"].to_numpy()
        np.add.at(counts, (sequence[:-1], sequence[1:]), 1)
    np.fill_diagonal(counts, 0)
    expected = _by_chance(counts)
    before, after = np.nonzero(~np.eye(clusters, dtype=bool))
    table = pd.DataFrame({"before": before, "after": after, "count": counts[before, after].astype(int)})
    table["expected"] = expected[before, after]
    table["ratio"] = table["count"] / table["expected"].where(table["expected"] > 0)
    return table


def _by_chance(counts: np.ndarray) -> np.ndarray:
    """Expected counts off the diagonal with the same sums by row and by column, fitted in turns."""
    expected = 1.0 - np.eye(len(counts))
    for _ in range(200):
        for axis in (0, 1):
            wanted, found = counts.sum(axis, keepdims=True), expected.sum(axis, keepdims=True)
            expected = expected * np.divide(wanted, found, out=np.zeros_like(found), where=found > 0)
    return expected
