"""A picture of a simulated recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.plots.style import save, styles
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.mice import HEIGHT, WIDTH

_SHOWN_S = 120
# Dark and blue, as none of the behaviours has these colours.
_RESIDENT, _INTRUDER = "#222222", "#0072B2"
_GHOSTS = ((0.2, -12), (0.45, -6), (1.0, 0))
"""Opacity and frames relative to the middle of the bout: two faint earlier postures show the movement."""


def simulated_picture(path: Path, recording: Recording) -> Path:
    """Draw the mice in a bout of each behaviour, and labels, speeds and distance over two minutes.

    Args:
        path: picture file to write.
        recording: recording of ``simulate_recordings``.
    """
    figure = Figure(figsize=(13, 7), dpi=110, layout="constrained")
    grid = figure.add_gridspec(4, len(BEHAVIOURS), height_ratios=(3, 0.3, 1.4, 1.4))
    for column, behaviour in enumerate(BEHAVIOURS):
        _draw_mice(figure.add_subplot(grid[0, column]), recording, behaviour)
    span = _liveliest_span(recording)
    rows = [figure.add_subplot(grid[row, :]) for row in (1, 2, 3)]
    _draw_labels(rows[0], recording, span)
    _draw_series(rows[1], rows[2], recording, span)
    figure.suptitle(f"{recording.id}: simulated resident (dark) and intruder (blue)")
    return save(figure, path)


def _draw_mice(axes: Axes, recording: Recording, behaviour: str) -> None:
    """The mice in the middle of the longest bout of the behaviour, after two earlier postures."""
    bouts = [bout for bout in recording.labels[CHANNEL].bouts() if bout.behaviour == behaviour]
    axes.set(title=behaviour, xlim=(0, WIDTH), ylim=(HEIGHT, 0), aspect="equal", xticks=[], yticks=[])
    if not bouts:
        axes.text(WIDTH / 2, HEIGHT / 2, "not in this video", ha="center", va="center", color="0.5")
        return
    bout = max(bouts, key=lambda bout: bout.stop - bout.start)
    middle = (bout.start + bout.stop) // 2
    names = recording.skeleton.keypoints
    for alpha, lag in _GHOSTS:
        frame = max(bout.start, middle + lag)
        for mouse, colour in zip(recording.positions[frame], (_RESIDENT, _INTRUDER), strict=True):
            for edge in recording.skeleton.edges:
                ends = mouse[[names.index(name) for name in edge]]
                axes.plot(ends[:, 0], ends[:, 1], color=colour, alpha=alpha, lw=1.2)
            axes.plot(*mouse[names.index("nose")], ".", color=colour, alpha=alpha, ms=5)
    _zoom(axes, recording.positions[middle])


def _zoom(axes: Axes, positions: np.ndarray) -> None:
    """Show the part of the arena with both mice (mouse, keypoint, 2), in the arena's proportions."""
    seen = positions[np.isfinite(positions[..., 0])]
    if len(seen):
        (left, top), (right, bottom) = seen.min(0), seen.max(0)
        half = max(160.0, 60 + (bottom - top) / 2, (60 + (right - left) / 2) * HEIGHT / WIDTH)
        x, y, half_width = (left + right) / 2, (top + bottom) / 2, half * WIDTH / HEIGHT
        axes.set(xlim=(x - half_width, x + half_width), ylim=(y + half, y - half))


def _liveliest_span(recording: Recording) -> slice:
    """The two minutes with the most behaviours, then the most bouts."""
    values, length = recording.labels[CHANNEL].values, int(_SHOWN_S * recording.frame_rate)
    starts = range(0, max(1, len(values) - length + 1), 300)

    def liveliness(start: int) -> tuple[int, int]:
        span = values[start : start + length]
        return len(np.unique(span)), int(np.count_nonzero(np.diff(span)))

    start = max(starts, key=liveliness)
    return slice(start, start + length)


def _draw_labels(axes: Axes, recording: Recording, span: slice) -> None:
    labels = Labels(BEHAVIOURS, recording.labels[CHANNEL].values[span])
    for name, (colour, _) in zip(BEHAVIOURS, styles(BEHAVIOURS), strict=True):
        bouts = [(bout.start, bout.stop - bout.start) for bout in labels.bouts() if bout.behaviour == name]
        axes.broken_barh(bouts, (0, 1), color=colour, lw=0, label=name)
    axes.set(xlim=(0, len(labels.values)), ylim=(0, 1), xticks=[], yticks=[])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(BEHAVIOURS), fontsize=9, frameon=False)


def _draw_series(speeds_axes: Axes, distance_axes: Axes, recording: Recording, span: slice) -> None:
    """Speeds of both mice over a fifth of a second, and the distance between their necks."""
    rate = recording.frame_rate
    neck = recording.positions[span, :, recording.skeleton.keypoints.index("neck")]
    seconds = np.arange(len(neck)) / rate
    speeds = np.full(neck.shape[:2], np.nan)
    speeds[3:-3] = np.linalg.norm(neck[6:] - neck[:-6], axis=-1) * rate / 6
    for mouse, colour in enumerate((_RESIDENT, _INTRUDER)):
        speeds_axes.plot(seconds, speeds[:, mouse], color=colour, lw=0.9)
    distance_axes.plot(seconds, np.linalg.norm(neck[:, 0] - neck[:, 1], axis=-1), color="black", lw=1.1)
    speeds_axes.set(ylabel="speed (px/s)", ylim=(0, 900), xlim=(0, len(neck) / rate))
    distance_axes.set(ylabel="neck to neck (px)", xlabel="time (s)", ylim=(0, 900), xlim=(0, len(neck) / rate))
    for axes in (speeds_axes, distance_axes):
        axes.spines[["top", "right"]].set_visible(False)
