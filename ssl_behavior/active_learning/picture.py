"""A picture of the suggested clips: their place in time, and their place among all clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ssl_behavior.active_learning.output import SUGGESTED, Suggestion
from ssl_behavior.errors import natural_key
from ssl_behavior.plots.style import UNSCORED_COLOUR, save, styles

_LABELLED = "black"
_DPI, _ROW_HEIGHT = 150, 0.5


def suggestions_picture(
    path: Path,
    suggestions: Sequence[Suggestion],
    is_labelled: Mapping[str, np.ndarray],
    rates: Mapping[str, float],
    components: np.ndarray,
    chosen: Sequence[int],
    behaviours: Sequence[str],
) -> Path:
    """Draw the suggestions on the time line of each video, and beside it a map of all clips.

    Args:
        path: picture file to write.
        suggestions: suggestions in order of rank.
        is_labelled: video id -> (frame,) bool.
        rates: video id -> frame rate of the recording in Hz.
        components: (clip, 2) principal components of the clips' embeddings, those of the candidates first.
        chosen: index of each suggestion's clip, in order of rank.
        behaviours: all behaviours that a suggestion can have, in the order of the predictions, so that each has the
            same colour as in the pictures of the predictions.
    """
    videos = sorted({suggestion.video for suggestion in suggestions}, key=natural_key)
    names = list(dict.fromkeys(suggestion.label or SUGGESTED for suggestion in suggestions))
    looks = dict(zip(behaviours, styles(behaviours), strict=True))
    figure = Figure(figsize=(12, max(3.5, 1.2 + 0.28 * len(videos))), dpi=_DPI, layout="constrained")
    time_axes, map_axes = figure.subplots(1, 2, width_ratios=(1.7, 1))
    for row, video in enumerate(videos):
        _draw_video(time_axes, row, is_labelled[video], rates[video])
    for suggestion in suggestions:
        start, length = suggestion.start_frame / rates[suggestion.video] / 60, suggestion.seconds / 60
        row, (colour, hatch) = videos.index(suggestion.video), looks[suggestion.label or SUGGESTED]
        time_axes.broken_barh([(start, length)], (row, _ROW_HEIGHT), facecolor=colour, hatch=hatch, lw=0)
        time_axes.text(start + length / 2, row - 0.04, str(suggestion.rank), ha="center", va="bottom", fontsize=7)
    middles = np.arange(len(videos)) + _ROW_HEIGHT / 2
    time_axes.set(yticks=middles, yticklabels=videos, xlabel="time (min)", ylim=(len(videos) - 0.3, -0.6))
    time_axes.spines[["top", "right", "left"]].set_visible(False)
    time_axes.tick_params(axis="y", length=0, labelsize=8)
    handles = [Patch(facecolor=looks[name][0], hatch=looks[name][1], label=name, lw=0) for name in names]
    handles += [Patch(color=_LABELLED, label="labelled already"), Patch(color=UNSCORED_COLOUR, label="not labelled")]
    time_axes.legend(handles=handles, frameon=False, fontsize=8, ncols=5, loc="lower left", bbox_to_anchor=(0, 1))
    map_axes.scatter(*components.T, s=4, color="#C8C8C8", lw=0, rasterized=True)
    for suggestion, clip in zip(suggestions, chosen, strict=True):
        colour, _ = looks[suggestion.label or SUGGESTED]
        map_axes.scatter(*components[clip], s=26, color=colour, edgecolor="black", lw=0.5)
        map_axes.annotate(str(suggestion.rank), components[clip], xytext=(3, 3), textcoords="offset points", fontsize=7)
    map_axes.set_title("all clips by their embedding (two principal components)", fontsize=9)
    map_axes.set_axis_off()
    return save(figure, path)


def _draw_video(axes: Axes, row: int, is_labelled: np.ndarray, rate: float) -> None:
    """Draw the time line of a video with its labelled stretches."""
    per_minute = rate * 60
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_labelled, [False]]).astype(np.int8)))
    axes.broken_barh([(0, len(is_labelled) / per_minute)], (row, _ROW_HEIGHT), color=UNSCORED_COLOUR)
    spans = [(start / per_minute, (stop - start) / per_minute) for start, stop in edges.reshape(-1, 2)]
    axes.broken_barh(spans, (row, _ROW_HEIGHT), color=_LABELLED)
