"""The learning curve as a picture."""

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
from ssl_behavior.learning_curve.variants import Variant, variant_name
from ssl_behavior.plots.style import DPI, save


@dataclass(frozen=True)
class Style:
    """The look of a variant. Lightness, marker and dashes differ as well as hue (Okabe and Ito 2008)."""

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
# Variants are drawn side by side, this factor apart on the logarithmic axis, so that no band hides another.
_ASIDE = 1.025


def label_curve_picture(path: Path, curve: Curve, title: str, notes: Sequence[str], behaviours: Sequence[str]) -> Path:
    """Draw macro F1, and the F1 of each behaviour below it, against the number of labelled videos.

    Small dashes are single draws.

    Args:
        path: a picture file.
        curve: curve to draw.
        title: title above the picture.
        notes: lines of text below the title.
        behaviours: behaviours to draw a panel for; if there are too many to fit, none has a panel.
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
    _draw(main, curve, 0, is_large=True)
    main.set(ylabel="macro F1 (higher is better)", xlabel="labelled videos")
    small: list[Axes] = []
    for number, name in enumerate(panels):
        axes = figure.add_subplot(grid[1 + number // columns, number % columns], sharey=small[0] if small else None)
        small.append(axes)
        _draw(axes, curve, 1 + curve.behaviours.index(name), is_large=False)
        axes.set_title(name, fontsize=10, loc="left")
        axes.set_xlabel("labelled videos", fontsize=9)
        if number % columns == 0:
            axes.set_ylabel("F1", fontsize=9)
    for axes in (main, *small):
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.02), min(high, 1.02))
    margin = 0.012
    figure.text(margin, 1 - 0.12 / height, title, fontsize=13, weight="bold", va="top")
    for line, note in enumerate(notes):
        figure.text(margin, 1 - (0.42 + 0.2 * line) / height, note, fontsize=9, color="#444444", va="top")
    handles, names = main.get_legend_handles_labels()
    legend_position = (margin - 0.006, 1 - heading / height)
    figure.legend(
        handles, names, loc="upper left", bbox_to_anchor=legend_position, ncols=4, frameon=False, handlelength=3.2
    )
    return save(figure, path)


def _draw(axes: Axes, curve: Curve, column: int, is_large: bool) -> None:
    sizes = np.array(curve.sizes, float)
    for number, variant in enumerate(curve.variants):
        style = STYLES[variant]
        estimates = [curve.at(variant, size, column) for size in curve.sizes]
        mean, low, high = (
            np.array([getattr(estimate, name) for estimate in estimates]) for name in ("value", "low", "high")
        )
        x = sizes * _ASIDE ** (number - (len(curve.variants) - 1) / 2)
        axes.fill_between(x, low, high, color=style.colour, alpha=0.13, lw=0)
        if is_large or len(sizes) == 1:
            axes.vlines(x, low, high, color=style.colour, alpha=0.75, lw=1.3)
        draws = np.stack([curve.by_draw[variant, size][:, column] for size in curve.sizes])
        if is_large and draws.shape[1] > 1:
            axes.scatter(
                np.repeat(x, draws.shape[1]), draws.ravel(), s=36, marker="_", color=style.colour, alpha=0.75, lw=1.1
            )
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
            label=variant_name(variant),
        )
    _frame(axes, sizes, is_large)


def _frame(axes: Axes, sizes: np.ndarray, is_large: bool) -> None:
    """Make the axis logarithmic, with the sizes themselves as ticks."""
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 1.18, sizes[-1] * 1.18)
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{size:g}" for size in sizes])
    axes.yaxis.set_major_locator(MaxNLocator(8 if is_large else 5, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=10 if is_large else 8.5)
    axes.grid(axis="y", alpha=0.35, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
