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

from ssl_behavior.clusters import NOISE
from ssl_behavior.figures import DPI, cluster_colours, save


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
    for cluster in range(len(names)):
        x, y = np.median(places[labels == cluster], axis=0)
        box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colours[cluster], "lw": 1.5, "alpha": 0.9}
        axes.text(x, y, str(cluster), ha="center", va="center", fontsize=9, bbox=box)
    given = [(number, name) for number, name in enumerate(names) if name != f"cluster {number}"]
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
    shown = [str(leaf) if names[leaf] == f"cluster {leaf}" else names[leaf] for leaf in tree["leaves"]]
    turned = max(map(len, shown)) > 3
    axes.set_xticks(ticks, shown, rotation=40 * turned, ha="right" if turned else "center", fontsize=9)
    axes.set(ylabel="distance", ylim=(0, None))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return save(figure, path)
