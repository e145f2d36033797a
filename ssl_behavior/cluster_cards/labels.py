"""Clusters against what people labelled: which labels a cluster overlaps, and how far the two agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, homogeneity_score, normalized_mutual_info_score

from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas, frame_labels
from ssl_behavior.recordings.labels import UNSCORED


@dataclass(frozen=True, eq=False)
class Overlap:
    """Scored frames by cluster and label.

    Attributes:
        channel: of the annotations.
        behaviours: names of the labels.
        counts: (video, cluster + 1, behaviour) frames of pairs; the last row of clusters is noise.
    """

    channel: str
    behaviours: tuple[str, ...]
    counts: np.ndarray


def overlaps(clustered: ClusteredAtlas, bouts: pd.DataFrame) -> list[Overlap]:
    """The overlap with every channel of labels, with one video in memory at a time.

    Labels without a direction count for every pair, labels of a pair for that pair.

    Args:
        clustered: the atlas.
        bouts: of all its videos, by ``ClusteredAtlas.bouts``.
    """
    rows = clustered.clusters.count + 1
    names = clustered.atlas.channels
    counts: dict[str, list[np.ndarray]] = {channel: [] for channel in names}
    of_video = bouts.groupby("video").indices
    for video in clustered.atlas.videos():
        found = frame_labels(bouts.iloc[of_video[video.id]]) if video.labels else {}
        for channel, labels in video.labels.items():
            values = labels.with_behaviours(names[channel]).values
            table = np.zeros((rows, len(names[channel])), np.int64)
            for pair, clusters in found.items():
                if labels.pair in (None, pair):
                    scored = values != UNSCORED
                    np.add.at(table, (clusters[scored], values[scored]), 1)  # noise, -1, is the last row
            counts[channel].append(table)
    return [Overlap(channel, names[channel], np.stack(tables)) for channel, tables in counts.items()]


def enrichment(overlap: Overlap, draws: int = 1_000, seed: int = 0) -> pd.DataFrame:
    """How much more frequent each label is within a cluster than over all.

    Returns:
        columns ``channel, cluster, behaviour, frames, share`` (of the cluster's scored frames), ``overall`` (share of
        all scored frames), ``ratio`` of the two, and ``low`` and ``high``, its 95 % interval over resampled videos.
        Noise is cluster -1.
    """
    videos, clusters, behaviours = overlap.counts.shape
    drawn = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), draws)
    counts = overlap.counts.sum(0)
    spread = _ratio(np.einsum("dv,vcb->dcb", drawn, overlap.counts))
    with np.errstate(invalid="ignore"):
        low, high = (_quantile(spread, q) for q in (0.025, 0.975))
    cluster, behaviour = (one.ravel() for one in np.indices((clusters, behaviours)))
    return pd.DataFrame(
        {
            "channel": overlap.channel,
            "cluster": np.where(cluster == clusters - 1, -1, cluster),
            "behaviour": np.array(overlap.behaviours)[behaviour],
            "frames": counts.ravel(),
            "share": _share(counts).ravel(),
            "overall": (counts.sum(0) / max(counts.sum(), 1))[behaviour],
            "ratio": _ratio(counts).ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )


def _share(counts: np.ndarray) -> np.ndarray:
    """(..., cluster, behaviour) share of each label among a cluster's frames, NaN in an empty cluster."""
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def _ratio(counts: np.ndarray) -> np.ndarray:
    over_all = _share(counts.sum(-2, keepdims=True))
    return np.divide(_share(counts), over_all, out=np.full(counts.shape, np.nan), where=over_all > 0)


def _quantile(spread: np.ndarray, q: float) -> np.ndarray:
    """Of the draws in which there is a ratio; NaN where there is none in any."""
    filled = np.where(np.isnan(spread).all(0), 0.0, spread)
    return np.where(np.isnan(spread).all(0), np.nan, np.nanquantile(filled, q, axis=0))


def agreement(truth: Sequence[int] | np.ndarray, found: Sequence[int] | np.ndarray) -> dict[str, float]:
    """How far clusters (frame,) agree with labels (frame,); noise counts as a cluster of its own."""
    return {
        "NMI": float(normalized_mutual_info_score(truth, found)),
        "ARI": float(adjusted_rand_score(truth, found)),
        "homogeneity": float(homogeneity_score(truth, found)),
    }


def agreement_of(overlap: Overlap) -> dict[str, float] | None:
    """``agreement`` over all videos, and the ``clustered`` share of the scored frames; None for a single behaviour."""
    counts = overlap.counts.sum(0)
    if (counts.sum(0) > 0).sum() < 2:
        return None
    cluster, behaviour = (np.repeat(one.ravel(), counts.ravel()) for one in np.indices(counts.shape))
    return agreement(behaviour, cluster) | {"clustered": float(counts[:-1].sum() / max(counts.sum(), 1))}
