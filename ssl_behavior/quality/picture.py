"""A picture of a recording to judge a suspicion by: where the animals go, and what their bodies look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_behavior.plots.style import DPI, save
from ssl_behavior.poses.landmarks import edges
from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.label_shifts import LONGEST_S, told_by_shift
from ssl_behavior.quality.suspicions import Suspicion

_AROUND_S = 2.0
_COLOURS = ("#0072B2", "#D55E00", "#005B45", "#CC79A7", "#E69F00", "#56B4E9")


def picture(
    path: Path, found: Sequence[Suspicion], poses: Poses, landmarks: Sequence[str], labels: np.ndarray | None = None
) -> Path:
    """Draw a recording of which something is suspected.

    Args:
        path: a picture file.
        found: what is suspected of it, at least one.
        poses: of the recording.
        landmarks: that it was prepared with.
        labels: (time,) at the poses' frames, if there are any.
    """
    figure = Figure(figsize=(13, 6.4 + 0.3 * len(found)), dpi=DPI, layout="constrained")
    figure.suptitle("\n".join([f"video {poses.id}", *(f"{one.kind}: {one.told}" for one in found)]), fontsize=9)
    top, bottom = figure.subplots(2, 3)
    marked = sorted({frame for one in found for frame in one.frames})
    for axis, axes in enumerate(top[:2]):
        _over_time(axes, poses, axis, marked)
    _paths(top[2], poses)
    for axis, axes in enumerate(bottom[:2]):
        _around(axes, poses, axis, marked)
    if labels is not None and len(poses.individuals) > 1:
        _shifts(bottom[2], poses, labels)
    else:
        _body(bottom[2], poses, landmarks)
    return save(figure, path)


def _over_time(axes: Axes, poses: Poses, axis: int, marked: Sequence[int]) -> None:
    """A coordinate of everybody over the whole recording."""
    minutes = poses.native_frames / poses.native_rate / 60
    for name, colour, one in zip(poses.individuals, _COLOURS * 9, poses.centre.swapaxes(0, 1), strict=False):
        axes.plot(minutes, one[:, axis] * poses.body_length, color=colour, lw=0.5, label=name)
    for frame in marked:
        axes.axvline(frame / poses.native_rate / 60, color="black", lw=0.6)
    axes.set(xlabel="time (min)", ylabel=f"{'xy'[axis]} of the centre")
    _plain(axes)
    if axis == 0:
        axes.legend(frameon=False, fontsize=7)


def _around(axes: Axes, poses: Poses, axis: int, marked: Sequence[int]) -> None:
    """The same around the first suspicious frame, or around the middle."""
    frame = marked[0] if marked else int(poses.native_frames[len(poses.native_frames) // 2])
    at, reach = int(np.searchsorted(poses.native_frames, frame)), round(_AROUND_S * poses.frame_rate)
    part = slice(max(0, at - reach), at + reach + 1)
    for colour, one in zip(_COLOURS * 9, poses.centre.swapaxes(0, 1), strict=False):
        axes.plot(poses.native_frames[part], one[part, axis] * poses.body_length, ".-", color=colour, lw=0.8, ms=3)
    if marked:
        axes.axvline(frame, color="black", lw=0.6)
    axes.set(xlabel="frame", ylabel=f"{'xy'[axis]} of the centre")
    _plain(axes)


def _paths(axes: Axes, poses: Poses) -> None:
    """Where everybody goes, as in the image: y down."""
    for colour, one in zip(_COLOURS * 9, poses.centre.swapaxes(0, 1) * poses.body_length, strict=False):
        axes.plot(one[:, 0], one[:, 1], color=colour, lw=0.3)
    axes.set(xlabel="x", ylabel="y")
    axes.set_aspect("equal")
    axes.invert_yaxis()
    _plain(axes)


def _body(axes: Axes, poses: Poses, landmarks: Sequence[str]) -> None:
    """The median body, heading up, its left as an image from above shows it."""
    ahead = poses.heading[:, :, None]
    away = poses.positions - poses.centre[:, :, None]
    up, left = (away * ahead).sum(-1), away[..., 0] * ahead[..., 1] - away[..., 1] * ahead[..., 0]
    known = ~np.isnan(up).all((0, 1))
    x, y = (np.where(known, np.nanmedian(np.where(known, one, 0.0), axis=(0, 1)), np.nan) for one in (-left, up))
    for one, other in edges(landmarks):
        axes.plot(x[[one, other]], y[[one, other]], color="#BDBDBD", lw=1)
    axes.plot(x, y, "o", color="black", ms=3)
    for name, *place in zip(landmarks, x, y, strict=True):
        if np.isfinite(place).all():
            axes.annotate(name, tuple(place), fontsize=6, xytext=(3, 2), textcoords="offset points")
    axes.set(xlabel="to the right (body lengths)", ylabel="to the front")
    axes.set_aspect("equal")
    _plain(axes)


def _shifts(axes: Axes, poses: Poses, labels: np.ndarray) -> None:
    """How much labels tell of the kinematics if they are taken to come too late or too early."""
    told = told_by_shift(poses, labels)[::-1]
    axes.plot(np.linspace(-LONGEST_S, LONGEST_S, len(told)), told, color="black", lw=1)
    axes.axvline(0, color="#BDBDBD", lw=0.8)
    axes.set(xlabel="labels come too late by (s)", ylabel="told of the kinematics' variance")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
