"""Permutation tests: do individuals, or groups of videos, differ in the share of time of a cluster?

An animal's mood lasts for minutes, so neither its frames nor its minutes are independent. The tests therefore exchange
whole animals and whole videos, which is valid however long a mood lasts. Circular shifts do not help here, because a
shift leaves an animal's share of time as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

LEVEL = 0.05
"""Level of a single test, and the false discovery rate over all tests of a page."""
_MIN_DRAWS, _MAX_DRAWS = 2_000, 20_000
_BATCH = 1_000
"""Permutations that are in memory at once."""


def against_chance(
    seconds: np.ndarray,
    all_seconds: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    within: Sequence[str] | np.ndarray | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Test the share of time of each cluster in each group by permuting units among the groups.

    The statistic is the group's time in the cluster minus the time that it would have at the share of its strata.

    Args:
        seconds: (unit, cluster) time of each cluster in a unit. Units must be exchangeable if the groups are equal: an
            animal's whole track in a video or a whole video, but not a minute.
        all_seconds: (unit,) total time of a unit.
        groups: (unit,) group of a unit.
        within: (unit,) stratum of a unit; units are exchanged within their stratum only. None for a single stratum.
        draws: number of permutations; by default enough for a single difference to remain significant among all
            comparisons, from 2,000 to 20,000.
        seed: seed of the permutations.

    Returns:
        Columns ``group, cluster, share, overall`` (the share in the group's strata) and ``p`` (two-sided; Phipson and
        Smyth 2010, https://doi.org/10.2202/1544-6115.1585). ``p`` is NaN in groups with so few units that no
        arrangement of them reaches p < .05.

    Examples:
        Two equal animals in one video cannot be told from two that differ:

        >>> against_chance(np.array([[9.0], [1.0]]), np.full(2, 60.0), ["a", "b"], ["video", "video"])["p"].tolist()
        [nan, nan]
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    strata = np.zeros(len(member), int) if within is None else np.unique(np.asarray(within), return_inverse=True)[1]
    order = np.argsort(strata, kind="stable")
    member, strata, seconds, all_seconds = member[order], strata[order], seconds[order], all_seconds[order]
    of_stratum = strata[:, None] == np.arange(strata.max() + 1)
    share_of_stratum = (of_stratum.T @ seconds) / np.maximum(of_stratum.T @ all_seconds, 1e-9)[:, None]
    expected = all_seconds[:, None] * share_of_stratum[strata]
    of_group = (member[:, None] == np.arange(len(names))).T
    draws = draws or int(np.clip(2 * len(names) * seconds.shape[1] / LEVEL, _MIN_DRAWS, _MAX_DRAWS))
    p = _p_values(seconds - expected, member, strata, draws, 1e-9 * all_seconds.sum(), seed)
    p[_least_p(member, strata) >= LEVEL] = np.nan
    time = np.maximum(of_group @ all_seconds, 1e-9)[:, None]
    group, cluster = (index.ravel() for index in np.indices(p.shape))
    return pd.DataFrame(
        {
            "group": names[group],
            "cluster": cluster,
            "share": (of_group @ seconds / time).ravel(),
            "overall": (of_group @ expected / time).ravel(),
            "p": p.ravel(),
        }
    )


def _p_values(
    excess: np.ndarray, member: np.ndarray, strata: np.ndarray, draws: int, tolerance: float, seed: int
) -> np.ndarray:
    """Return (group, cluster) two-sided p values of the sums of ``excess``; the units are in order of strata."""
    groups = np.arange(member.max() + 1)
    observed = np.abs((member == groups[:, None]) @ excess) - tolerance
    rng, as_extreme = np.random.default_rng(seed), np.ones(observed.shape)  # the observed arrangement is one of all
    for start in range(0, draws, _BATCH):
        # Sorting stratum + random number shuffles the units within their strata.
        keys = strata + rng.random((min(_BATCH, draws - start), len(strata)))
        permuted = member[np.argsort(keys, axis=1)]
        for group in groups:
            drawn = np.abs((permuted == group).astype(float) @ excess)
            as_extreme[group] += (drawn >= observed[group]).sum(0)
    return as_extreme / (draws + 1)


def _least_p(member: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Return (group,) the smallest p value that any data could give with so many units."""
    counts = np.zeros((strata.max() + 1, member.max() + 1), int)
    np.add.at(counts, (strata, member), 1)
    sizes, least = counts.sum(1), np.ones(counts.shape[1])
    for group, held in enumerate(counts.T):
        is_free = (held > 0) & (held < sizes)
        arrangements = math.prod(math.comb(n, k) for n, k in zip(sizes[is_free], held[is_free], strict=True))
        # A group that holds half of each stratum differs from the other half as much the other way round.
        has_mirror = bool((2 * held[is_free] == sizes[is_free]).all())
        least[group] = min(1.0, (1 + has_mirror) / arrangements)
    return least


def frequencies(bouts: pd.DataFrame, clusters: int, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Compare the share of each cluster by individual and, if given, by group of videos; list it by video.

    Individuals exchange whole tracks within each video. The question is: does this individual differ from those that it
    was recorded with? Groups exchange whole videos, which must be independent: with other animals in each. A video is
    not tested, because nothing tells the mood of its animals from a lasting difference.

    Args:
        bouts: table of ``ClusteredAtlas.bouts``.
        clusters: number of clusters.
        groups: video id -> group, for some or all videos.

    Returns:
        The columns of ``against_chance``; ``of`` with the kind of comparison: ``video``, ``individual`` (the agent) or
        ``group``; ``q``, the p value corrected for all tests of the table (Benjamini and Hochberg 1995,
        https://doi.org/10.1111/j.2517-6161.1995.tb02031.x); and ``differs``, true if q is at most 5 %.
    """
    columns = list(range(clusters))
    table = bouts.groupby(["video", "agent", "cluster"])["seconds"].sum().unstack(fill_value=0.0)
    tracks = table.reindex(columns=columns, fill_value=0.0).assign(all=table.sum(axis=1)).reset_index()
    tracks[["video", "agent"]] = tracks[["video", "agent"]].astype(str)
    videos = tracks.groupby("video")[[*columns, "all"]].sum().reset_index()

    def test(rows: pd.DataFrame, names: pd.Series, of: str, within: pd.Series | None = None) -> pd.DataFrame:
        strata = None if within is None else within.to_numpy(str)
        tested = against_chance(rows[columns].to_numpy(), rows["all"].to_numpy(), names.to_numpy(str), strata)
        return tested.assign(of=of)

    tests = [_shares(videos, columns)]
    if tracks["agent"].nunique() > 1:
        tests.append(test(tracks, tracks["agent"], "individual", tracks["video"]))
    if groups:
        grouped = videos[videos["video"].isin(list(groups))]
        tests.append(test(grouped, grouped["video"].map(groups), "group"))
    return _corrected(pd.concat(tests, ignore_index=True))


def _shares(videos: pd.DataFrame, columns: list[int]) -> pd.DataFrame:
    """Return the rows of videos, which have no p value."""
    table = videos.melt(["video", "all"], columns, "cluster", "seconds").rename(columns={"video": "group"})
    overall = (videos[columns].sum() / videos["all"].sum()).to_numpy()
    share, cluster = table["seconds"] / table["all"], table["cluster"].astype(int)
    return table[["group"]].assign(cluster=cluster, share=share, overall=overall[cluster], p=np.nan, of="video")


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with ``q`` and ``differs`` over the rows that were tested."""
    tested = table["p"].notna()
    table["q"] = np.nan
    table.loc[tested, "q"] = false_discovery_control(table.loc[tested, "p"].to_numpy())
    return table.assign(differs=table["q"] <= LEVEL)
