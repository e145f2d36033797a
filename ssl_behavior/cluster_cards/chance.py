"""In which videos, individuals and groups a cluster is more or less frequent than chance.

Behaviour comes in stretches, so frames are no independent draws; what is exchanged are minutes, or whole videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

_MINUTE_S = 60.0
_DISCOVERIES = 0.05


def by_minute(bouts: pd.DataFrame, clusters: int) -> pd.DataFrame:
    """Seconds of each cluster in every minute of every pair.

    Args:
        bouts: of ``ClusteredAtlas.bouts``.
        clusters: how many there are.

    Returns:
        index ``video, agent, target, minute``, a column per cluster.
    """
    parts = []
    stop = bouts["start_s"] + bouts["seconds"]
    first, last = (bouts["start_s"] // _MINUTE_S).astype(int), ((stop - 1e-6) // _MINUTE_S).astype(int)
    for ahead in range(int((last - first).max()) + 1):
        chosen = first + ahead <= last
        minute = first[chosen] + ahead
        own = bouts.loc[chosen, ["video", "agent", "target", "cluster"]]
        within = np.minimum(stop[chosen], (minute + 1) * _MINUTE_S) - np.maximum(
            bouts.loc[chosen, "start_s"], minute * _MINUTE_S
        )
        parts.append(own.assign(minute=minute, seconds=within))
    table = pd.concat(parts).pivot_table("seconds", ["video", "agent", "target", "minute"], "cluster", "sum", 0.0)
    return table.reindex(columns=range(clusters), fill_value=0.0).join(_covered(pd.concat(parts)))


def _covered(parts: pd.DataFrame) -> pd.Series:
    return parts.groupby(["video", "agent", "target", "minute"])["seconds"].sum().rename("all")


def against_chance(
    seconds: np.ndarray,
    all_seconds: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    within: Sequence[str] | np.ndarray | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Shares of time by group, tested by permutation of the units among the groups.

    Args:
        seconds: (unit, cluster) time of each cluster in a unit.
        all_seconds: (unit,) time of a unit.
        groups: (unit,) the group that a unit is in.
        within: (unit,) units are exchanged only with those of the same name; with all if None.
        draws: permutations; by default as many as it takes to tell one difference among all, from 2,000 to 20,000.
        seed: of them.

    Returns:
        columns ``group, cluster, share, overall, p`` (two-sided) and ``differs``: at most 5 % of those that differ do
        so by chance (Benjamini and Hochberg 1995).
    """
    names, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    by_group = np.argsort(member, kind="stable")
    starts = np.cumsum(sizes) - sizes
    values = np.concatenate([seconds, all_seconds[:, None]], axis=1)[by_group]
    strata = np.zeros(len(member), int) if within is None else np.unique(np.asarray(within), return_inverse=True)[1]
    strata = strata[by_group]
    overall = values[:, :-1].sum(0) / values[:, -1].sum()

    def deviations(units: np.ndarray) -> np.ndarray:
        sums = np.add.reduceat(units, starts, axis=0)
        return sums[:, :-1] / np.maximum(sums[:, -1:], 1e-9) - overall

    observed = deviations(values)
    draws = draws or int(np.clip(2 * observed.size / _DISCOVERIES, 2_000, 20_000))
    rng = np.random.default_rng(seed)
    beyond = np.ones(observed.shape)
    in_stratum = np.argsort(strata, kind="stable")
    order = np.empty(len(values), int)
    for _ in range(draws):
        order[in_stratum] = np.lexsort((rng.random(len(values)), strata))
        beyond += np.abs(deviations(values[order])) >= np.abs(observed) - 1e-12
    p = beyond / (draws + 1)
    group, cluster = (one.ravel() for one in np.indices(observed.shape))
    table = pd.DataFrame({"group": names[group], "cluster": cluster, "share": (observed + overall).ravel()})
    table["overall"], table["p"] = overall[cluster], p.ravel()
    table["differs"] = _discovered(p.ravel())
    return table


def _discovered(p: np.ndarray) -> np.ndarray:
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= _DISCOVERIES * np.arange(1, len(p) + 1) / len(p))
    found = np.zeros(len(p), bool)
    found[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return found


def frequencies(bouts: pd.DataFrame, clusters: int, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Shares of each cluster by video, by agent and, if videos are sorted into groups, by group.

    Minutes are exchanged between videos; between the individuals of a video, the minutes of that video; between groups,
    whole videos. Column ``of`` says which: ``video``, ``individual`` or ``group``; the rest is of ``against_chance``.
    """
    table = by_minute(bouts, clusters)

    def tested(units: list[str], named: Mapping[str, str] | None, of: str, within: str | None = None) -> pd.DataFrame:
        rows = table.groupby(units).sum().reset_index()
        groups = rows[of].astype(str)
        if named is not None:
            rows, groups = rows[groups.isin(list(named))], groups.map(named).dropna()
        strata = None if within is None else rows[within].to_numpy(str)
        return against_chance(rows[list(range(clusters))].to_numpy(), rows["all"].to_numpy(), groups.to_numpy(), strata)

    # What both animals of a pair do at a moment is one thing, so a video's unit is the minute of all its pairs.
    found = {"video": tested(["video", "minute"], None, "video")}
    if bouts["agent"].nunique() > 1:
        found["individual"] = tested(["video", "agent", "minute"], None, "agent", within="video")
    if groups:
        found["group"] = tested(["video"], groups, "video")
    return pd.concat([one.assign(of=of) for of, one in found.items()], ignore_index=True)
