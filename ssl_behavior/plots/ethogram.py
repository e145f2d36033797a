"""Ethograms: the labels of videos as coloured strips over time, in colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.plots.strips import LabelSource, Strip, strips_of
from ssl_behavior.plots.style import DPI, UNSCORED_COLOUR, Picture, styles, without_formulas
from ssl_behavior.recordings.labels import UNSCORED, Labels

_LEGEND_COLUMNS = 6
_MANY = 3
"""Videos in one figure; of more, each row is drawn half as high."""


@check_arguments
def ethogram(
    source: LabelSource | Mapping[str, LabelSource] | Sequence[Strip],
    behaviours: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the labels of videos as coloured strips over time, the rows of a video under each other.

    Args:
        source: recordings with labels, which get a row per channel; a table of ``FinetunedModel.predict`` or
            ``sb.frame_table``; several of these by name, to be compared; or a ``Strip`` per video.
        behaviours: names in the order of their colours, so that several figures agree; by default as they come. Strips
            need them, as their labels are indices into these names.
        ax: axes to draw into; a new figure if None.

    Returns:
        The figure. A notebook shows it where it ends a cell; ``figure.savefig("ethogram.png")`` writes it.

    Raises:
        InputError: there are no labels to draw.

    Examples:
        >>> recordings = sb.read_recordings("tracks")
        >>> predicted = sb.load_model("model").predict(recordings)
        >>> figure = sb.plots.ethogram({"truth": recordings, "predicted": predicted})
    """
    strips, names = strips_of(source, behaviours)
    shows_unscored = any((labels == UNSCORED).any() for strip in strips for labels in strip.rows.values())
    handles = _legend(names, shows_unscored)
    if ax is None:
        ax = _new_axes(strips, names, handles)
    else:
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=8)
    _draw_strips(ax, strips, names)
    figure = ax.figure.figure
    without_formulas(figure)
    return figure


def _new_axes(strips: Sequence[Strip], behaviours: Sequence[str], handles: Sequence[Patch]) -> Axes:
    """The axes of a new figure that has room for the strips, their names and the legend."""
    height = len(strips) * _spacing(strips) * (0.17 if len(strips) > _MANY else 0.34)
    legend_rows = -(-(len(behaviours) + 1) // _LEGEND_COLUMNS)  # one entry more, for frames that nobody scored
    total = height + 0.7 + 0.25 * legend_rows
    left = min(0.45, 0.075 + 0.0055 * max(len(strip.id) for strip in strips))
    figure = Picture(figsize=(11, total), dpi=DPI)
    axes = figure.add_axes((left, 0.55 / total, 0.985 - left, height / total))
    figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=(left - 0.015, 1.0),
        ncols=_LEGEND_COLUMNS,
        frameon=False,
        fontsize=9,
    )
    return axes


def _spacing(strips: Sequence[Strip]) -> float:
    """Rows from one video to the next."""
    return max(len(strip.rows) for strip in strips) + 0.6


def _draw_strips(axes: Axes, strips: Sequence[Strip], behaviours: Sequence[str]) -> None:
    ticks, names, spacing = [], [], _spacing(strips)
    longest = max(len(labels) / strip.frame_rate for strip in strips for labels in strip.rows.values())
    seconds_per_unit, unit = (60.0, "min") if longest > 180 else (1.0, "s")
    for i, strip in enumerate(strips):
        for j, (name, labels) in enumerate(strip.rows.items()):
            y = i * spacing + j
            _draw_row(axes, labels, behaviours, strip.frame_rate * seconds_per_unit, y)
            ticks.append(y)
            names.append(f"{strip.id}  {name}" if j == 0 else name)
    axes.set(yticks=ticks, yticklabels=names, xlabel=f"time ({unit})", xlim=(0, longest / seconds_per_unit))
    axes.set_ylim(len(strips) * spacing - 1.0, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=7 if len(strips) > _MANY else 9)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_row(axes: Axes, labels: np.ndarray, behaviours: Sequence[str], rate: float, y: float) -> None:
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
