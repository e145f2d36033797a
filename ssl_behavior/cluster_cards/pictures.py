"""Pictures of clusters: filmstrips of bouts, the map, and the family tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from ssl_behavior.cluster_cards.animations import Animation
from ssl_behavior.plots.embedding_map import embedding_map
from ssl_behavior.plots.skeleton import draw_body
from ssl_behavior.plots.style import DPI, INDIVIDUAL_COLOURS, cluster_colours, save, shorten

_AGENT, _TARGET = INDIVIDUAL_COLOURS[:2]
_MOMENTS = 7
"""Frames in a filmstrip."""


def filmstrip_picture(
    path: str | Path, animations: Sequence[Animation], titles: Sequence[str], edges: Sequence[tuple[int, int]]
) -> Path:
    """Draw each animation as a row of frames from first to last, with agent and target as skeletons.

    Args:
        path: picture file to write.
        animations: animations with the same landmarks.
        titles: a title per animation.
        edges: pairs of landmarks to join by lines.
    """
    figure = Figure(figsize=(1.5 * _MOMENTS, 0.3 + 1.35 * len(animations)), dpi=DPI)
    bottom = 0.3 / figure.get_figheight()
    height = (1 - bottom) / len(animations)
    for row, (animation, title) in enumerate(zip(animations, titles, strict=True)):
        _draw_filmstrip(figure, animation, edges, 1 - (row + 1) * height, height)
        figure.text(0.01, 1 - row * height - 0.01 * height, title, fontsize=8, va="top")
    figure.text(0.01, bottom / 3, "agent", color=_AGENT, fontsize=9)
    figure.text(0.07, bottom / 3, "target", color=_TARGET, fontsize=9)
    figure.text(0.14, bottom / 3, "from the first frame of each bout to its last", color="#555555", fontsize=9)
    return save(figure, path)


def _draw_filmstrip(
    figure: Figure, animation: Animation, edges: Sequence[tuple[int, int]], bottom: float, height: float
) -> None:
    """Draw the frames of an animation side by side, from ``bottom`` up, in fractions of the figure."""
    landmarks = len(animation.tracks[0][0]) // 2
    tracks = np.array(animation.tracks, float).reshape(len(animation.tracks), -1, landmarks, 2)
    middle = (np.nanmin(tracks, (0, 1, 2)) + np.nanmax(tracks, (0, 1, 2))) / 2
    # At least a body length to either side: a still animal would otherwise fill the frame with its jitter.
    reach = max(100, np.nanmax(np.abs(tracks - middle))) * 1.1
    for column, frame in enumerate(np.linspace(0, len(tracks) - 1, _MOMENTS).round().astype(int)):
        axes = figure.add_axes((column / _MOMENTS, bottom, 1 / _MOMENTS, height * 0.82))
        for points, colour in zip(tracks[frame], (_AGENT, _TARGET), strict=False):
            draw_body(axes, points, edges, colour)
        axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] + reach, middle[1] - reach))
        axes.set_aspect("equal")
        axes.set_axis_off()


def map_picture(path: str | Path, map_positions: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> Path:
    """Draw a map of embeddings, coloured and numbered by cluster.

    Args:
        path: picture file to write.
        map_positions: (point, 2) positions on the map.
        labels: (point,) clusters, -1 for noise.
        names: names of the clusters; those named after their number are left out of the legend.
    """
    return save(embedding_map(map_positions, labels, names), path)


def family_picture(path: str | Path, joins: np.ndarray, names: Sequence[str]) -> Path:
    """Draw the family tree of clusters: which of them join first as density falls.

    Args:
        path: picture file to write.
        joins: (cluster, cluster) distance at which two clusters join.
        names: names of the clusters.
    """
    tree = dendrogram(linkage(squareform(joins, checks=False), "single"), no_plot=True)
    figure = Figure(figsize=(8, 2.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for x, heights in zip(tree["icoord"], tree["dcoord"], strict=True):
        axes.plot(x, heights, color="#777777", lw=1.2)
    colours = cluster_colours(len(names))
    ticks = 5 + 10 * np.arange(len(names))  # scipy's dendrogram places leaves at 5, 15, 25, ...
    axes.scatter(
        ticks, np.zeros(len(names)), s=60, c=[colours[leaf] for leaf in tree["leaves"]], zorder=3, clip_on=False
    )
    labels = [str(leaf) if names[leaf] == f"cluster {leaf}" else shorten(names[leaf]) for leaf in tree["leaves"]]
    is_rotated = max(map(len, labels)) > 3
    axes.set_xticks(ticks, labels, rotation=40 * is_rotated, ha="right" if is_rotated else "center", fontsize=9)
    axes.set(ylabel="distance", ylim=(0, None))
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return save(figure, path)
