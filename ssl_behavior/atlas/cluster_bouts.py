"""An atlas with its clusters: the cluster of every pair at every frame, as bouts.

The folder ``clusters/`` lies in the folder of the atlas. It holds ``fitted.safetensors`` (see ``clusters``),
``names.yaml`` with the names that people gave to clusters, and ``bouts/`` with a Parquet file per video (see
``bout_tables``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.bout_tables import COLUMNS, frame_labels, read_bouts, read_tracks_fingerprint, write_bouts
from ssl_behavior.atlas.clusters import NOISE, Clusters
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_atomically
from ssl_behavior.storage.file_lock import changing
from ssl_behavior.storage.names import require_name

FOLDER = "clusters"
_FITTED, _NAMES, _BOUTS = "fitted.safetensors", "names.yaml", "bouts"


class ClusteredAtlas:
    """An atlas that clusters were fitted or applied to.

    Args:
        atlas: an atlas that ``ssl-behavior cluster`` ran on, or its folder.

    Raises:
        InputError: the atlas has no clusters, or clusters of another encoder.
    """

    @check_arguments
    def __init__(self, atlas: Atlas | str | Path) -> None:
        self.atlas = atlas = atlas if isinstance(atlas, Atlas) else Atlas(Path(atlas))
        self.folder = atlas.folder / FOLDER
        if not self.exists(atlas):
            raise InputError(
                f"{atlas.folder}: expected an atlas with clusters; found none: run "
                f"{command_line('cluster', '--atlas', atlas.folder)}"
            )
        self.clusters = Clusters.load(self.folder / _FITTED)
        _require_same_encoder(
            self.clusters, atlas, f"run {command_line('cluster', '--atlas', atlas.folder, '--overwrite')}"
        )

    @classmethod
    def create(cls, atlas: Atlas, clusters: Clusters, notify: Callable[[str], None] = print) -> ClusteredAtlas:
        """Assign every frame of an atlas to a cluster and store the result in the atlas, in place of other clusters.

        Bouts that exist already for the same clusters and tracks are left as they are. Names stay if the clusters are
        the same; otherwise they are moved to ``names.former.yaml``.

        Args:
            atlas: the atlas.
            clusters: the clusters.
            notify: called with a message if names were moved.

        Raises:
            InputError: the clusters are of another encoder.
        """
        _require_same_encoder(clusters, atlas, "embed these recordings with the same --encoder of ssl-behavior embed")
        folder = atlas.folder / FOLDER
        fitted = folder / _FITTED
        if fitted.is_file() and not _holds(fitted, clusters):
            for path in (folder / _BOUTS).glob("*.parquet"):
                path.unlink()
            with changing(names := folder / _NAMES):
                former = names.replace(names.with_suffix(".former.yaml")) if names.is_file() else None
            if former is not None:
                notify(f"names of the former clusters are kept in {former}")
        clusters.save(fitted)
        clustered = cls(atlas)
        missing = [video for video in atlas.ids if not clustered.has_bouts(video)]
        for video in progress(missing, "assigning", unit="video", leave=False):
            embedded = atlas.video(video, verify=True)
            for pair in embedded.embeddings:
                atlas.finite(embedded, pair)
            write_bouts(clustered._path(video), embedded, clusters)
        return clustered

    @staticmethod
    def exists(atlas: Atlas) -> bool:
        """Return whether an atlas has clusters."""
        return (atlas.folder / FOLDER / _FITTED).is_file()

    def has_same_clusters(self, other: Atlas) -> bool:
        """Return whether another atlas has exactly these clusters."""
        return _holds(other.folder / FOLDER / _FITTED, self.clusters)

    def apply_to(self, other: Atlas) -> ClusteredAtlas:
        """Apply these clusters, with their names, to an atlas of the same encoder.

        Raises:
            InputError: the atlas is of another encoder.
        """
        clustered = ClusteredAtlas.create(other, self.clusters)
        for cluster, name in self.names.items():
            clustered.rename(cluster, name)
        return clustered

    def has_bouts(self, video: str) -> bool:
        """Return whether the bouts of a video exist and match its present tracks."""
        stored = read_tracks_fingerprint(self._path(video))
        return stored is not None and stored == self.atlas.fingerprint(video)

    def bouts(self, videos: Sequence[str] | None = None, embeddings: bool = False) -> pd.DataFrame:
        """Read bouts, sorted by video, pair and time.

        Args:
            videos: ids of the videos to read; all if None.
            embeddings: add the column ``embedding``, in which each value is a (channel,) array.

        Returns:
            Columns ``video, agent, target, cluster, start, stop`` (frames of the poses, the last excluded),
            ``start_frame, stop_frame`` (the same in the recording's own frames), ``start_s, seconds, x, y`` (mean
            position on the map) and the mean of each of ``KINEMATICS``.

        Raises:
            InputError: a video has no bouts yet, or its file is damaged.
        """
        chosen = self.atlas.ids if videos is None else videos
        if missing := [video for video in chosen if not self.has_bouts(video)]:
            raise InputError(
                f"{self.atlas.folder}: expected clusters of every video; found none of {missing[0]}: run "
                f"{command_line('cluster', '--atlas', self.atlas.folder, '--apply', self.atlas.folder)}"
            )
        columns = None if embeddings else COLUMNS
        return pd.concat([read_bouts(self._path(video), columns) for video in chosen], ignore_index=True)

    def labels(self, video: str) -> dict[tuple[str, str], np.ndarray]:
        """Return the cluster of every frame (time,) of each pair (agent, target) of a video."""
        return frame_labels(self.bouts([video]))

    def sample_map(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Return random frames on the map, about as many as there are anchors.

        The anchors cannot stand in for them: clusters that were applied come from another atlas.

        Returns:
            Positions (point, 2) on the map, clusters (point,) and the name of each cluster.
        """
        positions, labels = [], []
        for video, pair, frames in self.atlas.draw(self.clusters.settings.anchors, seed=0):
            located = frames[video.is_located(pair)[frames]]
            pair_labels, pair_positions = self.clusters.assign(self.atlas.finite(video, pair), located)
            labels.append(pair_labels)
            positions.append(pair_positions)
        names = [self.name(cluster) for cluster in range(self.clusters.count)]
        return np.concatenate(positions), np.concatenate(labels), names

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Cluster -> the name that people gave it, for those with a name."""
        path = self.folder / _NAMES
        if not path.is_file():
            return {}
        try:
            names = yaml_files.read(path) or {}
            return {int(cluster): str(name) for cluster, name in names.items()}
        except (AttributeError, ValueError, TypeError, OverflowError):
            raise InputError(
                f"{path}: expected lines such as 3: chase; found something else: correct or delete it"
            ) from None

    def name(self, cluster: int) -> str:
        """Return the name of a cluster: the one that it was given, ``cluster 3`` or ``noise``."""
        return self.names.get(cluster, "noise" if cluster == NOISE else f"cluster {cluster}")

    def rename(self, cluster: int, name: str) -> None:
        """Give a cluster a name, or remove its name with an empty one.

        Names that other processes have written in the meantime stay.

        Raises:
            InputError: there is no such cluster, or the text cannot be a name.
        """
        require_name(name, "cluster's name")
        if not 0 <= cluster < self.clusters.count:
            raise InputError(f"expected a cluster from 0 to {self.clusters.count - 1}; found {cluster}: choose another")
        with changing(self.folder / _NAMES):
            self.__dict__.pop("names", None)  # read again: another visitor of the explorer may have named clusters
            names = {**self.names, cluster: name.strip()}
            non_empty = {number: names[number] for number in sorted(names) if names[number]}
            with write_atomically(self.folder / _NAMES) as aside:
                aside.write_text(yaml.safe_dump(non_empty, sort_keys=True, allow_unicode=True), encoding="utf-8")
        self.__dict__.pop("names", None)

    def _path(self, video: str) -> Path:
        return (self.folder / _BOUTS / self.atlas.path(video).name).with_suffix(".parquet")


def _require_same_encoder(clusters: Clusters, atlas: Atlas, advice: str) -> None:
    if clusters.encoder != atlas.meta.encoder:
        raise InputError(
            f"{atlas.folder}: expected an atlas of the encoder that the clusters were fitted with; found another "
            f"encoder: {advice}"
        )


def _holds(path: Path, clusters: Clusters) -> bool:
    """Return whether a file holds these clusters; a damaged file does not."""
    with suppress(InputError):
        return Clusters.load(path).fingerprint() == clusters.fingerprint()
    return False
