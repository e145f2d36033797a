"""An exchange of two animals, before and after its repair: where they go, and how they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from ssl_behavior.plots.skeleton import draw_body, edges_of
from ssl_behavior.plots.style import INDIVIDUAL_COLOURS, Picture, save
from ssl_behavior.recordings.recording import Recording

_AROUND_S = 1.5
_DPI = 80
_PALE = 0.35


def exchange_picture(
    path: Path, title: str, before: Recording, after: Recording, pair: tuple[int, int], start: int, stop: int | None
) -> Path:
    """Draw two animals around an exchange, in the upper row as in the file and in the lower row repaired.

    Args:
        path: picture file to write.
        title: a line above.
        before: the recording as in its file.
        after: the repaired recording.
        pair: the two animals.
        start: first frame of the exchange.
        stop: the frame after the last; None if it lasts to the end.
    """
    reach = max(1, round(_AROUND_S * before.frame_rate))
    ends = [start, *([] if stop is None else [stop])]
    span = slice(max(0, start - reach), min(before.frames, ends[-1] + reach))
    figure = Picture(figsize=(11, 5.6), dpi=_DPI, layout="constrained")
    figure.suptitle(title, fontsize=9)
    rows = figure.subplots(2, 3, sharex="col", sharey="col")
    for (x, y, bodies), recording, name in zip(rows, (before, after), ("in the file", "repaired"), strict=True):
        for axes, axis in ((x, 0), (y, 1)):
            _draw_paths(axes, recording, pair, span, axis)
            for end in ends:
                axes.axvline(end - 0.5, color="black", lw=0.6)
        x.set_ylabel(f"{name}\nx ({before.unit})")
        y.set_ylabel(f"y ({before.unit})")
        _draw_bodies(bodies, recording, pair, span, start)
    for axes in rows[1, :2]:
        axes.set_xlabel("frame")
    rows[0, 0].legend(frameon=False, fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    rows[0, 2].invert_yaxis()
    rows[0, 2].set_title("last poses before (pale) and first ones after", fontsize=8)
    return save(figure, path)


def _draw_paths(axes: Axes, recording: Recording, pair: tuple[int, int], span: slice, axis: int) -> None:
    """One coordinate of the animals' centres over time."""
    frames = np.arange(span.start, span.stop)
    for animal, colour in zip(pair, INDIVIDUAL_COLOURS, strict=False):
        points = recording.positions[span, animal, :, axis]
        is_seen = np.isfinite(points)
        with np.errstate(invalid="ignore"):
            centre = np.where(is_seen, points, 0).sum(1) / is_seen.sum(1)
        axes.plot(frames, centre, ".-", color=colour, lw=0.8, ms=3, label=recording.individuals[animal])
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bodies(axes: Axes, recording: Recording, pair: tuple[int, int], span: slice, start: int) -> None:
    """Each animal's last pose before the exchange, pale, and its first one after."""
    joined = edges_of(recording.skeleton)
    for animal, colour in zip(pair, INDIVIDUAL_COLOURS, strict=False):
        poses = recording.positions[:, animal, :, :2]
        is_seen = np.isfinite(poses[span]).all(2).any(1)
        seen = np.flatnonzero(is_seen) + span.start
        for frames, alpha in ((seen[seen < start][-1:], _PALE), (seen[seen >= start][:1], 1.0)):
            for frame in frames:
                drawn = len(axes.lines)
                draw_body(axes, poses[frame], joined, colour)
                axes.plot(*poses[frame].T, "o", color=colour, ms=2)
                for line in axes.lines[drawn:]:
                    line.set_alpha(alpha)
    axes.set_aspect("equal", adjustable="box")
    axes.spines[["top", "right"]].set_visible(False)
