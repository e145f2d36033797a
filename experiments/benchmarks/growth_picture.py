"""The picture of ``growth``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ssl_behavior.plots.style import DPI, save, styles

_ROWS = (("seconds", "time (s)", 1.0), ("own", "own memory (MB)", 1e6))
_MARKERS = "osD^vP*"


def draw(path: Path, costs: Mapping[str, Mapping[str, Mapping[Any, Any]]]) -> Path:
    """Draw time and own memory against each of several dimensions, a line for each step.

    Args:
        path: a picture file.
        costs: dimension (an attribute of a size) -> step -> size -> cost.
    """
    steps = list(next(iter(costs.values())))
    looks = dict(zip(steps, zip((colour for colour, _ in styles(steps)), _MARKERS, strict=False), strict=True))
    figure = Figure(figsize=(11, 6.4), dpi=DPI, layout="constrained")
    grid = figure.subplots(len(_ROWS), len(costs), sharey="row", squeeze=False)
    for column, (along, by_step) in enumerate(costs.items()):
        for row, (attribute, label, scale) in enumerate(_ROWS):
            axes = grid[row][column]
            for step, by_size in by_step.items():
                colour, marker = looks[step]
                x = [getattr(size, along) for size in by_size]
                y = [getattr(measured, attribute) / scale for measured in by_size.values()]
                axes.plot(x, y, color=colour, marker=marker, markersize=5, lw=1.4, label=step)
            axes.set(xscale="log", yscale="log")
            if along != "frames":
                axes.set_xticks(x, map(str, x), minor=False)
                axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(color="0.92", lw=0.6)
            if column == 0:
                axes.set_ylabel(label)
            if row == len(_ROWS) - 1:
                axes.set_xlabel(along)
    handles, names = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(steps), frameon=False, fontsize=9)
    return save(figure, path)
