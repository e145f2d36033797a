"""Fit clusters to embeddings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from sklearn.metrics import adjusted_rand_score

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import NOISE, Clustering, Clusters, averaged, directions, nearest_anchors
from ssl_behavior.errors import InputError

_CORE = 10
"""Landmarks near a landmark by which HDBSCAN measures density."""


_FAR = 0.001
"""Share of the landmarks that are further from all others than a frame may be to be in a cluster."""


def fit_clusters(atlas: Atlas, settings: Clustering, seed: int = 0) -> Clusters:
    """Fit map and clusters to an atlas, and measure how far refits agree.

    Raises:
        InputError: there are too few frames for a cluster, or nothing is denser than the rest.
    """
    found = _fit(atlas, settings, seed)
    if not found.count:
        raise InputError(
            f"{atlas.folder}: expected places on the map that are denser than others; found none: lower "
            "--clustering.smallest, raise --clustering.largest, or embed more recordings"
        )
    pieces = list(_drawn(atlas, settings.landmarks, seed + 1_000))

    def assigned(clusters: Clusters) -> np.ndarray:
        return np.concatenate([clusters.assign(values, frames)[0] for values, frames in pieces])

    own = assigned(found)
    refits = [assigned(_fit(atlas, settings, seed + 1 + again)) for again in range(settings.refits)]
    inside = [(own != NOISE) & (other != NOISE) for other in refits]
    return replace(
        found,
        stability=tuple(float(adjusted_rand_score(own, other)) for other in refits),
        stability_inside=tuple(
            float(adjusted_rand_score(own[both], other[both])) for other, both in zip(refits, inside, strict=True)
        ),
    )


def _drawn(atlas: Atlas, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Random rows of the atlas: per pair of a video its embeddings and those of the frames in which it is located."""
    for video, pair, frames in atlas.draw(count, seed):
        yield video.embeddings[pair], frames[video.located(pair)[frames]]


@contextmanager
def _threads_as_they_were() -> Iterator[None]:
    """Numba takes all cores for the whole process, and torch adds up in another order on more threads than it had."""
    torch = sys.modules.get("torch")  # which clusters are made without
    before = torch.get_num_threads() if torch else 0
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


def _fit(atlas: Atlas, settings: Clustering, seed: int) -> Clusters:
    rate = atlas.made_by.frame_rate
    drawn = _drawn(atlas, settings.landmarks, seed)
    parts = [averaged(values, frames, settings.reach(rate)) for values, frames in drawn]
    least = max(4 * settings.neighbours, round(2 / settings.smallest))
    if (there := sum(map(len, parts))) < least:
        raise InputError(
            f"{atlas.folder}: expected at least {least} frames of located animals to find clusters in; found {there} "
            f"among {min(atlas.rows, settings.landmarks)} landmarks drawn; embed more recordings, or raise "
            "--clustering.landmarks or --clustering.smallest"
        )
    raw = np.concatenate(parts)
    centre = raw.mean(0)
    landmarks = directions(raw, centre)
    positions = _map(landmarks, settings.neighbours, seed)
    labels, joins = _dense_places(positions, settings)
    to_another = nearest_anchors(landmarks, landmarks, 2)[0][:, 1]
    least_cosine = float(np.quantile(to_another, _FAR))
    return Clusters(atlas.made_by.encoder, centre, landmarks, positions, labels, joins, least_cosine, rate, settings)


def _map(landmarks: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    """(landmark, 2) places by UMAP, the same for the same seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap  # compiles for seconds when imported, and only a fit needs it

        with _threads_as_they_were():
            layout = umap.UMAP(n_neighbors=neighbours, min_dist=0.0, random_state=seed, n_jobs=1).fit_transform(
                landmarks
            )
    return np.asarray(layout, np.float32)


def _dense_places(positions: np.ndarray, settings: Clustering) -> tuple[np.ndarray, np.ndarray]:
    """Cluster of each place, the largest cluster first, and at which distances they join."""
    smallest = max(2, round(settings.smallest * len(positions)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hdbscan

        fitted = hdbscan.HDBSCAN(
            min_cluster_size=smallest,
            min_samples=_CORE,
            max_cluster_size=max(smallest, round(settings.largest * len(positions))),
            cluster_selection_method=settings.selection,
            core_dist_n_jobs=1,  # more are processes of their own, which take longer to start than there is to do
        ).fit(positions.astype(np.float64))
    names, sizes = np.unique(fitted.labels_[fitted.labels_ != NOISE], return_counts=True)
    order = names[np.argsort(-sizes, kind="stable")]
    rank = np.full(len(names) + 1, NOISE, np.int16)  # its last place is noise's, -1
    rank[order] = np.arange(len(names))
    labels = rank[fitted.labels_]
    cores = [int(np.argmax(np.where(labels == one, fitted.probabilities_, -1))) for one in range(len(names))]
    return labels, _joins(fitted.single_linkage_tree_.to_numpy(), cores)


def _joins(linkage: np.ndarray, cores: list[int]) -> np.ndarray:
    """(core, core) heights at which single linkage joins these points."""
    holds = {core: [number] for number, core in enumerate(cores)}
    joins = np.zeros((len(cores), len(cores)))
    for step, (first, second, height, _) in enumerate(linkage):
        left, right = holds.pop(int(first), []), holds.pop(int(second), [])
        if left or right:
            holds[len(linkage) + 1 + step] = left + right
        for one in left:
            joins[one, right] = joins[right, one] = height
    return joins
