"""Where the suggested clips lie: in time, and among all clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ssl_behavior.active_learning.output import SUGGESTED, Suggestion
from ssl_behavior.errors import natural
from ssl_behavior.plots.style import save, styles

_LABELLED, _FREE = "#8C8C8C", "#EFEFEF"
_DPI, _HEIGHT = 150, 0.5


def suggestions_picture(
    path: Path,
    suggestions: Sequence[Suggestion],
    labelled: Mapping[str, np.ndarray],
    rates: Mapping[str, float],
    places: np.ndarray,
    marks: Sequence[int],
) -> Path:
    """Draw each video's time with its suggestions, and beside it the map of all clips.

    Args:
        path: a picture file.
        suggestions: in order.
        labelled: video id -> (frame,) bool, whether it is labelled.
        rates: video id -> Hz of the recording.
        places: (clip, 2) principal components of the clips' embeddings; those of the candidates come first.
        marks: places of the suggestions among the clips, in order.
    """
    videos = sorted({one.video for one in suggestions}, key=natural)
    names = list(dict.fromkeys(one.label or SUGGESTED for one in suggestions))
    colours = {name: colour for name, (colour, _) in zip(names, styles(names), strict=True)}
    figure = Figure(figsize=(12, max(3.5, 1.2 + 0.28 * len(videos))), dpi=_DPI, layout="constrained")
    times, clips = figure.subplots(1, 2, width_ratios=(1.7, 1))
    for row, video in enumerate(videos):
        _draw_video(times, row, labelled[video], rates[video])
    for one in suggestions:
        start, long = one.start_frame / rates[one.video] / 60, one.seconds / 60
        row, colour = videos.index(one.video), colours[one.label or SUGGESTED]
        times.broken_barh([(start, long)], (row, _HEIGHT), color=colour)
        times.text(start + long / 2, row - 0.04, str(one.rank), ha="center", va="bottom", fontsize=7)
    middles = np.arange(len(videos)) + _HEIGHT / 2
    times.set(yticks=middles, yticklabels=videos, xlabel="time (min)", ylim=(len(videos) - 0.3, -0.6))
    times.spines[["top", "right", "left"]].set_visible(False)
    times.tick_params(axis="y", length=0, labelsize=8)
    handles = [Patch(color=colours[name], label=name) for name in names]
    handles += [Patch(color=_LABELLED, label="labelled already"), Patch(color=_FREE, label="not labelled")]
    times.legend(handles=handles, frameon=False, fontsize=8, ncols=5, loc="lower left", bbox_to_anchor=(0, 1))
    clips.scatter(*places.T, s=4, color="#C8C8C8", lw=0, rasterized=True)
    for one, mark in zip(suggestions, marks, strict=True):
        clips.scatter(*places[mark], s=26, color=colours[one.label or SUGGESTED], edgecolor="black", lw=0.5)
        clips.annotate(str(one.rank), places[mark], xytext=(3, 3), textcoords="offset points", fontsize=7)
    clips.set_title("all clips by their embedding (two principal components)", fontsize=9)
    clips.set_axis_off()
    return save(figure, path)


def _draw_video(axes: Axes, row: int, labelled: np.ndarray, rate: float) -> None:
    per_minute = rate * 60
    edges = np.flatnonzero(np.diff(np.concatenate([[False], labelled, [False]]).astype(np.int8)))
    axes.broken_barh([(0, len(labelled) / per_minute)], (row, _HEIGHT), color=_FREE)
    spans = [(start / per_minute, (stop - start) / per_minute) for start, stop in edges.reshape(-1, 2)]
    axes.broken_barh(spans, (row, _HEIGHT), color=_LABELLED)
