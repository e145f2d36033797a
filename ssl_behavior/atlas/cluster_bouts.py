"""An atlas with its clusters: which cluster every pair is in at every frame, as bouts in Parquet, a file per video.

Beside the atlas's videos lies ``clusters/``: ``fitted.safetensors`` (see ``clusters``), ``names.yaml`` with the names
that people gave, and ``bouts/``, in which the bouts of each pair cover all its frames, noise too. A bout has its place
on the map, its kinematics and its embedding, pooled over its frames; pandas, Polars, DuckDB and R read it without us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import yaml

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import NOISE, Clusters
from ssl_behavior.atlas.video import EmbeddedVideo, require_name
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import replacing

FOLDER = "clusters"
_FITTED, _NAMES, _BOUTS = "fitted.safetensors", "names.yaml", "bouts"
_RUN = "ssl-behavior cluster --atlas"


class ClusteredAtlas:
    """An atlas whose clusters were fitted or applied.

    Args:
        atlas: that ``cluster`` was run on.

    Raises:
        InputError: it was not, or the clusters are of another encoder.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self.folder = atlas.folder / FOLDER
        if not self.is_there(atlas):
            raise InputError(f"{atlas.folder}: expected an atlas with clusters; found none: run {_RUN} {atlas.folder}")
        self.clusters = Clusters.load(self.folder / _FITTED)
        check_encoder(self.clusters, atlas)

    @classmethod
    def create(cls, atlas: Atlas, clusters: Clusters, notify: Callable[[str], None] = print) -> ClusteredAtlas:
        """Give every frame of an atlas its cluster, and keep that beside it, in place of other clusters.

        Bouts of the same clusters and tracks that are there already stay as they are; so do the names, if the clusters
        are the same.

        Raises:
            InputError: the clusters are of another encoder.
        """
        check_encoder(clusters, atlas)
        folder = atlas.folder / FOLDER
        fitted = folder / _FITTED
        if fitted.is_file() and not _holds(fitted, clusters):
            for path in (folder / _BOUTS).glob("*.parquet"):
                path.unlink()
            if (names := folder / _NAMES).is_file():
                notify(f"names of the former clusters are kept in {names.replace(names.with_suffix('.former.yaml'))}")
        clusters.save(fitted)
        clustered = cls(atlas)
        missing = [video for video in atlas.ids if not clustered.has(video)]
        for video in progress(missing, "assigning", unit="video", leave=False):
            clustered._assign(atlas.video(video))
        return clustered

    @staticmethod
    def is_there(atlas: Atlas) -> bool:
        """Whether an atlas has clusters."""
        return (atlas.folder / FOLDER / _FITTED).is_file()

    def is_of(self, other: Atlas) -> bool:
        """Whether another atlas has these very clusters."""
        return _holds(other.folder / FOLDER / _FITTED, self.clusters)

    def applied(self, other: Atlas) -> ClusteredAtlas:
        """The same clusters, with their names, on another atlas of the same encoder."""
        found = ClusteredAtlas.create(other, self.clusters)
        for cluster, name in self.names.items():
            found.rename(cluster, name)
        return found

    def has(self, video: str) -> bool:
        """Whether the video's frames, as they are now, have their clusters."""
        path = self._path(video)
        if not path.is_file():
            return False
        try:
            told = pyarrow.parquet.read_schema(path).metadata or {}
        except (pyarrow.ArrowException, OSError):
            return False  # damaged, so assigned anew
        return told.get(b"tracks", b"").decode() == self.atlas.fingerprint(video)

    def bouts(self, videos: Sequence[str] | None = None, embeddings: bool = False) -> pd.DataFrame:
        """The bouts of some videos, or of all, by video, pair and time.

        Args:
            videos: ids.
            embeddings: with the column ``embedding``, in which each value is a (channel,) array.

        Returns:
            columns ``video, agent, target, cluster, start, stop`` (frames of the poses, the last left out),
            ``start_frame, stop_frame`` (the recording's own), ``start_s, seconds, x, y`` (mean place on the map) and
            the mean of each of ``KINEMATICS``.

        Raises:
            InputError: a video has no clusters yet.
        """
        chosen = self.atlas.ids if videos is None else videos
        if missing := [video for video in chosen if not self.has(video)]:
            raise InputError(
                f"{self.atlas.folder}: expected clusters of every video; found none of {missing[0]}: run "
                f"{_RUN} {self.atlas.folder} --apply {self.atlas.folder}"
            )
        columns = None if embeddings else COLUMNS
        return pd.concat([read_bouts(self._path(video), columns) for video in chosen], ignore_index=True)

    def labels(self, video: str) -> dict[tuple[str, str], np.ndarray]:
        """The cluster of every frame (time,) of each pair (agent, target) of a video."""
        return frame_labels(self.bouts([video]))

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Names that people gave to clusters."""
        path = self.folder / _NAMES
        if not path.is_file():
            return {}
        try:
            said = yaml_files.read(path) or {}
            return {int(cluster): str(name) for cluster, name in said.items()}
        except (AttributeError, ValueError, TypeError, OverflowError):
            raise InputError(f"{path}: expected lines such as 3: chase; found something else: mend it") from None

    def name(self, cluster: int) -> str:
        """A cluster in words: the name it was given, or its number."""
        return self.names.get(cluster, "noise" if cluster == NOISE else f"cluster {cluster}")

    def rename(self, cluster: int, name: str) -> None:
        """Give a cluster a name, or take it away again with an empty one; names that others gave since then stay.

        Raises:
            InputError: there is no such cluster, or it cannot be called so.
        """
        require_name(name, "cluster's name")
        self.__dict__.pop("names", None)
        if not 0 <= cluster < self.clusters.count:
            raise InputError(f"expected a cluster from 0 to {self.clusters.count - 1}; found {cluster}")
        names = {**self.names, cluster: name.strip()}
        kept = {number: names[number] for number in sorted(names) if names[number]}
        with replacing(self.folder / _NAMES) as aside:
            aside.write_text(yaml.safe_dump(kept, sort_keys=True, allow_unicode=True), encoding="utf-8")
        self.__dict__.pop("names", None)

    def _path(self, video: str) -> Path:
        return (self.folder / _BOUTS / self.atlas.path(video).name).with_suffix(".parquet")

    def _assign(self, video: EmbeddedVideo) -> None:
        parts = [_bouts(video, pair, self.clusters) for pair in video.embeddings]
        table = pyarrow.Table.from_pandas(pd.concat(parts, ignore_index=True), preserve_index=False)
        table = table.replace_schema_metadata({"tracks": video.poses.fingerprint()})
        with replacing(self._path(video.id)) as aside:
            pyarrow.parquet.write_table(table, aside)


COLUMNS = [
    *("video", "agent", "target", "cluster", "start", "stop", "start_frame", "stop_frame", "start_s", "seconds"),
    *("x", "y", *KINEMATICS),
]


def read_bouts(path: Path, columns: list[str] | None) -> pd.DataFrame:
    """Columns of a file of bouts, or all, as plain values, whatever it says that pandas is to make of them.

    Raises:
        InputError: it is damaged, or lacks a column.
    """
    try:
        table = pyarrow.parquet.read_table(path, columns=columns)
        if missing := set(columns or COLUMNS) - set(table.column_names):
            raise KeyError(min(missing))
        return table.to_pandas(ignore_metadata=True)
    except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: expected bouts of clusters; found a damaged file ({error}): delete it") from None


def frame_labels(bouts: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    """The cluster of every frame (time,) of each pair (agent, target), from the bouts of one video."""
    return {
        (str(agent), str(target)): np.repeat(own["cluster"].to_numpy(), own["stop"] - own["start"])
        for (agent, target), own in bouts.groupby(["agent", "target"], sort=False)
    }


def check_encoder(clusters: Clusters, atlas: Atlas) -> None:
    """Make sure that clusters are of the encoder that made an atlas.

    Raises:
        InputError: they are of another one, in which nothing means the same.
    """
    if clusters.encoder != atlas.made_by.encoder:
        raise InputError(
            f"{atlas.folder}: expected an atlas of the encoder that the clusters are of; found one of another: embed "
            "these recordings with the same --encoder"
        )


def _holds(path: Path, clusters: Clusters) -> bool:
    """Whether a file holds these clusters; one that is damaged does not."""
    with suppress(InputError):
        return Clusters.load(path).fingerprint() == clusters.fingerprint()
    return False


def _bouts(video: EmbeddedVideo, pair: tuple[int, int], clusters: Clusters) -> pd.DataFrame:
    """The bouts of one pair; they cover every frame."""
    poses, values = video.poses, video.embeddings[pair]
    labels, places = clusters.assign(values)
    labels[~video.located(pair)] = NOISE
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    lengths = np.diff(starts, append=len(labels))
    stops = starts + lengths
    table = {
        "video": video.id,
        "agent": poses.individuals[pair[0]],
        "target": poses.individuals[pair[1]],
        "cluster": labels[starts],
        "start": starts,
        "stop": stops,
        "start_frame": poses.native_frames[starts],
        "stop_frame": np.append(poses.native_frames, poses.frames)[stops],
        "start_s": poses.native_frames[starts] / poses.native_rate,
        "seconds": lengths / poses.frame_rate,
        "x": np.add.reduceat(places[:, 0], starts) / lengths,
        "y": np.add.reduceat(places[:, 1], starts) / lengths,
    }
    table |= {name: _means(one, starts) for name, one in kinematics(poses, pair).items()}
    pooled = np.add.reduceat(values, starts, axis=0, dtype=np.float32) / lengths[:, None].astype(np.float32)
    return pd.DataFrame(table | {"embedding": list(pooled)})


def _means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Mean of the known values of each bout, NaN where none is."""
    known = ~np.isnan(values)
    count = np.add.reduceat(known, starts, dtype=np.float32)
    total = np.add.reduceat(np.where(known, values, 0), starts)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
