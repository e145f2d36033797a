"""A picture of a suspicious recording: where the animals go, what their bodies look like, and how the labels lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_behavior.plots.style import DPI, INDIVIDUAL_COLOURS, save
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.label_shifts import LONGEST_S, explained_by_shift
from ssl_behavior.quality.rules import Suspicion

_AROUND_S = 2.0
"""Seconds before and after a suspicious frame that are drawn enlarged."""
_LINE = "#BDBDBD"


def suspicions_picture(
    path: Path,
    suspicions: Sequence[Suspicion],
    poses: Poses,
    landmarks: Sequence[str],
    labels: np.ndarray | None = None,
) -> Path:
    """Draw a recording with the evidence for its suspicions.

    Args:
        path: picture file to write.
        suspicions: suspicions of this recording, at least one.
        poses: the prepared recording.
        landmarks: landmarks that it was prepared with.
        labels: (time,) labels at the frames of the poses, -1 where unscored; None if there are none.
    """
    figure = Figure(figsize=(13, 6.4 + 0.3 * len(suspicions)), dpi=DPI, layout="constrained")
    lines = [f"{suspicion.kind}: {suspicion.evidence}" for suspicion in suspicions]
    figure.suptitle("\n".join([f"video {poses.id}", *lines]), fontsize=9)
    top, bottom = figure.subplots(2, 3)
    frames = sorted({frame for suspicion in suspicions for frame in suspicion.frames})
    for axis, axes in enumerate(top[:2]):
        _draw_over_time(axes, poses, axis, frames)
    _draw_paths(top[2], poses)
    for axis, axes in enumerate(bottom[:2]):
        _draw_around(axes, poses, axis, frames)
    if labels is not None:
        _draw_shifts(bottom[2], poses, labels)
    else:
        _draw_body(bottom[2], poses, landmarks)
    return save(figure, path)


def _centres(poses: Poses) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, colour and (time, 2) centre of each individual, in the recording's unit."""
    centres = poses.centre.swapaxes(0, 1) * poses.body_length
    for i, (name, centre) in enumerate(zip(poses.individuals, centres, strict=True)):
        yield name, INDIVIDUAL_COLOURS[i % len(INDIVIDUAL_COLOURS)], centre


def _draw_over_time(axes: Axes, poses: Poses, axis: int, frames: Sequence[int]) -> None:
    """One coordinate of each animal over the whole recording, with a line at each suspicious frame."""
    minutes = poses.native_frames / poses.native_rate / 60
    for name, colour, centre in _centres(poses):
        axes.plot(minutes, centre[:, axis], color=colour, lw=0.5, label=name)
    for frame in frames:
        axes.axvline(frame / poses.native_rate / 60, color="black", lw=0.6)
    axes.set(xlabel="time (min)", ylabel=f"{'xy'[axis]} of the centre")
    _simplify(axes)
    if axis == 0:
        # Above the axes, as the lines fill all of it.
        axes.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)


def _draw_around(axes: Axes, poses: Poses, axis: int, frames: Sequence[int]) -> None:
    """The same around the first suspicious frame, or around the middle if there is none."""
    frame = frames[0] if frames else int(poses.native_frames[len(poses.native_frames) // 2])
    at, reach = int(np.searchsorted(poses.native_frames, frame)), round(_AROUND_S * poses.frame_rate)
    span = slice(max(0, at - reach), at + reach + 1)
    for _, colour, centre in _centres(poses):
        axes.plot(poses.native_frames[span], centre[span, axis], ".-", color=colour, lw=0.8, ms=3)
    if frames:
        axes.axvline(frame, color="black", lw=0.6)
    axes.set(xlabel="frame", ylabel=f"{'xy'[axis]} of the centre")
    _simplify(axes)


def _draw_paths(axes: Axes, poses: Poses) -> None:
    """The path of each animal, with y down as in the image."""
    for _, colour, centre in _centres(poses):
        axes.plot(centre[:, 0], centre[:, 1], color=colour, lw=0.3)
    axes.set(xlabel="x", ylabel="y")
    axes.set_aspect("equal")
    axes.invert_yaxis()
    _simplify(axes)


def _draw_body(axes: Axes, poses: Poses, landmarks: Sequence[str]) -> None:
    """The median body, with its head up and its left where an image from above shows it."""
    ahead = poses.heading[:, :, None]
    offsets = poses.positions - poses.centre[:, :, None]
    up, left = (offsets * ahead).sum(-1), offsets[..., 0] * ahead[..., 1] - offsets[..., 1] * ahead[..., 0]
    is_seen = ~np.isnan(up).all((0, 1))
    # A landmark that is never seen would make nanmedian warn.
    x, y = (
        np.where(is_seen, np.nanmedian(np.where(is_seen, values, 0.0), axis=(0, 1)), np.nan) for values in (-left, up)
    )
    for edge in edges(landmarks):
        axes.plot(x[list(edge)], y[list(edge)], color=_LINE, lw=1)
    axes.plot(x, y, "o", color="black", ms=3)
    for name, *position in zip(landmarks, x, y, strict=True):
        if np.isfinite(position).all():
            axes.annotate(name, tuple(position), fontsize=6, xytext=(3, 2), textcoords="offset points")
    axes.set(xlabel="to the right (body lengths)", ylabel="to the front")
    axes.set_aspect("equal")
    _simplify(axes)


def _draw_shifts(axes: Axes, poses: Poses, labels: np.ndarray) -> None:
    """The share of the movement that labels explain, over their shift."""
    explained = explained_by_shift(poses, labels)[::-1]
    axes.plot(np.linspace(-LONGEST_S, LONGEST_S, len(explained)), explained, color="black", lw=1)
    axes.axvline(0, color=_LINE, lw=0.8)
    axes.set(xlabel="delay of the labels (s)", ylabel="explained variance of the movement")
    _simplify(axes)


def _simplify(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
