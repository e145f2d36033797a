"""``ssl-behavior cluster``: a map, clusters and cluster cards of an atlas."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.cluster_bouts import FOLDER, ClusteredAtlas
from ssl_behavior.atlas.clustering import fit_clusters
from ssl_behavior.atlas.clusters import NOISE, Clustering
from ssl_behavior.cli import run
from ssl_behavior.cli.validators import AtLeast, Checked
from ssl_behavior.cluster_cards import Measured, write_cards
from ssl_behavior.errors import InputError, some
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class ClusterConfig(Checked):
    """Settings of clustering.

    Attributes:
        atlas: folder that embed wrote.
        apply: another atlas of the same encoder, to give the same clusters to; or the same one, after recordings were
            added to it.
        groups: a .csv file with the columns video and group, to compare groups of videos.
        clustering: how map and clusters are fitted.
        seed: of the fit.
        overwrite: put new clusters in the place of others; names that people gave to these are put aside.
    """

    atlas: Path
    apply: Path | None = None
    groups: Path | None = None
    clustering: Clustering = field(default_factory=Clustering)
    seed: Annotated[int, AtLeast(0)] = 0
    overwrite: bool = False


def cluster(config: ClusterConfig) -> ClusteredAtlas:
    """Fit clusters to an atlas, or apply them to another, and write the cards.

    Raises:
        InputError: there is no atlas, it is too small, of another encoder, or has clusters already.
    """
    _check(config.clustering)
    atlas = Atlas(config.atlas)
    taker = atlas if config.apply is None else Atlas(config.apply)
    groups = read_groups(config.groups, taker.ids)
    folder = taker.folder / FOLDER
    of = run_folder.identity(config)
    is_free = config.overwrite or run_folder.is_unfinished(folder, of)
    with run_folder.alone_in(taker.folder), run_folder.marked(folder, of):
        clustered = _fitted(atlas, config, is_free) if taker is atlas else _applied(atlas, taker, config, is_free)
        run.save_settings(config, clustered.folder / "settings.yaml")
        _tell(clustered, *write_cards(clustered, groups))
    return clustered


def _fitted(atlas: Atlas, config: ClusterConfig, is_free: bool) -> ClusteredAtlas:
    if ClusteredAtlas.is_there(atlas) and not is_free:
        raise InputError(
            f"{atlas.folder}: found clusters that were fitted before; give --overwrite to fit them anew, or "
            f"--apply {config.atlas} to give them to recordings that were added"
        )
    print(f"fitting map and clusters to {min(atlas.rows, config.clustering.landmarks):,} of {atlas.rows:,} embeddings")
    return ClusteredAtlas.create(atlas, fit_clusters(atlas, config.clustering, config.seed))


def _applied(atlas: Atlas, taker: Atlas, config: ClusterConfig, is_free: bool) -> ClusteredAtlas:
    clustered = ClusteredAtlas(atlas)
    if ClusteredAtlas.is_there(taker) and not clustered.is_of(taker) and not is_free:
        raise InputError(
            f"--apply {config.apply}: expected an atlas without clusters, or with the same; found others; give "
            "--overwrite to put these in their place"
        )
    return clustered.applied(taker)


def _tell(clustered: ClusteredAtlas, page: Path, measured: Measured) -> None:
    overall = measured.tables["clusters"].set_index("cluster")
    told = f"{clustered.clusters.count} clusters; {overall.loc[NOISE, 'share']:.0%} of the time is in none"
    if clustered.clusters.stability:
        told += (
            f"; refits agree at an adjusted Rand index of {_numbers(clustered.clusters.stability)}, or of "
            f"{_numbers(clustered.clusters.stability_inside)} where both find clusters"
        )
    print(told)
    for channel, one in measured.agreement.items():
        print(f"agreement with {channel}: {', '.join(f'{name} {value:.2f}' for name, value in one.items())}")
    print(f"\ncards: {page}")
    print("next:  open the cards in a browser, or the whole atlas:")
    print(f"       ssl-behavior explore --atlas {clustered.atlas.folder}")


def _check(clustering: Clustering) -> None:
    """Refuse sizes between which no cluster fits, before there is any work."""
    if clustering.largest < 2 * clustering.smallest:
        raise InputError(
            f"--clustering.largest {clustering.largest:g}: expected at least twice --clustering.smallest "
            f"{clustering.smallest:g}"
        )


def _numbers(values: Sequence[float]) -> str:
    return " and ".join(f"{value:.2f}" for value in values)


def read_groups(path: Path | None, videos: tuple[str, ...]) -> dict[str, str]:
    """Video id -> group from a .csv file; nothing without a file.

    Raises:
        InputError: it has other columns, or names a video twice or one that there is not.
    """
    if path is None:
        return {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        told = [(row["video"].strip(), row["group"].strip()) for row in rows]
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error):
        raise InputError(f"--groups {path}: expected a .csv file with the columns video and group") from None
    found = dict(told)
    if len(found) < len(told):
        twice = {video for video, times in Counter(video for video, _ in told).items() if times > 1}
        raise InputError(f"--groups {path}: expected every video once; found {some(twice, 10)} several times")
    if unknown := set(found) - set(videos):
        raise InputError(f"--groups {path}: expected videos of the atlas {some(videos, 10)}; found {some(unknown, 10)}")
    return found


main = run.command(ClusterConfig, cluster, "Find clusters in an atlas, and write what each of them is.")


if __name__ == "__main__":
    main()
