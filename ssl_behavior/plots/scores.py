"""Figures of scores: confusion and training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ssl_behavior.plots.style import COLOURS, DPI, save

_MOST_COLUMNS = 3


def confusion_picture(path: str | Path, counts: np.ndarray, behaviours: Sequence[str]) -> Path:
    """Draw a confusion: the share of each true behaviour's frames that got each label, with the counts.

    Args:
        path: a picture file.
        counts: (class, class) frames, truth by row.
        behaviours: names of the classes.
    """
    few = len(behaviours) <= 12
    size = 2.6 + (0.85 if few else 0.4) * len(behaviours)
    figure = Figure(figsize=(size + 0.7, size), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (i, j), share in np.ndenumerate(shares):
        if few or share >= 0.005:
            shown = f"{share:.0%}\n{counts[i, j]:,}" if few else f"{share:.0%}"
            text = axes.text(
                j, i, shown if counts[i].any() else "–", ha="center", va="center", fontsize=9 if few else 7
            )
            text.set(color="white" if share > 0.55 else "black", in_layout=False)
    places = np.arange(len(behaviours))
    axes.set(xticks=places, yticks=places, xlabel="predicted", ylabel="truth")
    axes.set_xticklabels(
        behaviours, rotation=30 if len(behaviours) > 3 else 0, ha="right" if len(behaviours) > 3 else "center"
    )
    axes.set_yticklabels(behaviours)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true behaviour's frames")
    return save(figure, path)


def curves_picture(
    path: str | Path, curves: Mapping[str, Sequence[tuple[float, float]]], notes: Mapping[str, str]
) -> Path:
    """Draw training curves, one panel per name; names that differ after a ``/`` only share a panel ("loss/train").

    Args:
        path: a picture file.
        curves: name -> (step, value) points; values that are not finite leave a gap.
        notes: panel name -> line below its title, such as "lower is better".
    """
    panels: dict[str, dict[str, Sequence[tuple[float, float]]]] = {}
    for name, points in curves.items():
        panel, _, line = name.partition("/")
        panels.setdefault(panel, {})[line] = points
    columns = max(1, min(_MOST_COLUMNS, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(4.0 * columns, 2.8 * rows), dpi=DPI, layout="constrained")
    for place, (panel, lines) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        for (line, points), colour in zip(lines.items(), COLOURS * len(lines), strict=False):
            x, y = np.array(points, np.float64).reshape(-1, 2).T
            axes.plot(
                x, np.where(np.isfinite(y), y, np.nan), color=colour, lw=1.4, label=line, marker="." * (len(x) == 1)
            )
        axes.set_title(panel, fontsize=10, loc="left", y=1.08 if panel in notes else None)
        axes.text(0, 1.02, notes.get(panel, ""), fontsize=8, color="#444444", transform=axes.transAxes)
        axes.set_xlabel("step")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3, lw=0.5)
        if any(lines):
            axes.legend(frameon=False, fontsize=8)
    return save(figure, path)
