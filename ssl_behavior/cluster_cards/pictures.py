"""Pictures of clusters: their map and their family tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.cluster_cards.exemplars import Clip
from ssl_behavior.plots.style import DPI, cluster_colours, save

_AGENT, _TARGET = "#D55E00", "#0072B2"
_MOMENTS = 7
_LONGEST = 32


def filmstrip_picture(
    path: str | Path, clips: Sequence[Clip], titles: Sequence[str], edges: Sequence[tuple[int, int]]
) -> Path:
    """Draw clips as rows of moments from their first frame to their last, agent and target as skeletons.

    Args:
        path: a picture file.
        clips: of the same landmarks.
        titles: one per clip.
        edges: landmarks that are joined by lines.
    """
    figure = Figure(figsize=(1.5 * _MOMENTS, 0.3 + 1.35 * len(clips)), dpi=DPI)
    bottom = 0.3 / figure.get_figheight()
    for row, (clip, title) in enumerate(zip(clips, titles, strict=True)):
        tracks = np.array(clip.tracks, float).reshape(len(clip.tracks), -1, len(clip.tracks[0][0]) // 2, 2)
        middle = (np.nanmin(tracks, (0, 1, 2)) + np.nanmax(tracks, (0, 1, 2))) / 2
        reach = max(100, np.nanmax(np.abs(tracks - middle))) * 1.1
        height = (1 - bottom) / len(clips)
        for column, at in enumerate(np.linspace(0, len(tracks) - 1, _MOMENTS).round().astype(int)):
            axes = figure.add_axes((column / _MOMENTS, 1 - (row + 1) * height, 1 / _MOMENTS, height * 0.82))
            for points, colour in zip(tracks[at], (_AGENT, _TARGET), strict=False):
                for edge in edges:
                    axes.plot(*points[list(edge)].T, color=colour, lw=1.6, solid_capstyle="round")
                axes.plot(*points[0], "o", color=colour, ms=4)
            axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] + reach, middle[1] - reach))
            axes.set_aspect("equal")
            axes.set_axis_off()
            if column == 0:
                figure.text(0.01, 1 - row * height - 0.01 * height, title, fontsize=8, va="top")
    figure.text(0.01, bottom / 3, "agent", color=_AGENT, fontsize=9)
    figure.text(0.07, bottom / 3, "target", color=_TARGET, fontsize=9)
    figure.text(0.14, bottom / 3, "from the first frame of each bout to its last", color="#555555", fontsize=9)
    return save(figure, path)


def map_picture(path: str | Path, places: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> Path:
    """Draw a map of embeddings, coloured by cluster and numbered.

    Args:
        path: a picture file.
        places: (point, 2) on the map.
        labels: (point,) clusters, -1 for noise.
        names: of the clusters; one that is called after its number is not in the legend.
    """
    colours = np.array([to_rgb(colour) for colour in cluster_colours(len(names))])
    figure = Figure(figsize=(8, 7), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    order = np.argsort(labels != NOISE, kind="stable")  # noise lies below
    axes.scatter(places[order, 0], places[order, 1], s=2.5, c=colours[labels[order]], lw=0, rasterized=True)
    for cluster in np.unique(labels[labels != NOISE]):
        x, y = np.median(places[labels == cluster], axis=0)
        box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colours[cluster], "lw": 1.5, "alpha": 0.9}
        axes.text(x, y, str(cluster), ha="center", va="center", fontsize=9, bbox=box)
    given = [(number, _short(name)) for number, name in enumerate(names) if name != f"cluster {number}"]
    handles = [Patch(color=colours[number], label=f"{number}  {name}") for number, name in given]
    handles += [Patch(color=colours[NOISE], label="in no cluster")] * bool((labels == NOISE).any())
    axes.legend(handles=handles, frameon=False, fontsize=9, loc="upper right")
    axes.set_aspect("equal", "datalim")
    axes.set_axis_off()
    return save(figure, path)


def family_picture(path: str | Path, joins: np.ndarray, names: Sequence[str]) -> Path:
    """Draw which clusters join first as density falls.

    Args:
        path: a picture file.
        joins: (cluster, cluster) distance at which two join.
        names: of the clusters.
    """
    tree = dendrogram(linkage(squareform(joins, checks=False), "single"), no_plot=True)
    figure = Figure(figsize=(8, 2.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for places, heights in zip(tree["icoord"], tree["dcoord"], strict=True):
        axes.plot(places, heights, color="#777777", lw=1.2)
    colours = cluster_colours(len(names))
    ticks = 5 + 10 * np.arange(len(names))  # where scipy's dendrogram puts its leaves
    axes.scatter(
        ticks, np.zeros(len(names)), s=60, c=[colours[leaf] for leaf in tree["leaves"]], zorder=3, clip_on=False
    )
    shown = [str(leaf) if names[leaf] == f"cluster {leaf}" else _short(names[leaf]) for leaf in tree["leaves"]]
    turned = max(map(len, shown)) > 3
    axes.set_xticks(ticks, shown, rotation=40 * turned, ha="right" if turned else "center", fontsize=9)
    axes.set(ylabel="distance", ylim=(0, None))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return save(figure, path)


def _short(name: str) -> str:
    """A name that leaves room for what is drawn beside it."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
