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
from ssl_behavior.cluster_cards import CardData, write_cards
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, command_line, list_names
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class ClusterConfig(Checked):
    """Settings of clustering.

    Attributes:
        atlas: folder that embed wrote.
        apply: another atlas of the same encoder, which gets the clusters of --atlas; or the same folder again, after
            recordings were added to it.
        groups: a .csv file with the columns video and group, to compare groups of videos.
        clustering: how map and clusters are fitted.
        seed: seed of the fit.
        overwrite: replace clusters that exist; their names move to names.former.yaml.
    """

    atlas: Path
    apply: Path | None = None
    groups: Path | None = None
    clustering: Clustering = field(default_factory=Clustering)
    seed: Annotated[int, AtLeast(0)] = 0
    overwrite: bool = False


@check_arguments
def cluster(config: ClusterConfig) -> ClusteredAtlas:
    """Fit clusters to an atlas, or apply them to another atlas, and write the cluster cards.

    Raises:
        InputError: an atlas does not exist, is too small, is of another encoder, or has clusters already.

    Examples:
        >>> clustered = cluster(ClusterConfig(Path("atlas")))  # doctest: +SKIP
        >>> clustered.bouts()[["video", "agent", "target", "cluster", "seconds"]]  # doctest: +SKIP
    """
    _require_possible_sizes(config.clustering)
    source = Atlas(config.atlas)
    destination = source if config.apply is None else Atlas(config.apply)
    groups = read_groups(config.groups, destination.ids)
    folder = destination.folder / FOLDER
    run_id = run_folder.run_identity(config)
    may_replace = config.overwrite or run_folder.is_unfinished(folder, run_id)
    with run_folder.lock_folder(destination.folder), run_folder.mark_unfinished(folder, run_id):
        if destination is source:
            clustered = _fit(source, config, may_replace)
        else:
            clustered = _apply(source, destination, config, may_replace)
        run.save_settings(config, clustered.folder / "settings.yaml")
        page, cards = write_cards(clustered, groups)
        _report(clustered, page, cards)
    return clustered


def _fit(atlas: Atlas, config: ClusterConfig, may_replace: bool) -> ClusteredAtlas:
    if ClusteredAtlas.exists(atlas) and not may_replace:
        apply = command_line("cluster", "--atlas", config.atlas, "--apply", config.atlas)
        raise InputError(
            f"{atlas.folder}: found clusters that were fitted before: pass --overwrite to fit new ones, or run {apply} "
            "to assign recordings that were added since"
        )
    print(f"fitting map and clusters to {min(atlas.rows, config.clustering.anchors):,} of {atlas.rows:,} embeddings")
    return ClusteredAtlas.create(atlas, fit_clusters(atlas, config.clustering, config.seed))


def _apply(source: Atlas, destination: Atlas, config: ClusterConfig, may_replace: bool) -> ClusteredAtlas:
    clustered = ClusteredAtlas(source)
    if ClusteredAtlas.exists(destination) and not clustered.has_same_clusters(destination) and not may_replace:
        raise InputError(
            f"--apply {config.apply}: expected an atlas without clusters, or with the same; found others: pass "
            "--overwrite to replace them"
        )
    return clustered.apply_to(destination)


def _report(clustered: ClusteredAtlas, page: Path, cards: CardData) -> None:
    """Print the quality of the clusters, where the cards are, and what to run next."""
    clusters = clustered.clusters
    noise_share = cards.tables["clusters"].set_index("cluster").loc[NOISE, "share"]
    message = f"{clusters.count} clusters; {noise_share:.0%} of the time is in none"
    if clusters.stability:
        message += (
            f"; refits agree at an adjusted Rand index of {_join_numbers(clusters.stability)}, or of "
            f"{_join_numbers(clusters.stability_inside)} over frames that are in a cluster in both fits"
        )
    print(message)
    for channel, scores in cards.agreement.items():
        print(f"agreement with {channel}: {', '.join(f'{name} {value:.2f}' for name, value in scores.items())}")
    print(f"\ncards: {page}")
    print("next:  open the cards in a browser, or explore the whole atlas:")
    print(f"       {command_line('explore', '--atlas', clustered.atlas.folder)}")


def _require_possible_sizes(clustering: Clustering) -> None:
    """Check, before the work starts, that a cluster fits between the smallest and the largest size.

    A cluster that is too large splits into two, so each half must still be large enough.
    """
    if clustering.largest < 2 * clustering.smallest:
        raise InputError(
            f"--clustering.largest {clustering.largest:g}: expected at least twice --clustering.smallest "
            f"{clustering.smallest:g}; give e.g. --clustering.smallest {clustering.largest / 4:.1g}"
        )


def _join_numbers(values: Sequence[float]) -> str:
    return " and ".join(f"{value:.2f}" for value in values)


def read_groups(path: Path | None, videos: Sequence[str]) -> dict[str, str]:
    """Read the group of each video from a .csv file with the columns video and group.

    Args:
        path: the file; None for no groups.
        videos: ids of the videos in the atlas.

    Raises:
        InputError: the file has other columns, or names a video twice or one that is not in the atlas.
    """
    if path is None:
        return {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [(row["video"].strip(), row["group"].strip()) for row in csv.DictReader(file)]
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error):
        raise InputError(
            f"--groups {path}: expected a .csv file whose first line is video,group and whose others are a video and "
            "its group; found something else: correct the file"
        ) from None
    groups = dict(rows)
    if len(groups) < len(rows):
        repeated = {video for video, count in Counter(video for video, _ in rows).items() if count > 1}
        raise InputError(
            f"--groups {path}: expected every video once; found {list_names(repeated, 10)} several times: remove lines"
        )
    if unknown := set(groups) - set(videos):
        raise InputError(
            f"--groups {path}: expected videos of the atlas {list_names(videos, 10)}; found {list_names(unknown, 10)}: "
            "correct the file"
        )
    return groups


main = run.command(ClusterConfig, cluster, "Find clusters in an atlas, and describe each of them on a card.")


if __name__ == "__main__":
    main()
