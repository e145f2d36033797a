"""Clusters of an atlas: a map by UMAP, clusters on it by HDBSCAN, fitted to landmarks and carried to every frame.

UMAP (McInnes et al. 2018, https://arxiv.org/abs/1802.03426) lays a random sample of the embeddings, the landmarks, out
in the plane; HDBSCAN (Campello et al. 2013, https://doi.org/10.1007/978-3-642-37456-2_14) takes the dense places of
that map for clusters and leaves the rest as noise. Every other frame, of this atlas or of one made later by the same
encoder, gets what its nearest landmarks have, and is noise where it is further from all of them than they are from
each other. So what is stored is plain arrays, and a cluster means the same wherever it is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import faiss
import numpy as np
from scipy.ndimage import uniform_filter1d

from ssl_behavior.cli.validators import Above, AtLeast, Share
from ssl_behavior.errors import InputError
from ssl_behavior.storage.array_files import read_arrays, write_arrays
from ssl_behavior.storage.digests import digest

NOISE = -1


_KIND = "ssl_behavior.clusters"


_VOTERS = 10


_CHUNK = 8_192


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
            cosine, nearest = nearest_anchors(directions(around, self.centre), self.landmarks, _VOTERS)
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


def nearest_anchors(asked: np.ndarray, landmarks: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
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
