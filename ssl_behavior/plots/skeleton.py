"""Animals as skeletons: keypoints joined by lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError
from ssl_behavior.formats.in_memory import RecordingLike, as_recordings
from ssl_behavior.plots.style import DPI, INDIVIDUAL_COLOURS, Picture, without_formulas
from ssl_behavior.poses.landmarks import edges as landmark_edges
from ssl_behavior.poses.landmarks import landmark_of
from ssl_behavior.recordings.skeleton import Skeleton


@check_arguments
def skeleton(recording: RecordingLike, frame: int, ax: Axes | None = None) -> Figure:
    """Draw the animals of one frame, as the camera saw them: y points down.

    Lines join the keypoints that the recording's skeleton joins, or else neighbours on the body, as far as the names of
    the keypoints say where they are.

    Args:
        recording: a ``Recording``, or a dataset of ``movement``. In three dimensions, x and y are drawn.
        frame: from 0.
        ax: axes to draw into; a new figure if None.

    Returns:
        The figure. A notebook shows it where it ends a cell.

    Raises:
        InputError: the recording has no such frame.

    Examples:
        >>> import matplotlib.pyplot as plt
        >>> recording = sb.read_recordings("tracks")[0]
        >>> figure, row = plt.subplots(1, 3, sharex=True, sharey=True)
        >>> for ax, frame in zip(row, (0, 30, 60)):
        ...     figure = sb.plots.skeleton(recording, frame, ax=ax)
    """
    shown, *others = as_recordings(recording)
    if others:
        raise InputError(f"expected one recording; found {1 + len(others)}: give one of them")
    if not 0 <= frame < shown.frames:
        raise InputError(f"recording {shown.id}: expected a frame from 0 to {shown.frames - 1}; found {frame}")
    if ax is None:
        ax = Picture(figsize=(5, 5), dpi=DPI, layout="constrained").add_subplot()
    joined = edges_of(shown.skeleton)
    colours = [INDIVIDUAL_COLOURS[number % len(INDIVIDUAL_COLOURS)] for number in range(len(shown.individuals))]
    for points, colour in zip(shown.positions[frame, ..., :2], colours, strict=True):
        draw_body(ax, points, joined, colour)
        ax.plot(*points.T, "o", color=colour, ms=3)
    handles = [
        Line2D([], [], color=colour, label=name) for name, colour in zip(shown.individuals, colours, strict=True)
    ]
    ax.legend(handles=handles, frameon=False, fontsize=8)
    ax.set(xlabel=f"x ({shown.unit})", ylabel=f"y ({shown.unit})")
    ax.set_title(f"{shown.id}, frame {frame} ({frame / shown.frame_rate:.2f} s)", fontsize=9)
    ax.set_aspect("equal")
    if not ax.yaxis_inverted():
        ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    figure = ax.figure.figure
    without_formulas(figure)
    return figure


def draw_body(axes: Axes, points: np.ndarray, edges: Sequence[tuple[int, int]], colour: str) -> None:
    """Draw one animal: lines between keypoints, and a dot on the first of them, mostly the nose.

    Args:
        axes: to draw into.
        points: (keypoint, 2), NaN where unseen.
        edges: pairs of keypoints' indices that are joined.
        colour: of lines and dot.
    """
    for edge in edges:
        axes.plot(*points[list(edge)].T, color=colour, lw=1.6, solid_capstyle="round")
    axes.plot(*points[0], "o", color=colour, ms=4)


def edges_of(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Pairs of indices of the keypoints that are drawn joined."""
    number = {name: place for place, name in enumerate(skeleton.keypoints)}
    if skeleton.edges:
        return [(number[start], number[stop]) for start, stop in skeleton.edges]
    return landmark_edges([landmark_of(name, skeleton) for name in skeleton.keypoints])
