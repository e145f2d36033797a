"""Cleaning of positions: outliers, gaps, frame rate, and the centre and heading of every animal."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

# Distances that measure a body, and their length relative to that from head to tail base (medians of the mice of
# CalMS21). The first one that a recording has is taken.
_BODY_LENGTHS = (("head", "tail base", 1.0), ("neck", "tail base", 0.9), ("nose", "tail base", 1.35))
# Landmarks whose mean is the front, rear or centre of a body, best first.
_FRONT = (("head",), ("neck",), ("left ear", "right ear"), ("nose",), ("front spine",), ("centre",))
_REAR = (("tail base",), ("left hip", "right hip"), ("rear spine",), ("centre",))
_CENTRE = (
    ("centre",),
    ("neck", "tail base"),
    ("head", "tail base"),
    ("left hip", "right hip"),
    ("tail base",),
    ("head",),
)


def trunk_landmarks(landmarks: Sequence[str]) -> list[int]:
    """Return the indices of the landmarks that turn with the body; a tail and paws move by themselves.

    Examples:
        >>> trunk_landmarks(("nose", "tail base", "tail tip"))
        [0, 1]
    """
    trunk = {name for choices in (_FRONT, _REAR, _CENTRE) for names in choices for name in names}
    return [i for i, name in enumerate(landmarks) if name in trunk]


def body_length(positions: np.ndarray, landmarks: Sequence[str]) -> float:
    """Return the median distance from head to tail base over frames and individuals, in the unit of the positions.

    It is one length for the whole group, so that differences in size between animals remain. Without a head or a tail
    base, it is estimated from other landmarks, and at last from the extent of all of them.

    Args:
        positions: (time, individual, landmark, 2), NaN where unseen.
        landmarks: names of the landmarks, in order.
    """
    index = {name: i for i, name in enumerate(landmarks)}
    for front, rear, relative in _BODY_LENGTHS:
        if front in index and rear in index:
            distance = np.linalg.norm(positions[:, :, index[front]] - positions[:, :, index[rear]], axis=-1)
            if np.isfinite(distance).any():
                return float(max(np.nanmedian(distance) / relative, 1e-6))  # positions are divided by it
    low, high = (_quiet(reduce, positions, 2) for reduce in (np.nanmin, np.nanmax))
    extent = np.linalg.norm(high - low, axis=-1)
    return float(_quiet(np.nanmedian, extent[extent > 0], None)) if (extent > 0).any() else 1.0


def remove_outliers(positions: np.ndarray, reach: float = 2.0, jump: float = 0.5) -> np.ndarray:
    """Replace points that are impossible for a body with NaN.

    Args:
        positions: (time, individual, landmark, 2) in body lengths.
        reach: largest distance of a point from the median of all points of its animal, in body lengths. One or two
            landmarks have no meaningful median and are not compared with it.
        jump: a point that moves further than this within one frame, and in the next frame is back within half of it, is
            a tracking error.
    """
    out = positions.copy()
    if positions.shape[2] > 2:
        out[np.linalg.norm(positions - _medians(positions), axis=-1) > reach] = np.nan
    step = np.linalg.norm(np.diff(out, axis=0), axis=-1)
    back = np.linalg.norm(out[2:] - out[:-2], axis=-1)
    out[1:-1][(step[:-1] > jump) & (step[1:] > jump) & (back < jump / 2)] = np.nan
    return out


def _medians(positions: np.ndarray) -> np.ndarray:
    """Return (time, individual, 1, space) medians over the known landmarks, NaN where none is known.

    As ``np.nanmedian``, which takes three times as long.
    """
    ordered, known = np.sort(positions, axis=2), (~np.isnan(positions)).sum(2, keepdims=True)  # sort puts NaN last
    low, high = (np.take_along_axis(ordered, at, 2) for at in (np.maximum(known - 1, 0) // 2, known // 2))
    return (low + high) / 2


def resample(
    positions: np.ndarray, seen: np.ndarray, rate: float, to_rate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interpolate positions linearly in time.

    Args:
        positions: (time, individual, landmark, 2), NaN where unknown.
        seen: (time, individual, landmark) bool, False where a position is unknown or was filled in.
        rate: Hz of the positions.
        to_rate: Hz of the result.

    Returns:
        Positions at ``to_rate``; (time, individual, landmark) bool, True where both neighbours were seen; and
        (time,) the old frame nearest to each new one.
    """
    frames = len(positions)
    if rate == to_rate or frames < 2:
        return positions, seen, np.arange(frames)
    # Rounding must neither lose the last frame nor move a frame that falls on an old one below it.
    at = np.arange(int((frames - 1) * to_rate / rate + 1e-6) + 1) * (rate / to_rate)
    low = np.minimum(np.floor(at + 1e-6).astype(int), frames - 1)
    high = np.minimum(low + 1, frames - 1)
    weight = np.clip(at - low, 0, 1)[:, None, None].astype(np.float32)
    # A new frame that falls on an old one is known even if the next old one is not.
    falls_on_old, share = weight < 1e-5, weight[..., None]
    between = np.where(falls_on_old[..., None], positions[low], positions[low] * (1 - share) + positions[high] * share)
    return between, seen[low] & (seen[high] | falls_on_old), nearest(at, frames)


def nearest(at: np.ndarray, frames: int) -> np.ndarray:
    """Return the whole frame nearest to each time ``at`` (in frames), the later one of two; at most the last frame."""
    # Rounding to even, as ``np.rint`` does, would take the earlier one for every other frame only.
    return np.minimum(np.floor(at + 0.5).astype(np.int64), frames - 1)


def fill_gaps(values: np.ndarray, longest: int) -> np.ndarray:
    """Interpolate linearly over gaps of at most ``longest`` frames.

    Args:
        values: (time, ..., space), NaN where unknown. Gaps at the start and at the end stay.
        longest: frames.
    """
    frames = len(values)
    known = ~np.isnan(values[..., 0])
    time = np.arange(frames).reshape(-1, *([1] * (known.ndim - 1)))
    before = np.maximum.accumulate(np.where(known, time, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, time, frames)[::-1], axis=0)[::-1]
    gap = ~known & (before >= 0) & (after < frames) & (after - before - 1 <= longest)
    at = np.nonzero(gap)
    rest, start, stop = at[1:], before[at], after[at]
    weight = ((at[0] - start) / np.maximum(stop - start, 1)).astype(np.float32)[:, None]
    out = values.copy()
    out[at] = values[(start, *rest)] * (1 - weight) + values[(stop, *rest)] * weight
    return out


def body_frames(positions: np.ndarray, landmarks: Sequence[str], frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute centre and heading of every animal, from the best landmarks that are known in each frame.

    Gaps of up to two seconds are interpolated.

    Args:
        positions: (time, individual, landmark, 2), NaN where unknown.
        landmarks: names of the landmarks, in order.
        frame_rate: Hz.

    Returns:
        Centres (time, individual, 2) and unit vectors from rear to front (time, individual, 2). Both are NaN in a frame
        in which one of them is unknown.
    """
    front = _first_known(positions, landmarks, _FRONT)
    rear = _first_known(positions, landmarks, _REAR)
    centre = _first_known(positions, landmarks, _CENTRE)
    without_centre = np.isnan(centre)
    centre[without_centre] = _quiet(np.nanmean, positions, 2)[without_centre]
    axis = front - rear
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    # An axis shorter than this has no direction: front and rear coincide, or are the same landmark.
    heading = np.where(length > 1e-3, axis / np.maximum(length, 1e-3), np.nan).astype(np.float32)
    bridge = max(1, round(2 * frame_rate))
    centre, heading = fill_gaps(centre, bridge), fill_gaps(heading, bridge)
    heading /= np.maximum(np.linalg.norm(heading, axis=-1, keepdims=True), 1e-3)
    unknown = np.isnan(centre) | np.isnan(heading)
    centre[unknown.any(-1)] = np.nan
    heading[unknown.any(-1)] = np.nan
    return centre, heading


def _first_known(positions: np.ndarray, landmarks: Sequence[str], choices: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the mean (time, individual, 2) of the first of ``choices`` that is known in a frame, else NaN."""
    index = {name: i for i, name in enumerate(landmarks)}
    out = np.full((*positions.shape[:2], 2), np.nan, np.float32)
    for names in choices:
        if all(name in index for name in names):
            point = positions[:, :, [index[name] for name in names]].mean(2)
            out = np.where(np.isnan(out), point, out)
    return out


def _quiet(reduce: Callable[..., np.ndarray], values: np.ndarray, axis: int | None) -> np.ndarray:
    """Reduce with a nan-aware function; a slice without known values gives NaN and no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return reduce(values, axis=axis)
