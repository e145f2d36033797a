"""Pictures: ethograms, confusions and training curves, in colours that the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text

from ssl_behavior.outputs import replacing
from ssl_behavior.recordings import UNSCORED, Labels

# Okabe and Ito 2008, "Color Universal Design", with its green darkened, so that the first three differ in lightness.
_COLOURS = ("#D55E00", "#56B4E9", "#005B45", "#F0E442", "#0072B2", "#CC79A7", "#E69F00")
# Paul Tol's "muted" scheme, then his "light" one (https://personal.sron.nl/~pault): the colour-blind can tell nine
# apart; beyond them there is the number that stands on the map.
_CLUSTER_COLOURS = (
    *("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499"),
    *("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#BBCC33", "#AAAA00"),
)
_NOISE = "#D0D0D0"
_HATCHES = ("", "////", "....", "xxxx", "++++", "oo")
_OTHER = "#BDBDBD"
_UNSCORED = "#F4F4F4"
_LEGEND_COLUMNS = 6
DPI = 150


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


def styles(behaviours: Sequence[str]) -> list[tuple[str, str]]:
    """(colour, hatch) per behaviour; ``other`` is grey. Colours repeat after seven, told apart by hatching."""
    found = []
    for place, name in enumerate(name for name in behaviours if name.lower() != "other"):
        found.append((name, (_COLOURS[place % len(_COLOURS)], _HATCHES[place // len(_COLOURS) % len(_HATCHES)])))
    known = dict(found)
    return [known.get(name, (_OTHER, "")) for name in behaviours]


def cluster_colours(count: int) -> list[str]:
    """A colour per cluster, repeated after sixteen, and at last (at -1) that of noise."""
    return [_CLUSTER_COLOURS[number % len(_CLUSTER_COLOURS)] for number in range(count)] + [_NOISE]


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
    path: str | Path, curves: Mapping[str, Sequence[tuple[float, float]]], x_label: str = "step", columns: int = 3
) -> Path:
    """Draw training curves, one panel per name; names that differ after a ``/`` only share a panel ("loss/train").

    Args:
        path: a picture file.
        curves: name -> (x, value) points; values that are not finite leave a gap.
        x_label: what x is.
        columns: panels beside each other.
    """
    panels: dict[str, dict[str, Sequence[tuple[float, float]]]] = {}
    for name, points in curves.items():
        panel, _, line = name.partition("/")
        panels.setdefault(panel, {})[line] = points
    columns = max(1, min(columns, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(4.0 * columns, 2.8 * rows), dpi=DPI, layout="constrained")
    for place, (panel, lines) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        for (line, points), colour in zip(lines.items(), _COLOURS * len(lines), strict=False):
            x, y = np.array(points, np.float64).reshape(-1, 2).T
            axes.plot(
                x, np.where(np.isfinite(y), y, np.nan), color=colour, lw=1.4, label=line, marker="." * (len(x) == 1)
            )
        axes.set_title(panel, fontsize=10, loc="left")
        axes.set_xlabel(x_label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3, lw=0.5)
        if any(lines):
            axes.legend(frameon=False, fontsize=8)
    return save(figure, path)


def _draw_strip(axes: Axes, labels: np.ndarray, behaviours: Sequence[str], rate: float, y: float) -> None:
    """One row; ``rate`` is in frames per unit of the time axis."""
    palette = np.array([to_rgb(colour) for colour, _ in [*styles(behaviours), (_UNSCORED, "")]])
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
    return handles + [Patch(facecolor=_UNSCORED, label="unscored", edgecolor="black", lw=0.3)] * with_unscored


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure, whose suffix says the format, without pyplot: no window, no state shared with a notebook."""
    path = Path(path)
    FigureCanvasAgg(figure)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # of names, which dollars and backslashes make no formulas
    options: dict[str, Any] = {"metadata": {"Software": None}} if path.suffix == ".png" else {}
    with replacing(path) as aside:
        figure.savefig(aside, format=path.suffix.removeprefix("."), **options)
    return path
