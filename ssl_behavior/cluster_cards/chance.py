"""Permutation tests: in which videos, individuals and groups is a cluster more or less frequent than by chance?

Behaviour comes in bouts, so neighbouring frames are not independent. The tests therefore permute minutes or whole
videos, not frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

_MINUTE_S = 60.0
_FALSE_DISCOVERY_RATE = 0.05
_MIN_DRAWS, _MAX_DRAWS = 2_000, 20_000


def seconds_by_minute(bouts: pd.DataFrame, clusters: int) -> pd.DataFrame:
    """Sum the seconds of each cluster in every minute of every pair.

    Args:
        bouts: table of ``ClusteredAtlas.bouts``.
        clusters: number of clusters.

    Returns:
        Index ``video, agent, target, minute``, a column per cluster, and ``all`` with the time in and out of clusters.
    """
    pieces = []
    stop = bouts["start_s"] + bouts["seconds"]
    # Without the small number, a bout that ends exactly with a minute would reach into the next one.
    first, last = (bouts["start_s"] // _MINUTE_S).astype(int), ((stop - 1e-6) // _MINUTE_S).astype(int)
    for ahead in range(int((last - first).max()) + 1):
        reaches = first + ahead <= last
        minute = first[reaches] + ahead
        inside = np.minimum(stop[reaches], (minute + 1) * _MINUTE_S) - np.maximum(
            bouts.loc[reaches, "start_s"], minute * _MINUTE_S
        )
        pair_and_cluster = bouts.loc[reaches, ["video", "agent", "target", "cluster"]]
        pieces.append(pair_and_cluster.assign(minute=minute, seconds=inside))
    table = pd.concat(pieces)
    minutes = ["video", "agent", "target", "minute"]
    by_cluster = table.pivot_table("seconds", minutes, "cluster", "sum", 0.0)
    total = table.groupby(minutes)["seconds"].sum().rename("all")
    return by_cluster.reindex(columns=range(clusters), fill_value=0.0).join(total)


def against_chance(
    seconds: np.ndarray,
    all_seconds: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    within: Sequence[str] | np.ndarray | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Test the share of time of each cluster in each group by permuting units among the groups.

    Args:
        seconds: (unit, cluster) time of each cluster in a unit, such as a minute or a video.
        all_seconds: (unit,) total time of a unit.
        groups: (unit,) group of a unit.
        within: (unit,) stratum of a unit; units are exchanged within their stratum only. None for a single stratum.
        draws: number of permutations; by default enough for a single difference to remain significant among all
            comparisons, from 2,000 to 20,000.
        seed: seed of the permutations.

    Returns:
        Columns ``group, cluster, share, overall, p`` (two-sided) and ``differs``. At most 5 % of the rows that differ
        are expected to do so by chance (Benjamini and Hochberg 1995).
    """
    names, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    by_group = np.argsort(member, kind="stable")
    starts = np.cumsum(sizes) - sizes
    values = np.concatenate([seconds, all_seconds[:, None]], axis=1)[by_group]
    strata = np.zeros(len(member), int) if within is None else np.unique(np.asarray(within), return_inverse=True)[1]
    strata = strata[by_group]
    overall = values[:, :-1].sum(0) / values[:, -1].sum()

    def deviations(units: np.ndarray) -> np.ndarray:
        """Return (group, cluster) share of time minus the overall share."""
        sums = np.add.reduceat(units, starts, axis=0)
        return sums[:, :-1] / np.maximum(sums[:, -1:], 1e-9) - overall

    observed = deviations(values)
    draws = draws or int(np.clip(2 * observed.size / _FALSE_DISCOVERY_RATE, _MIN_DRAWS, _MAX_DRAWS))
    rng = np.random.default_rng(seed)
    as_extreme = np.ones(observed.shape)  # the observed arrangement is one of the permutations
    in_stratum = np.argsort(strata, kind="stable")
    order = np.empty(len(values), int)
    for _ in range(draws):
        order[in_stratum] = np.lexsort((rng.random(len(values)), strata))
        as_extreme += np.abs(deviations(values[order])) >= np.abs(observed) - 1e-12
    p = as_extreme / (draws + 1)
    group, cluster = (index.ravel() for index in np.indices(observed.shape))
    table = pd.DataFrame({"group": names[group], "cluster": cluster, "share": (observed + overall).ravel()})
    table["overall"], table["p"] = overall[cluster], p.ravel()
    table["differs"] = _is_discovery(p.ravel())
    return table


def _is_discovery(p: np.ndarray) -> np.ndarray:
    """Return (test,) bool: which p values pass the procedure of Benjamini and Hochberg."""
    order = np.argsort(p)
    passing = np.flatnonzero(p[order] <= _FALSE_DISCOVERY_RATE * np.arange(1, len(p) + 1) / len(p))
    is_discovery = np.zeros(len(p), bool)
    is_discovery[order[: passing[-1] + 1 if len(passing) else 0]] = True
    return is_discovery


def frequencies(bouts: pd.DataFrame, clusters: int, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Test the share of each cluster by video, by individual and, if given, by group of videos.

    Videos are compared by permuting minutes between them, the individuals of a video by permuting the minutes of that
    video, and groups by permuting whole videos.

    Args:
        bouts: table of ``ClusteredAtlas.bouts``.
        clusters: number of clusters.
        groups: video id -> group, for some or all videos.

    Returns:
        The columns of ``against_chance``, and ``of`` with the kind of comparison: ``video``, ``individual`` (the agent)
        or ``group``.
    """
    minutes = seconds_by_minute(bouts, clusters)

    def test(unit: list[str], group: str, within: str | None = None) -> pd.DataFrame:
        rows = minutes.groupby(unit).sum().reset_index()
        strata = None if within is None else rows[within].to_numpy(str)
        return _test(rows, rows[group].astype(str), clusters, strata)

    # Both animals of a pair behave at the same moment, so the unit of a video is a minute of all its pairs.
    tests = {"video": test(["video", "minute"], "video")}
    if bouts["agent"].nunique() > 1:
        tests["individual"] = test(["video", "agent", "minute"], "agent", within="video")
    if groups:
        rows = minutes.groupby("video").sum().reset_index()
        rows = rows[rows["video"].astype(str).isin(list(groups))]
        tests["group"] = _test(rows, rows["video"].astype(str).map(groups).dropna(), clusters)
    return pd.concat([table.assign(of=of) for of, table in tests.items()], ignore_index=True)


def _test(rows: pd.DataFrame, groups: pd.Series, clusters: int, strata: np.ndarray | None = None) -> pd.DataFrame:
    seconds = rows[list(range(clusters))].to_numpy()
    return against_chance(seconds, rows["all"].to_numpy(), groups.to_numpy(), strata)
