"""What the explorer shows: an atlas with its clusters, labels and predictions, all on the frames of the poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, some
from ssl_behavior.plots.style import cluster_colours, styles
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.storage.paths import file_stem

CLUSTER, PREDICTED = "cluster", "prediction"


class Kind(NamedTuple):
    """What a bout in the ethogram can be of: a cluster or a behaviour."""

    row: str
    name: str
    colour: str
    hatch: str


@dataclass(frozen=True, eq=False)
class Scene:
    """An atlas to explore.

    Attributes:
        clustered: the atlas with its clusters.
        predicted: video id -> what a model said of it.
    """

    clustered: ClusteredAtlas
    predicted: Mapping[str, Prediction] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, predicted: Path | None = None, notify: Callable[[str], None] = print) -> Scene:
        """The scene of an atlas's folder, with the tables that predict wrote to another.

        Raises:
            InputError: no atlas, an empty or damaged one, one without clusters, or predictions of other videos.
        """
        atlas = Atlas(folder)
        if not atlas.rows:
            raise InputError(f"{folder}: expected embeddings; found none: run python -m ssl_behavior.embed first")
        clustered = ClusteredAtlas(atlas)
        clustered.bouts()  # of every video, or it says of which there are none
        found = {one.id: one for one in tables.read_folder(predicted)} if predicted is not None else {}
        ids = {file_stem(video): video for video in atlas.ids}
        known = {ids[name]: one for name, one in found.items() if name in ids}
        if found and not known:
            raise InputError(
                f"--predictions {predicted}: expected some of the atlas's videos {some(ids, 10)}; found those of "
                f"{some(found, 10)}"
            )
        if len(known) < len(found):
            notify(f"predictions of videos that are not in the atlas, left out: {some(set(found) - set(ids))}")
        return cls(clustered, known)

    @property
    def atlas(self) -> Atlas:
        """The atlas."""
        return self.clustered.atlas

    @cached_property
    def predictable(self) -> tuple[str, ...]:
        """Behaviours that are predicted."""
        return next(iter(self.predicted.values())).behaviours if self.predicted else ()

    @property
    def rows(self) -> list[str]:
        """What is shown of a video over time, from the top."""
        return [CLUSTER, *(f"label {channel}" for channel in self.atlas.channels)] + [PREDICTED] * bool(self.predicted)

    def names(self, row: str) -> list[str]:
        """What a code in this row means; of clusters, as they are called now."""
        if row == CLUSTER:
            return [self.clustered.name(number) for number in range(self.clustered.clusters.count)]
        return list(self.predictable if row == PREDICTED else self.atlas.channels[row.removeprefix("label ")])

    def looks(self, row: str) -> list[tuple[str, str]]:
        """(colour, hatch) of each code in this row; of clusters, without noise."""
        if row == CLUSTER:
            return [(colour, "") for colour in cluster_colours(self.clustered.clusters.count)[:-1]]
        return styles(self.names(row))

    def kinds(self) -> list[Kind]:
        """All that bouts can be of, row by row."""
        return [
            Kind(row, name, colour, hatch[:1] or " ")
            for row in self.rows
            for name, (colour, hatch) in zip(self.names(row), self.looks(row), strict=True)
        ]

    def codes(self, video: EmbeddedVideo, pair: tuple[int, int]) -> dict[str, np.ndarray]:
        """Row -> (time,) code of each frame of the video's poses, -1 for noise and where nobody judged."""
        names = tuple(video.poses.individuals[i] for i in pair)
        frames = len(video.poses.positions)
        found = {CLUSTER: self.clustered.labels(video.id)[names[0], names[1]]}
        for channel, behaviours in self.atlas.channels.items():
            labels = video.labels.get(channel)
            is_of_pair = labels is not None and labels.pair in (None, names)
            found[f"label {channel}"] = (
                labels.with_behaviours(behaviours).values if labels and is_of_pair else _unknown(frames)
            )
        if self.predicted:
            one = self.predicted.get(video.id)
            found[PREDICTED] = _unknown(frames) if one is None else _at(one.labels, video.poses.native_frames)
        return found


def runs(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First frames, frames after the last, and codes of the bouts in (time,) codes; what is -1 is in none."""
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1)) if len(codes) else np.zeros(0, int)
    stops = np.append(starts[1:], len(codes)) if len(codes) else starts
    known = codes[starts] != NOISE
    return starts[known], stops[known], codes[starts][known]


def _unknown(frames: int) -> np.ndarray:
    return np.full(frames, UNSCORED, np.int16)


def _at(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Values at these frames, -1 past their end."""
    return np.where(frames < len(values), values[np.minimum(frames, len(values) - 1)], UNSCORED).astype(np.int16)
