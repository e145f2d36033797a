"""The scores of probes as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_behavior.plots.style import DPI, save
from ssl_behavior.scoring.mabe22 import TaskScore

# Okabe and Ito 2008; they differ in lightness too.
_COLOURS = ("#0072B2", "#56B4E9")


def probes_picture(path: Path, results: Mapping[str, Sequence[TaskScore]]) -> Path:
    """Draw a bar per task and kind of embedding.

    A bar shows F1 for a behaviour, and the unexplained share of the variance for a quantity.

    Args:
        path: a picture file.
        results: kind of embedding -> scores of the same tasks in the same order.
    """
    first = next(iter(results.values()))
    panels = {
        "F1 (higher is better)": [i for i, score in enumerate(first) if score.metric == "F1"],
        "MSE / variance (lower is better)": [i for i, score in enumerate(first) if score.metric == "MSE"],
    }
    panels = {title: chosen for title, chosen in panels.items() if chosen}
    heights = [len(chosen) for chosen in panels.values()]
    figure = Figure(figsize=(7, 0.7 + 0.34 * sum(heights) + 0.7 * len(panels)), dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for row, (title, chosen) in enumerate(panels.items()):
        _bars(figure.add_subplot(grid[row]), {name: [scores[i] for i in chosen] for name, scores in results.items()})
        figure.axes[row].set_xlabel(title)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return save(figure, path)


def _bars(axes: Axes, results: Mapping[str, Sequence[TaskScore]]) -> None:
    first = next(iter(results.values()))
    middle, width = np.arange(len(first)), 0.8 / len(results)
    # The chance error of a quantity is its variance, so its bar is a share of the variance and chance is at 1.
    scale = np.array([score.chance if score.metric == "MSE" and score.chance else 1.0 for score in first])
    for number, (name, scores) in enumerate(results.items()):
        values = np.nan_to_num([score.score for score in scores]) / scale
        axes.barh(
            middle - 0.4 + (number + 0.5) * width, values, width, color=_COLOURS[number % len(_COLOURS)], label=name
        )
    chance = np.array([score.chance for score in first]) / scale
    axes.vlines(chance, middle - 0.45, middle + 0.45, color="black", lw=1.5, label="chance")
    axes.set(yticks=middle, yticklabels=[f"{score.task} ({score.level})" for score in first])
    axes.set_xlim(0, None)
    axes.set_ylim(len(first) - 0.5, -0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
