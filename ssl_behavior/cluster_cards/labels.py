"""Comparison of clusters with labels: which labels a cluster overlaps, and how far the two agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, homogeneity_score, normalized_mutual_info_score

from ssl_behavior.atlas.bout_tables import frame_labels
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS, difference_interval

_HALF_A_FRAME = 0.5
"""Smallest count of which a logarithm is taken."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """Number of scored frames by cluster and label.

    Attributes:
        channel: channel of the annotations.
        behaviours: names of the labels.
        counts: (video, cluster + 1, behaviour) frames, summed over pairs; the last row of clusters is noise.
    """

    channel: str
    behaviours: tuple[str, ...]
    counts: np.ndarray


def overlaps(clustered: ClusteredAtlas, bouts: pd.DataFrame) -> list[Overlap]:
    """Count the overlap with every channel of labels, with one video in memory at a time.

    Labels of a pair are compared with the clusters of that pair; labels of the whole group with those of every pair.

    Args:
        clustered: the atlas.
        bouts: table of ``ClusteredAtlas.bouts`` for all videos.
    """
    rows = clustered.clusters.count + 1
    behaviours = clustered.atlas.channels
    counts: dict[str, list[np.ndarray]] = {channel: [] for channel in behaviours}
    rows_of_video = bouts.groupby("video").indices
    for video in clustered.atlas.videos():
        clusters_of_pair = frame_labels(bouts.iloc[rows_of_video[video.id]]) if video.labels else {}
        for channel, labels in video.labels.items():
            values = labels.with_behaviours(behaviours[channel]).values
            is_scored = values != UNSCORED
            of_video = np.zeros((rows, len(behaviours[channel])), np.int64)
            for pair, clusters in clusters_of_pair.items():
                if labels.holds_for(*pair):
                    np.add.at(of_video, (clusters[is_scored], values[is_scored]), 1)  # noise, -1, is the last row
            counts[channel].append(of_video)
    return [Overlap(channel, behaviours[channel], np.stack(of_videos)) for channel, of_videos in counts.items()]


def enrichment(overlap: Overlap, draws: int = 1_000, seed: int = 0) -> pd.DataFrame:
    """Compute how much more frequent each label is within a cluster than overall.

    The interval is Student's, over resampled videos, for the logarithm of the ratio (see ``scoring.bootstrap``). There
    is none where the label never occurs in the cluster, or where fewer than three videos have scored frames in it.

    Args:
        overlap: counts of frames.
        draws: number of bootstrap samples of the videos.
        seed: seed of the bootstrap.

    Returns:
        Columns ``channel, cluster, behaviour, frames, share`` (of the cluster's scored frames), ``overall`` (share of
        all scored frames), ``ratio`` of the two, and ``low`` and ``high``, the 95 % interval of the ratio; NaN where
        there is none. Noise is cluster -1.
    """
    videos, clusters, behaviours = overlap.counts.shape
    weights = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), draws)
    counts = overlap.counts.sum(0)
    ratio, videos_with_cluster = _ratio(counts), overlap.counts.any(2).sum(0)
    sampled = _log_ratio(np.einsum("dv,vcb->dcb", weights, overlap.counts))
    bounds = difference_interval(_log_ratio(counts), sampled, videos)
    is_known = (ratio > 0) & (videos_with_cluster[:, None] >= FEWEST_VIDEOS)
    low, high = np.full((2, *ratio.shape), np.nan) if bounds is None else np.where(is_known, np.exp(bounds), np.nan)
    cluster, behaviour = (index.ravel() for index in np.indices((clusters, behaviours)))
    return pd.DataFrame(
        {
            "channel": overlap.channel,
            "cluster": np.where(cluster == clusters - 1, NOISE, cluster),
            "behaviour": np.array(overlap.behaviours)[behaviour],
            "frames": counts.ravel(),
            "share": _share(counts).ravel(),
            "overall": (counts.sum(0) / max(counts.sum(), 1))[behaviour],
            "ratio": ratio.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )


def _share(counts: np.ndarray) -> np.ndarray:
    """Return the share (..., cluster, behaviour) of each label in a cluster's frames; NaN for an empty cluster."""
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def _ratio(counts: np.ndarray) -> np.ndarray:
    """Return the share (..., cluster, behaviour) of each label in a cluster over its share in all frames."""
    overall = _share(counts.sum(-2, keepdims=True))
    return np.divide(_share(counts), overall, out=np.full(counts.shape, np.nan), where=overall > 0)


def _log_ratio(counts: np.ndarray) -> np.ndarray:
    """Return the logarithm of ``_ratio``; a label that does not occur in a cluster counts as half a frame of it."""
    in_cluster, overall = counts.sum(-1, keepdims=True), _share(counts.sum(-2, keepdims=True))
    share = np.maximum(counts, _HALF_A_FRAME) / np.where(in_cluster > 0, in_cluster, np.nan)
    return np.log(np.divide(share, overall, out=np.full(counts.shape, np.nan), where=overall > 0))


def agreement(truth: Sequence[int] | np.ndarray, clusters: Sequence[int] | np.ndarray) -> dict[str, float]:
    """Compute how far clusters (frame,) agree with labels (frame,); noise counts as one more cluster."""
    return {
        "NMI": float(normalized_mutual_info_score(truth, clusters)),
        "ARI": float(adjusted_rand_score(truth, clusters)),
        "homogeneity": float(homogeneity_score(truth, clusters)),
    }


def overlap_agreement(overlap: Overlap) -> dict[str, float] | None:
    """Compute ``agreement`` over all videos and the ``clustered`` share of scored frames; None for one behaviour."""
    counts = overlap.counts.sum(0)
    if (counts.sum(0) > 0).sum() < 2:
        return None
    cluster, behaviour = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    return agreement(behaviour, cluster) | {"clustered": float(counts[:-1].sum() / max(counts.sum(), 1))}
