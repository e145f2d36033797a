"""The page of cluster cards: a card per cluster, with the tables it is made from as CSV beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.cluster_cards.animations import Animation, animate
from ssl_behavior.cluster_cards.chance import frequencies
from ssl_behavior.cluster_cards.exemplars import choose_exemplars
from ssl_behavior.cluster_cards.labels import Overlap, enrichment, overlap_agreement, overlaps
from ssl_behavior.cluster_cards.measures import summaries, transitions
from ssl_behavior.cluster_cards.pictures import family_picture, map_picture
from ssl_behavior.plots.style import cluster_colours
from ssl_behavior.poses.expert_features import KINEMATICS
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.storage.atomic import write_text

FOLDER = "cards"
_EXEMPLARS = 3
"""Central bouts on a card, and as many different ones."""
_MAX_ROWS = 5
"""Entries of a list on a card, such as the next clusters."""
_HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class CardData:
    """The data that the cards of an atlas show.

    Attributes:
        clustered: the atlas with its clusters.
        bouts: table of ``ClusteredAtlas.bouts`` with embeddings.
        overlaps: overlap of the clusters with each channel of labels.
        groups: video id -> group; empty to compare no groups.
    """

    clustered: ClusteredAtlas
    bouts: pd.DataFrame
    overlaps: list[Overlap]
    groups: Mapping[str, str]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name of the file -> table: ``clusters``, ``transitions``, ``frequencies`` and, with labels, ``labels``."""
        clusters = self.clustered.clusters.count
        tables = {
            "clusters": summaries(self.bouts, clusters).reset_index(),
            "transitions": transitions(self.bouts, clusters),
            "frequencies": frequencies(self.bouts, clusters, self.groups),
        }
        if self.overlaps:
            tables["labels"] = pd.concat([enrichment(overlap) for overlap in self.overlaps], ignore_index=True)
        return tables

    @cached_property
    def body_length(self) -> tuple[float, str]:
        """Median body length and its unit; NaN if the recordings have several units."""
        lengths = [(video.poses.body_length, video.unit) for video in self.clustered.atlas.videos()]
        units = {unit for _, unit in lengths}
        return float(np.median([length for length, _ in lengths])) if len(units) == 1 else np.nan, min(units)

    @cached_property
    def agreement(self) -> dict[str, dict[str, float]]:
        """Channel of labels -> scores of agreement with the clusters, for channels of several behaviours."""
        scores = {overlap.channel: overlap_agreement(overlap) for overlap in self.overlaps}
        return {channel: of_channel for channel, of_channel in scores.items() if of_channel is not None}


def write_cards(clustered: ClusteredAtlas, groups: Mapping[str, str] | None = None) -> tuple[Path, CardData]:
    """Write the page, its pictures and its tables to ``cards/`` in the atlas's folder.

    Args:
        clustered: the atlas with its clusters.
        groups: video id -> group, to compare groups of videos.

    Returns:
        The path of the page, and the data that it shows.
    """
    folder = clustered.atlas.folder / FOLDER
    bouts = clustered.bouts(embeddings=True)
    data = CardData(clustered, bouts, overlaps(clustered, bouts), groups or {})
    for name, table in data.tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False, float_format="%.6g"))
    positions, labels, names = clustered.sample_map()
    pictures = {"map": map_picture(folder / "map.png", positions, labels, names)}
    if len(names) > 1:
        pictures["families"] = family_picture(folder / "families.png", clustered.clusters.joins, names)
    page = folder / "index.html"
    write_text(page, _render(data, pictures))
    return page, data


def _render(data: CardData, pictures: Mapping[str, Path]) -> str:
    """Return the page as HTML that needs no other file."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.loopcontrols"],
    )
    clustered = data.clustered
    cards, animations = _cards(data)
    by_number = {number: asdict(animation) for number, animation in animations.items()}
    return templates.get_template("page.html").render(
        atlas=clustered.atlas,
        clusters=clustered.clusters,
        videos=len(clustered.atlas.ids),
        hours=data.bouts["seconds"].sum() / 3600,
        noise=data.tables["clusters"].set_index("cluster").loc[NOISE, "share"],
        agreement=data.agreement,
        untested=_untested(data.tables["frequencies"]),
        cards=cards,
        pictures={name: base64.b64encode(path.read_bytes()).decode() for name, path in pictures.items()},
        # A name such as "</script>" would end the script that holds the JSON.
        animations=json.dumps(by_number, separators=(",", ":")).replace("<", "\\u003c"),
        edges=json.dumps(edges(clustered.atlas.meta.landmarks)),
        player=(_HERE / "player.js").read_text(encoding="utf-8"),
    )


def _cards(data: CardData) -> tuple[list[dict[str, Any]], dict[int, Animation]]:
    """Return the cards, in which bouts stand by number, and the animations by number."""
    clustered, numbers = data.clustered, count()
    animations: dict[int, Animation] = {}

    def numbered(rows: pd.DataFrame) -> list[tuple[int, Animation]]:
        chosen = [(next(numbers), _animate_bout(clustered, row)) for row in rows.itertuples(index=False)]
        animations.update(chosen)
        return chosen

    cards = []
    for cluster in range(clustered.clusters.count):
        central, different = choose_exemplars(data.bouts, cluster, clustered.clusters.centre, _EXEMPLARS)
        cards.append(_card(data, cluster) | {"central": numbered(central), "different": numbered(different)})
    return cards, animations


def _animate_bout(clustered: ClusteredAtlas, bout: Any) -> Animation:
    return animate(clustered.atlas.video(bout.video), bout.agent, bout.target, bout.start, bout.stop)


def _card(data: CardData, cluster: int) -> dict[str, Any]:
    """Return the numbers and texts of one card."""
    clustered, tables = data.clustered, data.tables
    steps = tables["transitions"]
    shares = tables["frequencies"].query("cluster == @cluster")
    differing, videos = shares[shares["differs"]], shares[shares["of"] == "video"]
    card = {
        "number": cluster,
        "name": clustered.name(cluster),
        "colour": cluster_colours(clustered.clusters.count)[cluster],
        "row": tables["clusters"].set_index("cluster").loc[cluster],
        "kinematics": _kinematics(data, cluster),
        "labels": [],
        "before": _neighbouring_clusters(clustered, steps[steps["after"] == cluster], "before"),
        "after": _neighbouring_clusters(clustered, steps[steps["before"] == cluster], "after"),
        "more": _groups(differing[differing["share"] > differing["overall"]].sort_values("share", ascending=False)),
        "less": _groups(differing[differing["share"] < differing["overall"]].sort_values("share")),
        "has_tests": bool(shares["p"].notna().any()),
        "videos": list(videos.nlargest(_MAX_ROWS, "share").itertuples()),
    }
    if "labels" in tables:
        labels = tables["labels"].query("cluster == @cluster and frames > 0").sort_values("share", ascending=False)
        card["labels"] = [(channel, list(rows.itertuples())) for channel, rows in labels.groupby("channel")]
    return card


def _kinematics(data: CardData, cluster: int) -> list[dict[str, Any]]:
    """Return quartiles of each measure, in body lengths and in the recordings' own unit if all share one."""
    summary = data.tables["clusters"].set_index("cluster").loc[cluster]
    length, length_unit = data.body_length
    rows = []
    for name, (_, unit) in KINEMATICS.items():
        low, middle, high = (summary[f"{name} {q}"] for q in (0.25, 0.5, 0.75))
        if np.isnan(middle):
            continue
        native = ""
        if unit.startswith("body lengths") and not np.isnan(length):
            native = f"{middle * length:.3g} {length_unit}{unit.removeprefix('body lengths')}"
        rows.append({"name": name, "unit": unit, "low": low, "middle": middle, "high": high, "native": native})
    return rows


def _neighbouring_clusters(clustered: ClusteredAtlas, steps: pd.DataFrame, side: str) -> list[dict[str, Any]]:
    """Return the most frequent clusters of the column ``side``: before or after the cluster of the card."""
    most_frequent = steps[steps["count"] > 0].nlargest(_MAX_ROWS, "count")
    total = max(steps["count"].sum(), 1)
    return [
        {
            "cluster": int(row[side]),
            "name": clustered.name(int(row[side])),
            "share": row["count"] / total,
            "ratio": row["ratio"],
        }
        for _, row in most_frequent.iterrows()
    ]


def _groups(rows: pd.DataFrame) -> list[tuple[str, list[Any], int]]:
    """Return, for each kind of comparison, its first rows and the number of the others."""
    return [
        (str(of), list(compared.head(_MAX_ROWS).itertuples()), max(0, len(compared) - _MAX_ROWS))
        for of, compared in rows.groupby("of", sort=False)
    ]


def _untested(frequencies: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Return, for each kind of comparison, the names of those that have too few videos for a test."""
    rows = frequencies[frequencies["p"].isna() & (frequencies["of"] != "video")]
    return [(str(of), list(names.unique())) for of, names in rows.groupby("of", sort=False)["group"]]
