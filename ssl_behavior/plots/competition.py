"""A picture of a simulated competition: the mice of each laboratory, their actions, and what the annotators wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ssl_behavior.plots.style import INDIVIDUAL_COLOURS, save, styles
from ssl_behavior.simulation.actions import ACTIONS
from ssl_behavior.simulation.annotators import Bout
from ssl_behavior.simulation.arena_video import ARENA_PIXELS_PER_CM
from ssl_behavior.simulation.competition import Simulated
from ssl_behavior.simulation.mice import HEIGHT, WIDTH

_SHOWN_S = 30.0
_TRAIL_S = 1.0
_OUTLINE = ("nose", "ear_left", "neck", "body_center", "hip_left", "tail_base", "hip_right", "ear_right", "nose")


def competition_picture(path: Path, examples: Sequence[Simulated]) -> Path:
    """Draw, for a video of each laboratory, the mice at one moment, and true and annotated actions over 30 seconds.

    Args:
        path: picture file to write.
        examples: a labelled video of each laboratory.
    """
    figure = Figure(figsize=(15, 2.6 * len(examples)), dpi=100, layout="constrained")
    grid = figure.add_gridspec(len(examples), 2, width_ratios=(1, 2.4))
    for row, example in enumerate(examples):
        _draw_mice(figure.add_subplot(grid[row, 0]), example)
        _draw_actions(figure.add_subplot(grid[row, 1]), example)
    names = _names(examples)
    handles = [
        Patch(facecolor=colour, hatch=hatch, lw=0, label=name)
        for name, (colour, hatch) in zip(names, styles(names), strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(names) // 2 + 1, fontsize=9, frameon=False)
    figure.suptitle("Simulated laboratories: pale above, the true actions; full below, the listed ones as annotated")
    return save(figure, path)


def _names(examples: Iterable[Simulated]) -> tuple[str, ...]:
    """All names of actions, those of the laboratories included."""
    own = {name for example in examples for name in example.laboratory.habits.names.values()}
    return (*ACTIONS, *sorted(own - set(ACTIONS)))


def _draw_mice(axes: Axes, example: Simulated) -> None:
    """The mice in the middle of the longest annotated bout of a pair, with the way of a second before."""
    laboratory, positions = example.laboratory, example.video.positions
    pairs = [bout for bout in example.annotated if bout.agent != bout.target]
    bout = max(pairs, key=lambda bout: bout.stop - bout.start, default=Bout(1, 2, "no listed bout", 0, 2))
    middle = (bout.start + bout.stop) // 2
    first = max(0, middle - int(_TRAIL_S * laboratory.frame_rate))
    anchor = laboratory.parts.index("tail_base")
    outline = [laboratory.parts.index(name) for name in _OUTLINE if name in laboratory.parts]
    for mouse in range(positions.shape[1]):
        colour = INDIVIDUAL_COLOURS[mouse % len(INDIVIDUAL_COLOURS)]
        axes.plot(*positions[first : middle + 1, mouse, anchor].T, color=colour, lw=0.8, alpha=0.5)
        axes.plot(*positions[middle, mouse, outline].T, color=colour, lw=1.2)
        axes.plot(*positions[middle, mouse].T, ".", color=colour, ms=3)
    scale = laboratory.pixels_per_cm / ARENA_PIXELS_PER_CM
    axes.set(xlim=(0, WIDTH * scale), ylim=(HEIGHT * scale, 0), aspect="equal", xticks=[], yticks=[])
    axes.set_title(
        f"{laboratory.name}: {laboratory.frame_rate:g} Hz, {laboratory.mice} mice, {len(laboratory.parts)} parts\n"
        f"{bout.action} of mouse{bout.agent} to mouse{bout.target}",
        fontsize=9,
    )


def _draw_actions(axes: Axes, example: Simulated) -> None:
    """One row per ordered pair and animal with listed actions."""
    rate = example.laboratory.frame_rate
    rows = sorted({(entry.agent, entry.target) for entry in example.listed}, key=lambda row: (row[0] == row[1], row))
    names = _names([example])
    looks = dict(zip(names, styles(names), strict=True))
    for height, (bouts, alpha) in enumerate(((example.video.bouts, 0.4), (example.annotated, 1.0))):
        for bout in bouts:
            if (bout.agent, bout.target) in rows and bout.start < _SHOWN_S * rate:
                row = rows.index((bout.agent, bout.target))
                colour, hatch = looks[bout.action]
                span = (bout.start / rate, (bout.stop - bout.start) / rate)
                axes.broken_barh([span], (row + 0.42 * height, 0.42), facecolor=colour, alpha=alpha, hatch=hatch, lw=0)
    ticks = [f"{agent} alone" if agent == target else f"{agent} to {target}" for agent, target in rows]
    axes.set(xlim=(0, _SHOWN_S), ylim=(len(rows), 0), xlabel="time (s)")
    axes.set_yticks(np.arange(len(rows)) + 0.42, ticks, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
