"""Clusters of an atlas: arrays that assign any embedding of the same encoder to a cluster and to a place on a map.

``clustering.fit_clusters`` fits them to anchors, a random sample of the embeddings. UMAP (McInnes et al. 2018,
https://arxiv.org/abs/1802.03426) lays the anchors out on a map in the plane. HDBSCAN (Campello et al. 2013,
https://doi.org/10.1007/978-3-642-37456-2_14) takes the dense regions of the map as clusters and the rest as noise.

Every other frame, of this atlas or of a later one by the same encoder, gets the cluster and the place of its nearest
anchors. It is noise if it is further from all anchors than anchors are from each other. So only plain arrays are
stored, and a cluster means the same wherever it is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import faiss
import numpy as np
from scipy.ndimage import uniform_filter1d

from ssl_behavior.cli.validators import Above, AtLeast, Share, require_bounds
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.storage.array_files import read_arrays, write_arrays
from ssl_behavior.storage.digests import digest

NOISE = -1
"""Cluster of the frames that are in no cluster."""

_KIND = "ssl_behavior.clusters"
_ARRAYS = {
    "centre": "centre",
    "anchors": "landmarks",
    "map_positions": "positions",
    "labels": "labels",
    "joins": "joins",
}
"""Attribute of ``Clusters`` -> name of its array in the file. Released versions wrote these names, so they stay."""
_ANCHORS_KEY = "landmarks"
"""Name of ``Clustering.anchors`` in the file, for the same reason."""
_NUMBERS = ("encoder", "least_cosine", "frame_rate")
_STABILITY = ("stability", "stability_inside")

_VOTERS = 10
"""Anchors that decide on the cluster of a frame."""
_CHUNK = 8_192
"""Frames to assign at a time, which bounds memory."""


@dataclass(frozen=True)
class Clustering:
    """Settings of the fit of map and clusters.

    Attributes:
        anchors: number of random frames that map and clusters are fitted to; every other frame gets the cluster of its
            nearest anchors.
        seconds: window in seconds over which embeddings are averaged around each frame; longer windows give clusters of
            longer-lasting behaviour.
        neighbours: neighbours of each anchor that the map keeps near; more show large patterns, fewer show small ones.
        smallest: smallest share of the anchors that a cluster may have.
        largest: largest share of the anchors that a cluster may have with selection eom; larger ones are split.
        selection: eom takes the clusters that persist longest as density falls; leaf takes the finest clusters.
        refits: number of refits with other anchors and seeds, which measure how stable the clusters are; 0 for none.
    """

    anchors: Annotated[int, Above(0)] = 20_000
    seconds: Annotated[float, AtLeast(0)] = 1.0
    neighbours: Annotated[int, Above(1)] = 30
    smallest: Annotated[float, Above(0), Share()] = 0.01
    largest: Annotated[float, Above(0), Share()] = 0.2
    selection: Literal["eom", "leaf"] = "eom"
    refits: Annotated[int, AtLeast(0)] = 2

    def reach(self, frame_rate: float) -> int:
        """Return the number of frames to either side over which embeddings are averaged."""
        return round(self.seconds * frame_rate / 2)


@dataclass(frozen=True, eq=False)
class Clusters:
    """A fitted map with its clusters.

    Attributes:
        encoder: fingerprint of the encoder of the embeddings.
        centre: (channel,) mean embedding of the anchors.
        anchors: (anchor, channel) float32 directions: embeddings minus the centre, of length 1.
        map_positions: (anchor, 2) float32 positions on the map.
        labels: (anchor,) int16 cluster of each anchor, -1 for noise; cluster 0 is the largest.
        joins: (cluster, cluster) distance on the map at which HDBSCAN joins two clusters: their family tree.
        least_cosine: cosine to the nearest anchor below which a frame is noise.
        frame_rate: frame rate of the embeddings in Hz.
        settings: settings of the fit.
        stability: adjusted Rand index between this fit and each refit, over frames that no fit has used; noise counts
            as one more cluster.
        stability_inside: the same over those frames that are in a cluster in both fits.
    """

    encoder: str
    centre: np.ndarray
    anchors: np.ndarray
    map_positions: np.ndarray
    labels: np.ndarray
    joins: np.ndarray
    least_cosine: float
    frame_rate: float
    settings: Clustering
    stability: tuple[float, ...] = ()
    stability_inside: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """Number of clusters, without noise."""
        return len(self.joins)

    def assign(self, embeddings: np.ndarray, frames: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Assign embeddings of the same encoder to clusters and to positions on the map.

        The nearest anchors vote for a cluster or for noise, each weighted by its closeness. The position is the
        weighted mean of the anchors that voted for the winner.

        Args:
            embeddings: (time, channel) embeddings of one pair, in order of time.
            frames: (chosen,) indices of the frames to assign; all if None.

        Returns:
            Clusters (chosen,) int16, -1 for noise, and positions (chosen, 2) float32 on the map.
        """
        frames = np.arange(len(embeddings)) if frames is None else frames
        labels, positions = np.empty(len(frames), np.int16), np.empty((len(frames), 2), np.float32)
        for low in range(0, len(frames), _CHUNK):
            chunk = slice(low, low + _CHUNK)
            means = average_over_time(embeddings, frames[chunk], self.settings.reach(self.frame_rate))
            cosines, nearest = nearest_anchors(directions(means, self.centre), self.anchors, _VOTERS)
            labels[chunk], positions[chunk] = self._vote(cosines, nearest)
        return labels, positions

    def _vote(self, cosines: np.ndarray, nearest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return cluster and position of frames from their nearest anchors, both (frame, voter)."""
        # Inverse of the squared distance between unit vectors; the bound guards a frame that is itself an anchor.
        closeness = 1 / np.maximum(2 - 2 * cosines, 1e-6)
        votes = self.labels[nearest]
        tally = np.stack([(closeness * (votes == label)).sum(1) for label in range(NOISE, self.count)], 1)
        winners = (tally.argmax(1) + NOISE).astype(np.int16)
        weights = closeness * (votes == winners[:, None])
        positions = (self.map_positions[nearest] * weights[..., None]).sum(1) / weights.sum(1, keepdims=True)
        winners[cosines[:, 0] < self.least_cosine] = NOISE
        return winners, positions

    def fingerprint(self) -> str:
        """Return 16 characters that identify the clusters by their content."""
        return digest(self.centre, self.anchors, self.map_positions, self.labels)

    def save(self, path: Path) -> None:
        """Write the clusters to ``path``, a .safetensors file."""
        arrays = {key: getattr(self, name) for name, key in _ARRAYS.items()}
        about = {name: getattr(self, name) for name in (*_NUMBERS, *_STABILITY)}
        settings = {_ANCHORS_KEY if name == "anchors" else name: value for name, value in asdict(self.settings).items()}
        write_arrays(path, arrays, _KIND, about | {"settings": settings})

    @classmethod
    def load(cls, path: Path) -> Clusters:
        """Read clusters that ``save`` wrote.

        Raises:
            InputError: the file does not exist, or holds something else.
        """
        atlas = path.parent.parent
        if not path.is_file():
            raise InputError(
                f"{path}: expected clusters; found no such file: run {command_line('cluster', '--atlas', atlas)}"
            )
        try:
            arrays, about = read_arrays(path, _KIND)
            values: dict[str, Any] = {name: arrays[key] for name, key in _ARRAYS.items()}
            _require_shapes(values)
            values |= {name: about[name] for name in _NUMBERS}
            values |= {name: tuple(about[name]) for name in _STABILITY}
            settings = {"anchors" if key == _ANCHORS_KEY else key: value for key, value in about["settings"].items()}
            clusters = cls(**values, settings=Clustering(**settings))
            _require_numbers(clusters)
            return clusters
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = str(error).removeprefix(f"{path}: ")
            again = command_line("cluster", "--atlas", atlas, "--overwrite")
            raise InputError(
                f"{path}: expected clusters; found something else ({problem}): recreate them with {again}"
            ) from None


def directions(embeddings: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return embeddings (time, channel) as they are compared: minus the centre (channel,), of length 1."""
    values = np.asarray(embeddings, np.float32) - centre
    return np.ascontiguousarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6))


def nearest_anchors(queries: np.ndarray, anchors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the anchors nearest to directions (query, channel).

    Returns:
        Cosines (query, neighbour) in falling order, and indices (query, neighbour) of the anchors.
    """
    cosines, indices = faiss.knn(queries, anchors, min(count, len(anchors)), faiss.METRIC_INNER_PRODUCT)
    return cosines, indices


def average_over_time(embeddings: np.ndarray, frames: np.ndarray, reach: int) -> np.ndarray:
    """Average embeddings over time around each chosen frame.

    Args:
        embeddings: (time, channel).
        frames: (chosen,) indices of the frames.
        reach: frames to either side; the first and the last frame of the video are repeated beyond its ends.

    Returns:
        (chosen, channel) float32 means over ``2 * reach + 1`` frames.
    """
    offsets = np.arange(-reach, reach + 1)
    if len(frames) > 1 and (np.diff(frames) == 1).all():  # a running mean reads each frame once, not once per window
        span = np.arange(frames[0] - reach, frames[-1] + reach + 1).clip(0, len(embeddings) - 1)
        means = uniform_filter1d(np.asarray(embeddings[span], np.float32), len(offsets), axis=0)
        return np.asarray(means[reach : reach + len(frames)])
    windows = (frames[:, None] + offsets).clip(0, len(embeddings) - 1)
    return np.asarray(embeddings[windows], np.float32).mean(1)


def _require_numbers(clusters: Clusters) -> None:
    """Raise ValueError or TypeError if a number or a setting cannot be one of clusters."""
    require_frame_rate(clusters.frame_rate, "frame_rate")
    require_bounds(clusters.settings)
    if not all(
        -1.001 <= number <= 1.001 for number in (clusters.least_cosine, *clusters.stability, *clusters.stability_inside)
    ):
        raise ValueError("a cosine or a Rand index that is not from -1 to 1")


def _require_shapes(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError if arrays cannot be those of clusters."""
    labels, joins, centre = arrays["labels"], arrays["joins"], arrays["centre"]
    expected = {
        "centre": (centre.size,),
        "anchors": (len(labels), centre.size),
        "map_positions": (len(labels), 2),
        "labels": (labels.size,),
        "joins": (len(joins), len(joins)),
    }
    for name, shape in expected.items():
        kind = "i" if name == "labels" else "f"
        if arrays[name].shape != shape or arrays[name].dtype.kind != kind or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} of shape {arrays[name].shape} and {arrays[name].dtype}")
    if not len(labels) or labels.min() < NOISE or labels.max() >= len(joins):
        raise ValueError("labels of other clusters")
