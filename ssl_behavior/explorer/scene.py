"""The content of the explorer: an atlas with its clusters, labels and predictions, all at the frames of the poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.plots.style import cluster_colours, styles
from ssl_behavior.predictions import table_reading
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.pairs import labels_of_pair

CLUSTER, PREDICTED, LABEL = "cluster", "prediction", "label "
OF_PAIRS = "who does what"
"""The row of labels that all channels of pairs share."""
_PCA_FRAMES = 5_000
BOUT_COLUMNS = ("video", "agent", "target", "row", "code", "left", "right")


class BoutStyle(NamedTuple):
    """The appearance of the bouts of one cluster or behaviour in the ethogram."""

    row: str
    name: str
    colour: str
    hatch: str


@dataclass(frozen=True, eq=False)
class PcaMap:
    """The two principal components of an atlas's embeddings: a map for an atlas without clusters.

    Attributes:
        centre: (channel,) mean embedding.
        axes: (channel, 2) directions of the largest variance.
    """

    centre: np.ndarray
    axes: np.ndarray

    @classmethod
    def fit(cls, atlas: Atlas, seed: int = 0) -> PcaMap:
        """Fit the map to a random sample of 5,000 frames."""
        drawn = atlas.draw(_PCA_FRAMES, seed)
        values = np.concatenate(
            [np.asarray(video.embeddings[pair][frames], np.float32) for video, pair, frames in drawn]
        )
        centre = values.mean(0)
        axes = np.zeros((2, len(centre)), np.float32)
        components = np.linalg.svd(values - centre, full_matrices=False)[2][:2]
        axes[: len(components)] = components  # an embedding of one channel has one component
        return cls(centre, axes.T)

    def positions(self, embeddings: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Return (chosen, 2) float32 positions of some frames of embeddings (time, channel)."""
        return np.asarray((np.asarray(embeddings[frames], np.float32) - self.centre) @ self.axes, np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """An atlas to explore.

    Attributes:
        atlas: the embeddings.
        clustered: the atlas with its clusters; None if it has none yet.
        predicted: video id -> predictions of a model, one for each pair if it predicts pairs.
    """

    atlas: Atlas
    clustered: ClusteredAtlas | None = None
    predicted: Mapping[str, Sequence[Prediction]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, predicted: Path | None = None, notify: Callable[[str], None] = print) -> Scene:
        """Open an atlas's folder, together with the folder of tables that ``predict`` wrote.

        Raises:
            InputError: there is no atlas, it is empty or damaged, some of its videos have no clusters while others
                have, or the predictions are of other videos.
        """
        atlas = Atlas(folder)
        if not atlas.rows:
            raise InputError(f"{folder}: expected embeddings; found none: run ssl-behavior embed first")
        clustered = ClusteredAtlas(atlas) if ClusteredAtlas.exists(atlas) else None
        scene = cls(atlas, clustered, _read_predictions(atlas, predicted, notify) if predicted is not None else {})
        if clustered is None:
            notify(
                f"{folder} has no clusters yet: the map shows two principal components. For a better map and clusters, "
                f"run ssl-behavior cluster --atlas {folder}"
            )
        else:
            _ = scene.cluster_seconds  # raises InputError if a video has no clusters
        return scene

    @cached_property
    def pca(self) -> PcaMap:
        """The map of an atlas without clusters."""
        return PcaMap.fit(self.atlas)

    @property
    def centre(self) -> np.ndarray:
        """(channel,) mean embedding."""
        return self.clustered.clusters.centre if self.clustered else self.pca.centre

    def positions(self, embeddings: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Return (chosen, 2) float32 positions on the map of some frames of a pair's embeddings (time, channel)."""
        if self.clustered is None:
            return self.pca.positions(embeddings, frames)
        return self.clustered.clusters.assign(embeddings, frames)[1]

    @cached_property
    def cluster_seconds(self) -> Mapping[int, float]:
        """Cluster, or -1 for noise -> seconds over all pairs of all videos."""
        assert self.clustered is not None
        return dict(self.clustered.bouts().groupby("cluster")["seconds"].sum())

    @cached_property
    def predicted_behaviours(self) -> tuple[str, ...]:
        """The behaviours that the model predicts."""
        return next(iter(self.predicted.values()))[0].behaviours if self.predicted else ()

    @cached_property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Row of labels -> its behaviours: each channel of the group has one, and all channels of pairs share one."""
        of_pairs = {
            channel
            for video in self.atlas.videos()
            for channel, labels in video.labels.items()
            if labels.pair is not None
        }
        channels = self.atlas.channels
        if len(of_pairs) < 2:
            return channels
        names = dict.fromkeys(name for channel in sorted(of_pairs) for name in channels[channel])
        return {name: of_one for name, of_one in channels.items() if name not in of_pairs} | {OF_PAIRS: tuple(names)}

    @property
    def rows(self) -> list[str]:
        """The rows of the ethogram, from the top."""
        labels = [f"{LABEL}{row}" for row in self.labels]
        return [CLUSTER] * bool(self.clustered) + labels + [PREDICTED] * bool(self.predicted)

    def names(self, row: str) -> list[str]:
        """Return the name of each code in a row; clusters have the names that people gave them so far."""
        if row == CLUSTER:
            return [
                self.cluster_name(number) for number in range(self.clustered.clusters.count if self.clustered else 0)
            ]
        return list(self.predicted_behaviours if row == PREDICTED else self.labels[row.removeprefix(LABEL)])

    def cluster_name(self, cluster: int) -> str:
        """Return the name of a cluster; ``in none`` for noise, or in an atlas without clusters."""
        return self.clustered.name(cluster) if self.clustered and cluster != NOISE else "in none"

    def looks(self, row: str) -> list[tuple[str, str]]:
        """Return (colour, hatch) of each code in a row; noise is left out."""
        if row == CLUSTER:
            return [(colour, "") for colour in cluster_colours(len(self.names(row)))[:-1]]
        return [self._behaviour_looks[name] for name in self.names(row)]

    @cached_property
    def _behaviour_looks(self) -> Mapping[str, tuple[str, str]]:
        """Behaviour -> (colour, hatch), the same in all rows; predictions come first, as in their own pictures."""
        labels = [name for names in self.labels.values() for name in names]
        behaviours = list(dict.fromkeys([*self.predicted_behaviours, *labels]))
        return dict(zip(behaviours, styles(behaviours), strict=True))

    def bout_styles(self) -> list[BoutStyle]:
        """Return the appearance of all clusters and behaviours, row by row."""
        return [
            BoutStyle(row, name, colour, hatch[:1] or " ")
            for row in self.rows
            for name, (colour, hatch) in zip(self.names(row), self.looks(row), strict=True)
        ]

    def codes(self, video: EmbeddedVideo, pair: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return row -> (time,) codes at the frames of the video's poses, -1 for noise and for unscored frames."""
        names = (video.poses.individuals[pair[0]], video.poses.individuals[pair[1]])
        frames = len(video.poses.positions)
        codes = {CLUSTER: self._cluster_labels(video.id)[names]} if self.clustered else {}
        for row, behaviours in self.labels.items():
            if row == OF_PAIRS:
                codes[LABEL + row] = labels_of_pair(video.labels.values(), names, behaviours, frames)
                continue
            labels = video.labels.get(row)
            is_of_pair = labels is not None and labels.holds_for(*names)
            codes[LABEL + row] = (
                labels.with_behaviours(behaviours).values if labels and is_of_pair else _unscored(frames)
            )
        if self.predicted:
            codes[PREDICTED] = self._predicted_labels(video, names)
        return codes

    def _predicted_labels(self, video: EmbeddedVideo, names: tuple[str, str]) -> np.ndarray:
        predictions, native = self.predicted.get(video.id, ()), video.poses.native_frames
        if predictions and predictions[0].pair is not None:
            labels = [Labels(each.behaviours, _at(each.labels, native), each.pair) for each in predictions]
            return labels_of_pair(labels, names, self.predicted_behaviours, len(native))
        return _at(predictions[0].labels, native) if predictions else _unscored(len(native))

    @cached_property
    def _cluster_labels(self) -> Callable[[str], Mapping[tuple[str, str], np.ndarray]]:
        assert self.clustered is not None
        return lru_cache(maxsize=2)(self.clustered.labels)  # all pairs of a video lie in one file

    def sections(self, video: EmbeddedVideo, pair: tuple[int, int]) -> np.ndarray:
        """Return (time,) codes that change where a new bout of a cluster begins; without clusters, every second."""
        if self.clustered:
            return self.codes(video, pair)[CLUSTER]
        return (np.arange(len(video.poses.positions)) / video.poses.frame_rate).astype(np.int32)

    def bouts(self, video: EmbeddedVideo, pairs: Sequence[tuple[int, int]]) -> dict[str, np.ndarray]:
        """Find the bouts in the ethogram of a video.

        Returns:
            columns, each (bout,): indices of the ``video``, of ``agent`` and ``target`` among its individuals and of
            the ``row`` in the ethogram; the ``code`` in that row; ``left`` and ``right`` in seconds.
        """
        rate, number = video.poses.frame_rate, self.atlas.ids.index(video.id)
        tables: list[dict[str, Any]] = [{name: np.zeros(0, _dtype(name)) for name in BOUT_COLUMNS}]
        for pair in pairs:
            for row, codes in enumerate(self.codes(video, pair).values()):
                starts, stops, values = bout_limits(codes)
                indices = {"video": number, "agent": pair[0], "target": pair[1], "row": row}
                table: dict[str, Any] = {name: np.full(len(values), value) for name, value in indices.items()}
                tables.append(table | {"code": values, "left": starts / rate, "right": stops / rate})
        return {name: np.concatenate([table[name] for table in tables], dtype=_dtype(name)) for name in BOUT_COLUMNS}


def bout_limits(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first frames, frames after the last, and codes of the bouts in (time,) codes; code -1 is in no bout."""
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1)) if len(codes) else np.zeros(0, int)
    stops = np.append(starts[1:], len(codes)) if len(codes) else starts
    is_bout = codes[starts] != NOISE
    return starts[is_bout], stops[is_bout], codes[starts][is_bout]


def _dtype(column: str) -> type[np.generic]:
    return np.float32 if column in ("left", "right") else np.int16


def _read_predictions(atlas: Atlas, folder: Path, notify: Callable[[str], None]) -> dict[str, list[Prediction]]:
    """Read the predictions of the videos of the atlas, by video id."""
    tables = table_reading.read_folder(folder)
    matching = table_reading.by_video(tables, atlas.ids)
    if tables and not matching:
        raise InputError(
            f"--predictions {folder}: expected some of the atlas's videos {list_names(atlas.ids, 10)}; found those of "
            f"{list_names([prediction.id for prediction in tables], 10)}"
        )
    if others := {prediction.id for prediction in tables} - {prediction.id for prediction in matching.values()}:
        notify(f"predictions of videos that are not in the atlas, left out: {list_names(others)}")
    pairs_of: dict[str, list[Prediction]] = {}
    for prediction in tables:
        pairs_of.setdefault(prediction.id, []).append(prediction)
    return {video: pairs_of[prediction.id] for video, prediction in matching.items()}


def _unscored(frames: int) -> np.ndarray:
    return np.full(frames, UNSCORED, np.int16)


def _at(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the values at these frames, and -1 past their end."""
    return np.where(frames < len(values), values[np.minimum(frames, len(values) - 1)], UNSCORED).astype(np.int16)
