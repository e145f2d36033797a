"""Maps: embeddings laid out in the plane, coloured by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError
from ssl_behavior.plots.style import DPI, NOISE_COLOUR, Picture, cluster_colours, shorten, without_formulas

_NOISE = -1


class Mapped(Protocol):
    """An object that has a map, such as a ``ClusteredAtlas``."""

    def sample_map(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Positions (point, 2), clusters (point,) and the names of the clusters."""


@check_arguments
def embedding_map(
    points: np.ndarray | Mapped,
    labels: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw a map of embeddings, coloured and numbered by cluster.

    Args:
        points: the atlas that ``sb.cluster`` returns, or ``sb.ClusteredAtlas(sb.Atlas(folder))``; or positions
            (point, 2), for instance of UMAP or of two principal components.
        labels: (point,) cluster of each position, -1 for none; all grey if None. An atlas brings its own.
        names: of the clusters; ``cluster 0``, ``cluster 1`` ... if None. Those named after their number are left out of
            the legend.
        ax: axes to draw into; a new figure if None.

    Returns:
        The figure. A notebook shows it where it ends a cell.

    Raises:
        InputError: the points are not positions in the plane, or labels and points differ in number.

    Examples:
        >>> from sklearn.decomposition import PCA
        >>> embeddings = sb.load_encoder("encoder").embed(sb.read_recordings("tracks"))
        >>> figure = sb.plots.map(PCA(2).fit_transform(embeddings.values))
    """
    positions, clusters, named = _mapped(points, labels, names)
    if ax is None:
        ax = Picture(figsize=(8, 7), dpi=DPI, layout="constrained").add_subplot()
    colours = np.array([to_rgb(colour) for colour in cluster_colours(len(named))])
    order = np.argsort(clusters != _NOISE, kind="stable")  # noise first, so that clusters are drawn over it
    ax.scatter(positions[order, 0], positions[order, 1], s=2.5, c=colours[clusters[order]], lw=0, rasterized=True)
    for cluster in np.unique(clusters[clusters != _NOISE]):
        x, y = np.median(positions[clusters == cluster], axis=0)
        box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colours[cluster], "lw": 1.5, "alpha": 0.9}
        ax.text(x, y, str(cluster), ha="center", va="center", fontsize=9, bbox=box)
    shown = [(number, shorten(name)) for number, name in enumerate(named) if name != f"cluster {number}"]
    handles = [Patch(color=colours[number], label=f"{number}  {name}") for number, name in shown]
    has_noise = bool((clusters == _NOISE).any()) and len(named) > 0
    handles += [Patch(color=NOISE_COLOUR, label="in no cluster")] * has_noise
    ax.legend(handles=handles, frameon=False, fontsize=9, loc="upper right")
    ax.set_aspect("equal", "datalim")
    ax.set_axis_off()
    figure = ax.figure.figure
    without_formulas(figure)
    return figure


def _mapped(
    points: np.ndarray | Mapped, labels: np.ndarray | None, names: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Positions (point, 2), clusters (point,) and the clusters' names."""
    if hasattr(points, "sample_map"):
        return points.sample_map()
    if hasattr(points, "meta"):  # an atlas, whose clusters are read apart from it
        raise InputError("expected an atlas with its clusters; found one without: give sb.ClusteredAtlas(atlas)")
    positions = np.asarray(points)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise InputError(
            f"expected positions (point, 2); found an array of shape {positions.shape}: lay embeddings out in the "
            "plane first, for instance with sb.cluster"
        )
    clusters = np.full(len(positions), _NOISE) if labels is None else np.asarray(labels)
    if clusters.shape != (len(positions),):
        raise InputError(f"expected a label for each of {len(positions):,} points; found labels of {clusters.shape}")
    if clusters.dtype.kind not in "iu":
        raise InputError(
            f"expected labels that are whole numbers; found {clusters.dtype}: number them, give names=[...]"
        )
    count = int(clusters.max(initial=_NOISE)) + 1
    return positions, clusters, list(names) if names is not None else [f"cluster {number}" for number in range(count)]
