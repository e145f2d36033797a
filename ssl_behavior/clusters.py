"""Clusters of an atlas: a map by UMAP, clusters on it by HDBSCAN, fitted to landmarks and carried to every frame.

UMAP (McInnes et al. 2018, https://arxiv.org/abs/1802.03426) lays a random sample of the embeddings, the landmarks, out
in the plane; HDBSCAN (Campello et al. 2013, https://doi.org/10.1007/978-3-642-37456-2_14) takes the dense places of
that map for clusters and leaves the rest as noise. Every other frame, of this atlas or of one made later by the same
encoder, gets what its nearest landmarks have, and is noise where it is further from all of them than they are from
each other. So what is stored is plain arrays, and a cluster means the same wherever it is applied.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import faiss
import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.metrics import adjusted_rand_score

from ssl_behavior.digests import digest
from ssl_behavior.embeddings import Atlas
from ssl_behavior.errors import InputError
from ssl_behavior.formats.mapped import read_arrays, write_arrays
from ssl_behavior.validators import Above, AtLeast, Share

NOISE = -1
_KIND = "ssl_behavior.clusters"
_VOTERS = 10
_CORE = 10
"""Landmarks near a landmark by which HDBSCAN measures density."""
_CHUNK = 8_192
_FAR = 0.001
"""Share of the landmarks that are further from all others than a frame may be to be in a cluster."""


@dataclass(frozen=True)
class Clustering:
    """How map and clusters are fitted.

    Attributes:
        landmarks: frames, drawn at random, that they are fitted to; all others get what their nearest landmarks have.
        seconds: over which embeddings are averaged around each frame, so that clusters are of what lasts.
        neighbours: of each landmark that the map keeps near; more show large patterns, fewer small ones.
        smallest: share of the landmarks that a cluster has at least.
        largest: share that one has at most, if selection is eom; what is larger says little and is split.
        selection: eom takes the clusters that persist longest as density falls, leaf the finest.
        refits: fits from other landmarks and seeds, to measure how stable the clusters are; 0 for none.
    """

    landmarks: Annotated[int, Above(0)] = 20_000
    seconds: Annotated[float, AtLeast(0)] = 1.0
    neighbours: Annotated[int, Above(1)] = 30
    smallest: Annotated[float, Above(0), Share()] = 0.01
    largest: Annotated[float, Above(0), Share()] = 0.2
    selection: Literal["eom", "leaf"] = "eom"
    refits: Annotated[int, AtLeast(0)] = 2

    def reach(self, frame_rate: float) -> int:
        """Frames to either side that embeddings are averaged over."""
        return round(self.seconds * frame_rate / 2)


@dataclass(frozen=True, eq=False)
class Clusters:
    """A fitted map with its clusters.

    Attributes:
        encoder: fingerprint of the encoder whose embeddings it is of.
        centre: (channel,) mean embedding.
        landmarks: (landmark, channel) float32 directions: embeddings from the centre, of length 1.
        positions: (landmark, 2) float32 on the map.
        labels: (landmark,) int16 cluster of each, -1 for noise; 0 is the largest.
        joins: (cluster, cluster) distance on the map at which HDBSCAN joins two clusters: their family tree.
        least_cosine: below it, a frame is too far from its nearest landmark to be in a cluster.
        frame_rate: of the embeddings in Hz.
        settings: of the fit.
        stability: adjusted Rand index between this fit and each refit, on frames that no fit has seen; noise counts as
            a cluster.
        stability_inside: the same over those frames that both fits have in a cluster.
    """

    encoder: str
    centre: np.ndarray
    landmarks: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    joins: np.ndarray
    least_cosine: float
    frame_rate: float
    settings: Clustering
    stability: tuple[float, ...] = ()
    stability_inside: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many clusters there are, noise not counted."""
        return len(self.joins)

    def assign(self, embeddings: np.ndarray, frames: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Clusters and places on the map of any embeddings of the same encoder.

        The nearest landmarks vote, each by its closeness, for a cluster or for noise; the place is the mean of those of
        the winning side.

        Args:
            embeddings: (time, channel) of one pair, one frame after the other.
            frames: (chosen,) which of them are wanted; all if None.

        Returns:
            (chosen,) int16 clusters, -1 for noise, and (chosen, 2) float32 places.
        """
        frames = np.arange(len(embeddings)) if frames is None else frames
        labels, places = np.empty(len(frames), np.int16), np.empty((len(frames), 2), np.float32)
        for low in range(0, len(frames), _CHUNK):
            chunk = slice(low, low + _CHUNK)
            around = averaged(embeddings, frames[chunk], self.settings.reach(self.frame_rate))
            cosine, nearest = _nearest(directions(around, self.centre), self.landmarks, _VOTERS)
            labels[chunk], places[chunk] = self._vote(cosine, nearest)
        return labels, places

    def _vote(self, cosine: np.ndarray, nearest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        closeness = 1 / np.maximum(2 - 2 * cosine, 1e-6)  # of the squared distance between directions
        votes = self.labels[nearest]
        tally = np.stack([(closeness * (votes == label)).sum(1) for label in range(NOISE, self.count)], 1)
        won = (tally.argmax(1) + NOISE).astype(np.int16)
        weight = closeness * (votes == won[:, None])
        places = (self.positions[nearest] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True)
        won[cosine[:, 0] < self.least_cosine] = NOISE
        return won, places

    def fingerprint(self) -> str:
        """16 characters that only the same clusters share."""
        return digest(self.centre, self.landmarks, self.positions, self.labels)

    def save(self, path: Path) -> None:
        """Write to ``path``, a .safetensors file."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        about = {name: getattr(self, name) for name in ("encoder", "least_cosine", "frame_rate", *_STABILITY)}
        write_arrays(path, arrays, _KIND, about | {"settings": asdict(self.settings)})

    @classmethod
    def load(cls, path: Path) -> Clusters:
        """What ``save`` wrote.

        Raises:
            InputError: it is not there, or is something else.
        """
        if not path.is_file():
            raise InputError(f"{path}: expected clusters and found no such file: run ssl-behavior cluster")
        arrays, about = read_arrays(path, _KIND)
        try:
            known: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
            _check_shapes(known)
            known |= {name: about[name] for name in ("encoder", "least_cosine", "frame_rate")}
            known |= {name: tuple(about[name]) for name in _STABILITY}
            return cls(**known, settings=Clustering(**about["settings"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: expected clusters; found something else ({error}): make them anew") from None


_STABILITY = ("stability", "stability_inside")
_ARRAYS = ("centre", "landmarks", "positions", "labels", "joins")


def _check_shapes(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises ValueError where arrays are not those of clusters."""
    labels, joins, centre = arrays["labels"], arrays["joins"], arrays["centre"]
    expected = {
        "centre": (centre.size,),
        "landmarks": (len(labels), centre.size),
        "positions": (len(labels), 2),
        "labels": (labels.size,),
        "joins": (len(joins), len(joins)),
    }
    for name, shape in expected.items():
        kind = "i" if name == "labels" else "f"
        if arrays[name].shape != shape or arrays[name].dtype.kind != kind or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} of shape {arrays[name].shape} and {arrays[name].dtype}")
    if not len(labels) or labels.min() < NOISE or labels.max() >= len(joins):
        raise ValueError("labels of other clusters")


def directions(embeddings: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Embeddings (time, channel) as they are compared: from the centre, of length 1."""
    values = np.asarray(embeddings, np.float32) - centre
    return np.ascontiguousarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6))


def _nearest(asked: np.ndarray, landmarks: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (query, neighbour), falling, and places of the landmarks nearest to directions (query, channel)."""
    found = faiss.knn(asked, landmarks, min(count, len(landmarks)), faiss.METRIC_INNER_PRODUCT)
    return found[0], found[1]


def averaged(embeddings: np.ndarray, frames: np.ndarray, reach: int) -> np.ndarray:
    """Mean embeddings (chosen, channel) over ``reach`` frames to either side, where the first and last frame repeat."""
    beside = np.arange(-reach, reach + 1)
    if len(frames) > 1 and (np.diff(frames) == 1).all():  # so each is read once, and not once for each of its means
        span = np.arange(frames[0] - reach, frames[-1] + reach + 1).clip(0, len(embeddings) - 1)
        means = uniform_filter1d(np.asarray(embeddings[span], np.float32), len(beside), axis=0)
        return np.asarray(means[reach : reach + len(frames)])
    around = (frames[:, None] + beside).clip(0, len(embeddings) - 1)
    return np.asarray(embeddings[around], np.float32).mean(1)


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
    to_another = _nearest(landmarks, landmarks, 2)[0][:, 1]
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
