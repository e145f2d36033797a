"""Fit clusters to the embeddings of an atlas."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from sklearn.metrics import adjusted_rand_score

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import (
    NOISE,
    Clustering,
    Clusters,
    average_over_time,
    directions,
    nearest_anchors,
)
from ssl_behavior.errors import InputError

_CORE_NEIGHBOURS = 10
"""Neighbours by which HDBSCAN measures the density at an anchor."""
_FEWEST_FRAMES = 20
"""Frames below which no settings give clusters that mean anything."""
_FAR_SHARE = 0.001
"""Share of the anchors that are further from their nearest anchor than any frame in a cluster may be."""
_REFIT_FRAMES_SEED = 1_000
"""Added to the seed for the frames that compare refits, so that these differ from the anchors of all fits."""


def fit_clusters(atlas: Atlas, settings: Clustering, seed: int = 0) -> Clusters:
    """Fit map and clusters to an atlas, and measure how far refits agree with the fit.

    Args:
        atlas: the atlas.
        settings: settings of the fit.
        seed: seed of the random anchors and of UMAP; the same seed gives the same clusters.

    Raises:
        InputError: the atlas has too few frames, or no region of the map is denser than the rest.
    """
    clusters = _fit(atlas, settings, seed)
    if not clusters.count:
        raise InputError(
            f"{atlas.folder}: expected regions of the map that are denser than the rest; found none: lower "
            "--clustering.smallest, raise --clustering.largest, or embed more recordings"
        )
    compared = list(_draw_located(atlas, settings.anchors, seed + _REFIT_FRAMES_SEED))

    def assign_compared(fitted: Clusters) -> np.ndarray:
        return np.concatenate([fitted.assign(values, frames)[0] for values, frames in compared])

    labels = assign_compared(clusters)
    refits = [assign_compared(_fit(atlas, settings, seed + 1 + refit)) for refit in range(settings.refits)]
    inside = [(labels != NOISE) & (refit != NOISE) for refit in refits]
    return replace(
        clusters,
        stability=tuple(float(adjusted_rand_score(labels, refit)) for refit in refits),
        stability_inside=tuple(
            float(adjusted_rand_score(labels[both], refit[both])) for refit, both in zip(refits, inside, strict=True)
        ),
    )


def _fit(atlas: Atlas, settings: Clustering, seed: int) -> Clusters:
    rate = atlas.meta.frame_rate
    means = [
        average_over_time(values, frames, settings.reach(rate))
        for values, frames in _draw_located(atlas, settings.anchors, seed)
    ]
    _require_enough(atlas, sum(map(len, means)), settings)
    embeddings = np.concatenate(means)
    centre = embeddings.mean(0)
    anchors = directions(embeddings, centre)
    map_positions = _lay_out_map(anchors, settings.neighbours, seed)
    labels, joins = _find_dense_regions(map_positions, settings)
    # The nearest anchor of an anchor is itself, so the second nearest counts.
    to_next_anchor = nearest_anchors(anchors, anchors, 2)[0][:, 1]
    least_cosine = float(np.quantile(to_next_anchor, _FAR_SHARE))
    return Clusters(atlas.meta.encoder, centre, anchors, map_positions, labels, joins, least_cosine, rate, settings)


def _require_enough(atlas: Atlas, count: int, settings: Clustering) -> None:
    """Make sure that clusters can be fitted to this number of frames.

    Raises:
        InputError: they are too few; the message names the settings that suit so few.
    """
    required = max(4 * settings.neighbours, round(2 / settings.smallest))
    if count >= required:
        return
    if settings.anchors < atlas.rows:
        advice = "raise --clustering.anchors"
    elif count < _FEWEST_FRAMES:
        advice = "add recordings to the atlas with ssl-behavior embed"
    else:
        smallest = max(settings.smallest, math.ceil(200 / count) / 100)
        fitting = {"neighbours": min(settings.neighbours, count // 4), "smallest": smallest}
        fitting["largest"] = max(settings.largest, 2 * smallest)
        changes = [
            f"--clustering.{name} {value:g}" for name, value in fitting.items() if getattr(settings, name) != value
        ]
        advice = f"add recordings to the atlas with ssl-behavior embed, or give {' '.join(changes)}"
    raise InputError(
        f"{atlas.folder}: expected at least {required} frames of located animals to cluster; found {count} "
        f"among {min(atlas.rows, settings.anchors)} anchors drawn: {advice}"
    )


def _draw_located(atlas: Atlas, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw random rows; yield a pair's embeddings (time, channel), and the drawn frames in which both are located."""
    for video, pair, frames in atlas.draw(count, seed):
        # All frames of the pair are checked: those around a drawn one count too, as embeddings are averaged over time.
        yield atlas.finite(video, pair), frames[video.is_located(pair)[frames]]


def _lay_out_map(anchors: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    """Return (anchor, 2) float32 positions by UMAP, the same for the same seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap  # its import compiles for seconds, and only a fit needs it

        with _restored_torch_threads():
            layout = umap.UMAP(n_neighbors=neighbours, min_dist=0.0, random_state=seed, n_jobs=1).fit_transform(anchors)
    return np.asarray(layout, np.float32)


@contextmanager
def _restored_torch_threads() -> Iterator[None]:
    """Restore torch's number of threads on exit.

    Numba, in UMAP, claims all cores for the whole process. With more threads torch adds numbers in another order, which
    changes the last digits of later results.
    """
    torch = sys.modules.get("torch")  # clustering itself does not import it
    before = torch.get_num_threads() if torch else 0
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


def _find_dense_regions(map_positions: np.ndarray, settings: Clustering) -> tuple[np.ndarray, np.ndarray]:
    """Return the cluster of each position (anchor,), the largest cluster first, and the joins (cluster, cluster)."""
    smallest = max(2, round(settings.smallest * len(map_positions)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan

        fitted = hdbscan.HDBSCAN(
            min_cluster_size=smallest,
            min_samples=_CORE_NEIGHBOURS,
            max_cluster_size=max(smallest, round(settings.largest * len(map_positions))),
            cluster_selection_method=settings.selection,
            core_dist_n_jobs=1,  # worker processes take longer to start than this step takes
        ).fit(map_positions.astype(np.float64))
    names, sizes = np.unique(fitted.labels_[fitted.labels_ != NOISE], return_counts=True)
    order = names[np.argsort(-sizes, kind="stable")]
    rank = np.full(len(names) + 1, NOISE, np.int16)  # one more element: index -1 maps noise to noise
    rank[order] = np.arange(len(names))
    labels = rank[fitted.labels_]
    cores = [int(np.argmax(np.where(labels == label, fitted.probabilities_, -1))) for label in range(len(names))]
    return labels, _join_heights(fitted.single_linkage_tree_.to_numpy(), cores)


def _join_heights(linkage: np.ndarray, cores: list[int]) -> np.ndarray:
    """Return (core, core) heights at which single linkage joins the core points of two clusters.

    Args:
        linkage: (step, 4) nodes joined in each step, height and size, as scipy has them; step i makes node points + i.
        cores: index of the core point of each cluster.
    """
    members = {core: [cluster] for cluster, core in enumerate(cores)}  # node -> clusters whose core it contains
    heights = np.zeros((len(cores), len(cores)))
    for step, (first, second, height, _) in enumerate(linkage):
        left, right = members.pop(int(first), []), members.pop(int(second), [])
        if left or right:
            members[len(linkage) + 1 + step] = left + right
        for cluster in left:
            heights[cluster, right] = heights[right, cluster] = height
    return heights
