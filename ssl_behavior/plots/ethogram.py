"""Pictures: ethograms, confusions and training curves, in colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ssl_behavior.plots.style import DPI, UNSCORED_COLOUR, save, styles
from ssl_behavior.recordings.labels import UNSCORED, Labels

_LEGEND_COLUMNS = 6


@dataclass(frozen=True, eq=False)
class Strip:
    """One video in an ethogram.

    Attributes:
        id: the video.
        frame_rate: Hz.
        rows: what each row shows ("truth", "predicted") -> (time,) labels, -1 where unscored.
    """

    id: str
    frame_rate: float
    rows: Mapping[str, np.ndarray]


def ethogram(path: str | Path, strips: Sequence[Strip], behaviours: Sequence[str]) -> Path:
    """Draw the labels of videos as coloured strips over time, the rows of a video under each other.

    Args:
        path: a picture file; its suffix says the format.
        strips: one per video.
        behaviours: names of the labels.
    """
    spacing = max(len(strip.rows) for strip in strips) + 0.6
    is_long = len(strips) > 3
    height = len(strips) * spacing * (0.17 if is_long else 0.34)
    total = height + 0.7 + 0.25 * -(-(len(behaviours) + 1) // _LEGEND_COLUMNS)
    left = min(0.45, 0.075 + 0.0055 * max(len(strip.id) for strip in strips))
    figure = Figure(figsize=(11, total), dpi=DPI)
    axes = figure.add_axes((left, 0.55 / total, 0.985 - left, height / total))
    ticks, names = [], []
    longest = max(len(labels) / strip.frame_rate for strip in strips for labels in strip.rows.values())
    seconds_per_unit, unit = (60.0, "min") if longest > 180 else (1.0, "s")
    for i, strip in enumerate(strips):
        for j, (name, labels) in enumerate(strip.rows.items()):
            y = i * spacing + j
            _draw_strip(axes, labels, behaviours, strip.frame_rate * seconds_per_unit, y)
            ticks.append(y)
            names.append(f"{strip.id}  {name}" if j == 0 else name)
    axes.set(yticks=ticks, yticklabels=names, xlabel=f"time ({unit})", xlim=(0, longest / seconds_per_unit))
    axes.set_ylim(len(strips) * spacing - 1.0, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=7 if is_long else 9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    shown = any((labels == UNSCORED).any() for strip in strips for labels in strip.rows.values())
    figure.legend(
        handles=_legend(behaviours, shown),
        loc="upper left",
        bbox_to_anchor=(left - 0.015, 1.0),
        ncols=_LEGEND_COLUMNS,
        frameon=False,
        fontsize=9,
    )
    return save(figure, path)


def _draw_strip(axes: Axes, labels: np.ndarray, behaviours: Sequence[str], rate: float, y: float) -> None:
    """One row; ``rate`` is in frames per unit of the time axis."""
    palette = np.array([to_rgb(colour) for colour, _ in [*styles(behaviours), (UNSCORED_COLOUR, "")]])
    # Drawn as an image and not as thousands of boxes; each pixel shows the label at its middle.
    pixels = min(len(labels), 6000)
    sampled = labels[((np.arange(pixels) + 0.5) * len(labels) / pixels).astype(int)]
    extent = (0.0, len(labels) / rate, y + 0.46, y - 0.46)
    axes.imshow(palette[sampled][None], aspect="auto", interpolation="nearest", extent=extent)
    hatches = {name: hatch for name, (_, hatch) in zip(behaviours, styles(behaviours), strict=True) if hatch}
    for bout in Labels(tuple(behaviours), labels).bouts() if hatches else []:
        if hatch := hatches.get(bout.behaviour):
            run = (bout.start / rate, (bout.stop - bout.start) / rate)
            axes.broken_barh([run], (y - 0.46, 0.92), facecolor="none", hatch=hatch, edgecolor="black", lw=0)


def _legend(behaviours: Sequence[str], with_unscored: bool) -> list[Patch]:
    handles = [
        Patch(facecolor=colour, hatch=hatch, label=name, edgecolor="black", lw=0.3)
        for name, (colour, hatch) in zip(behaviours, styles(behaviours), strict=True)
    ]
    return handles + [Patch(facecolor=UNSCORED_COLOUR, label="unscored", edgecolor="black", lw=0.3)] * with_unscored
