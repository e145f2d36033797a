"""The curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ssl_behavior.learning_curve.bands import Curve
from ssl_behavior.learning_curve.fitting import Variant
from ssl_behavior.learning_curve.report import shown
from ssl_behavior.plots.style import DPI, save


@dataclass(frozen=True)
class Style:
    """How a variant is drawn: told by lightness, marker and dashes as well as by hue (Okabe and Ito 2008)."""

    colour: str
    marker: str
    dashes: Any


STYLES: dict[Variant, Style] = {
    "pretrained": Style("#0072B2", "o", "-"),
    "from-scratch": Style("#D55E00", "s", (0, (5, 2))),
    "expert-features": Style("#3D3D3D", "^", (0, (1, 1.5))),
    "frozen-linear": Style("#CC79A7", "D", (0, (4, 1.5, 1, 1.5))),
}
_PANELS_PER_ROW = 4
_MOST_PANELS = 8
# Points of the variants stand beside each other, by this factor along the logarithmic axis.
_ASIDE = 1.025


def label_curve_picture(path: Path, found: Curve, title: str, notes: Sequence[str], behaviours: Sequence[str]) -> Path:
    """Draw macro F1, and each behaviour's F1 below, against the number of labelled videos; dashes are single draws.

    Args:
        path: a picture file.
        found: what to draw.
        title: over the picture.
        notes: lines below the title.
        behaviours: those that get a panel; none get one if they are more than fit.
    """
    panels = list(behaviours) if 1 < len(behaviours) <= _MOST_PANELS else []
    columns = min(len(panels), _PANELS_PER_ROW) or 1
    rows = -(-len(panels) // columns)
    heading, legend = 0.42 + 0.2 * len(notes), 0.34
    height = heading + legend + 4.0 + 2.3 * rows
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - (heading + legend) / height), hspace=0.06)
    figure = Figure(figsize=(9, height), dpi=DPI, layout=layout)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[4.0] + [2.3] * rows)
    main = figure.add_subplot(grid[0, :])
    _draw(main, found, 0, is_large=True)
    main.set(ylabel="macro F1", xlabel="labelled videos")
    small: list[Axes] = []
    for place, name in enumerate(panels):
        axes = figure.add_subplot(grid[1 + place // columns, place % columns], sharey=small[0] if small else None)
        small.append(axes)
        _draw(axes, found, 1 + found.behaviours.index(name), is_large=False)
        axes.set_title(name, fontsize=10, loc="left")
        axes.set_xlabel("labelled videos", fontsize=9)
        if place % columns == 0:
            axes.set_ylabel("F1", fontsize=9)
    for axes in (main, *small):
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.02), min(high, 1.02))
    left = 0.012
    figure.text(left, 1 - 0.12 / height, title, fontsize=13, weight="bold", va="top")
    for line, note in enumerate(notes):
        figure.text(left, 1 - (0.42 + 0.2 * line) / height, note, fontsize=9, color="#444444", va="top")
    handles, names = main.get_legend_handles_labels()
    place_of_legend = (left - 0.006, 1 - heading / height)
    figure.legend(
        handles, names, loc="upper left", bbox_to_anchor=place_of_legend, ncols=4, frameon=False, handlelength=3.2
    )
    return save(figure, path)


def _draw(axes: Axes, found: Curve, column: int, is_large: bool) -> None:
    sizes = np.array(found.sizes, float)
    for place, variant in enumerate(found.variants):
        style = STYLES[variant]
        estimates = [found.at(variant, size, column) for size in found.sizes]
        mean, low, high = (np.array([getattr(one, what) for one in estimates]) for what in ("value", "low", "high"))
        x = sizes * _ASIDE ** (place - (len(found.variants) - 1) / 2)
        axes.fill_between(x, low, high, color=style.colour, alpha=0.13, lw=0)
        if is_large or len(sizes) == 1:
            axes.vlines(x, low, high, color=style.colour, alpha=0.75, lw=1.3)
        draws = np.stack([found.by_draw[variant, size][:, column] for size in found.sizes])
        if is_large and draws.shape[1] > 1:
            each = np.repeat(x, draws.shape[1])
            axes.scatter(each, draws.ravel(), s=36, marker="_", color=style.colour, alpha=0.75, lw=1.1)
        axes.plot(
            x,
            mean,
            color=style.colour,
            linestyle=style.dashes,
            marker=style.marker,
            lw=2 if is_large else 1.5,
            ms=6.5 if is_large else 4.5,
            mec="white",
            mew=0.8,
            label=shown(variant),
        )
    _frame(axes, sizes, is_large)


def _frame(axes: Axes, sizes: np.ndarray, is_large: bool) -> None:
    """A logarithmic axis with the sizes themselves as ticks."""
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 1.18, sizes[-1] * 1.18)
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{size:g}" for size in sizes])
    axes.yaxis.set_major_locator(MaxNLocator(8 if is_large else 5, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=10 if is_large else 8.5)
    axes.grid(axis="y", alpha=0.35, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
