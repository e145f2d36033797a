"""The page: a card per cluster, with the tables it is made of as CSV beside it."""

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
from ssl_behavior.cluster_cards.chance import frequencies
from ssl_behavior.cluster_cards.exemplars import Clip, choose, cut
from ssl_behavior.cluster_cards.labels import Overlap, agreement_of, enrichment, overlaps
from ssl_behavior.cluster_cards.measures import summaries, transitions
from ssl_behavior.cluster_cards.pictures import family_picture, map_picture
from ssl_behavior.plots.style import cluster_colours
from ssl_behavior.poses.expert_features import KINEMATICS
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.storage.atomic import write_text

FOLDER = "cards"
_EXEMPLARS = 3
_MOST = 5
_HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Measured:
    """All that the cards tell of an atlas."""

    clustered: ClusteredAtlas
    bouts: pd.DataFrame
    overlaps: list[Overlap]
    groups: Mapping[str, str]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by the names of their files."""
        clusters = self.clustered.clusters.count
        found = {
            "clusters": summaries(self.bouts, clusters).reset_index(),
            "transitions": transitions(self.bouts, clusters),
            "frequencies": frequencies(self.bouts, clusters, self.groups),
        }
        if self.overlaps:
            found["labels"] = pd.concat([enrichment(one) for one in self.overlaps], ignore_index=True)
        return found

    @cached_property
    def body_length(self) -> tuple[float, str]:
        """Median length of a body and its unit; NaN if the recordings have several units."""
        told = [(video.poses.body_length, video.unit) for video in self.clustered.atlas.videos()]
        units = {unit for _, unit in told}
        return float(np.median([length for length, _ in told])) if len(units) == 1 else np.nan, min(units)

    @cached_property
    def agreement(self) -> dict[str, dict[str, float]]:
        """With each channel of labels, by its name."""
        found = {one.channel: agreement_of(one) for one in self.overlaps}
        return {channel: one for channel, one in found.items() if one is not None}


def write_cards(clustered: ClusteredAtlas, groups: Mapping[str, str] | None = None) -> tuple[Path, Measured]:
    """Write the page, its picture and its tables to ``cards/`` in the atlas's folder.

    Args:
        clustered: the atlas.
        groups: video id -> group, to compare groups of videos.

    Returns:
        the page, and what it tells.
    """
    folder = clustered.atlas.folder / FOLDER
    bouts = clustered.bouts(embeddings=True)
    measured = Measured(clustered, bouts, overlaps(clustered, bouts), groups or {})
    for name, table in measured.tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False, float_format="%.6g"))
    fitted = clustered.clusters
    names = [clustered.name(cluster) for cluster in range(fitted.count)]
    pictures = {"map": map_picture(folder / "map.png", *_points(clustered), names)}
    if fitted.count > 1:
        pictures["families"] = family_picture(folder / "families.png", fitted.joins, names)
    page = folder / "index.html"
    write_text(page, _rendered(measured, pictures))
    return page, measured


def _points(clustered: ClusteredAtlas) -> tuple[np.ndarray, np.ndarray]:
    """Places (point, 2) and clusters (point,) of random frames of the atlas, wherever the clusters were fitted."""
    places, labels = [], []
    for video, pair, frames in clustered.atlas.draw(clustered.clusters.settings.landmarks, seed=0):
        known = frames[video.located(pair)[frames]]
        found = clustered.clusters.assign(video.embeddings[pair], known)
        labels.append(found[0])
        places.append(found[1])
    return np.concatenate(places), np.concatenate(labels)


def _rendered(measured: Measured, pictures: Mapping[str, Path]) -> str:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.loopcontrols"],
    )
    clustered, numbers = measured.clustered, count()
    clips: dict[int, Clip] = {}

    def shown(rows: pd.DataFrame) -> list[tuple[int, Clip]]:
        found = [(next(numbers), _clip(clustered, row)) for row in rows.itertuples(index=False)]
        clips.update(found)
        return found

    bouts, centre = measured.bouts, clustered.clusters.centre
    cards = []
    for cluster in range(clustered.clusters.count):
        central, different = choose(bouts, cluster, centre, _EXEMPLARS)
        cards.append(_card(measured, cluster) | {"central": shown(central), "different": shown(different)})
    overall = measured.tables["clusters"].set_index("cluster")
    told = {number: asdict(clip) for number, clip in clips.items()}
    return templates.get_template("page.html").render(
        atlas=clustered.atlas,
        fitted=clustered.clusters,
        videos=len(clustered.atlas.ids),
        hours=bouts["seconds"].sum() / 3600,
        noise=overall.loc[NOISE, "share"],
        agreement=measured.agreement,
        cards=cards,
        pictures={name: base64.b64encode(path.read_bytes()).decode() for name, path in pictures.items()},
        clips=json.dumps(told, separators=(",", ":")).replace("<", "\\u003c"),
        edges=json.dumps(edges(clustered.atlas.made_by.landmarks)),
        player=(_HERE / "player.js").read_text(encoding="utf-8"),
    )


def _card(measured: Measured, cluster: int) -> dict[str, Any]:
    """What one card tells."""
    clustered, tables = measured.clustered, measured.tables
    row = tables["clusters"].set_index("cluster").loc[cluster]
    steps = tables["transitions"]
    often = tables["frequencies"].query("cluster == @cluster and differs")
    found = {
        "number": cluster,
        "name": clustered.name(cluster),
        "colour": cluster_colours(clustered.clusters.count)[cluster],
        "row": row,
        "kinematics": _kinematics(measured, cluster),
        "labels": [],
        "before": _steps(clustered, steps[steps["after"] == cluster], "before"),
        "after": _steps(clustered, steps[steps["before"] == cluster], "after"),
        "more": _groups(often[often["share"] > often["overall"]].sort_values("share", ascending=False)),
        "less": _groups(often[often["share"] < often["overall"]].sort_values("share")),
    }
    if "labels" in tables:
        own = tables["labels"].query("cluster == @cluster and frames > 0").sort_values("share", ascending=False)
        found["labels"] = [(channel, list(rows.itertuples())) for channel, rows in own.groupby("channel")]
    return found


def _kinematics(measured: Measured, cluster: int) -> list[dict[str, Any]]:
    """Quartiles of each, in body lengths and in the recordings' own unit where all share one."""
    row = measured.tables["clusters"].set_index("cluster").loc[cluster]
    length, length_unit = measured.body_length
    found = []
    for name, (_, unit) in KINEMATICS.items():
        low, middle, high = (row[f"{name} {q}"] for q in (0.25, 0.5, 0.75))
        if np.isnan(middle):
            continue
        own = ""
        if unit.startswith("body lengths") and not np.isnan(length):
            own = f"{middle * length:.3g} {length_unit}{unit.removeprefix('body lengths')}"
        found.append({"name": name, "unit": unit, "low": low, "middle": middle, "high": high, "own": own})
    return found


def _steps(clustered: ClusteredAtlas, rows: pd.DataFrame, side: str) -> list[dict[str, Any]]:
    most = rows[rows["count"] > 0].nlargest(_MOST, "count")
    total = max(rows["count"].sum(), 1)
    return [
        {
            "cluster": int(row[side]),
            "name": clustered.name(int(row[side])),
            "share": row["count"] / total,
            "ratio": row["ratio"],
        }
        for _, row in most.iterrows()
    ]


def _groups(rows: pd.DataFrame) -> list[tuple[str, list[Any], int]]:
    """By what is compared: the first few, and how many more there are."""
    found = []
    for of, own in rows.groupby("of", sort=False):
        found.append((str(of), list(own.head(_MOST).itertuples()), max(0, len(own) - _MOST)))
    return found


def _clip(clustered: ClusteredAtlas, row: Any) -> Clip:
    return cut(clustered.atlas.video(row.video), row.agent, row.target, row.start, row.stop)
