"""Figures: ethograms, skeletons, maps of embeddings, scores; and their style.

``ethogram``, ``skeleton`` and ``map`` return a matplotlib figure, or draw into the axes that they are given as ``ax``.

Examples:
    >>> import ssl_behavior as sb
    >>> figure = sb.plots.ethogram(sb.simulate_recordings(2))
    >>> figure.savefig("ethogram.png")
"""

from ssl_behavior.plots.embedding_map import embedding_map
from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.skeleton import skeleton
from ssl_behavior.plots.strips import Strip

map = embedding_map  # noqa: A001 - its name in notebooks, sb.plots.map

__all__ = ["Strip", "ethogram", "map", "skeleton"]
