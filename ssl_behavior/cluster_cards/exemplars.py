"""Bouts that show a cluster: the most central ones, and those that differ most from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ssl_behavior.atlas.clusters import directions

_LONG_ENOUGH_S = 0.5
"""Bouts from this length on are preferred: a viewer recognises little in shorter ones."""


def choose_exemplars(
    bouts: pd.DataFrame, cluster: int, centre: np.ndarray, count: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose the most central bouts of a cluster, and the most different ones.

    The most central bouts are those whose mean embedding is nearest to the direction of the cluster, with one bout per
    video before any second one. Each different bout is the one furthest from all bouts chosen before it.

    Args:
        bouts: table of ``ClusteredAtlas.bouts``, with embeddings.
        cluster: the cluster.
        centre: (channel,) centre that directions are measured from.
        count: bouts of each kind; fewer if the cluster has no more.

    Returns:
        Rows of the central bouts and rows of the different bouts.
    """
    of_cluster = bouts[bouts["cluster"] == cluster]
    if of_cluster.empty:
        return of_cluster, of_cluster
    if (is_long := of_cluster["seconds"] >= _LONG_ENOUGH_S).any():
        of_cluster = of_cluster[is_long]
    pooled = directions(np.stack(of_cluster["embedding"].to_list()), centre)
    mean_direction = np.average(pooled, axis=0, weights=of_cluster["seconds"])
    nearness = pooled @ mean_direction
    order = np.argsort(-nearness, kind="stable")
    is_repeat = of_cluster["video"].iloc[order].duplicated().to_numpy()
    central = np.concatenate([order[~is_repeat], order[is_repeat]])[:count]
    cosine = (pooled @ pooled[central].T).max(1)
    different: list[int] = []
    for _ in range(min(count, len(of_cluster) - len(central))):
        cosine[[*central, *different]] = np.inf  # never chosen twice
        different.append(int(cosine.argmin()))
        cosine = np.maximum(cosine, pooled @ pooled[different[-1]])
    return of_cluster.iloc[central], of_cluster.iloc[different]
