"""Positions made clean: what no body can reach taken out, gaps filled, time resampled, a frame put on every body."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

# Distances that measure a body, with their length relative to head to tail base (medians of CalMS21's mice).
_BODY_LENGTHS = (("head", "tail base", 1.0), ("neck", "tail base", 0.9), ("nose", "tail base", 1.35))
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


def body_length(positions: np.ndarray, landmarks: Sequence[str]) -> float:
    """Median head to tail base distance over frames and individuals, or what comes nearest to it, in the same unit.

    One length for the group, so that who is larger stays visible.
    """
    index = {name: i for i, name in enumerate(landmarks)}
    for front, rear, relative in _BODY_LENGTHS:
        if front in index and rear in index:
            distance = np.linalg.norm(positions[:, :, index[front]] - positions[:, :, index[rear]], axis=-1)
            if np.isfinite(distance).any():
                return float(max(np.nanmedian(distance) / relative, 1e-6))
    low, high = (_quiet(reduce, positions, 2) for reduce in (np.nanmin, np.nanmax))
    extent = np.linalg.norm(high - low, axis=-1)
    return float(_quiet(np.nanmedian, extent[extent > 0], None)) if (extent > 0).any() else 1.0


def without_outliers(positions: np.ndarray, reach: float = 2.0, jump: float = 0.5) -> np.ndarray:
    """Points in body lengths that no body can reach become NaN.

    A point goes if it lies more than ``reach`` from the median of its animal's points, or if it leaves by more than
    ``jump`` within one frame and is back within half of that the frame after.
    """
    out = positions.copy()
    if positions.shape[2] > 2:
        out[np.linalg.norm(positions - _medians(positions), axis=-1) > reach] = np.nan
    step = np.linalg.norm(np.diff(out, axis=0), axis=-1)
    back = np.linalg.norm(out[2:] - out[:-2], axis=-1)
    out[1:-1][(step[:-1] > jump) & (step[1:] > jump) & (back < jump / 2)] = np.nan
    return out


def _medians(positions: np.ndarray) -> np.ndarray:
    """(time, individual, 1, space) over the known landmarks, NaN without any; numpy's takes thrice as long."""
    ordered, known = np.sort(positions, axis=2), (~np.isnan(positions)).sum(2, keepdims=True)  # NaN comes last
    low, high = (np.take_along_axis(ordered, at, 2) for at in (np.maximum(known - 1, 0) // 2, known // 2))
    return (low + high) / 2


def resample(positions: np.ndarray, rate: float, to_rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear interpolation in time.

    Returns:
        positions at ``to_rate``, which of them are seen (both neighbours were), and each frame's nearest old frame.
    """
    frames = len(positions)
    if rate == to_rate or frames < 2:
        return positions, ~np.isnan(positions[..., 0]), np.arange(frames)
    at = np.arange(int((frames - 1) * to_rate / rate + 1e-6) + 1) * (rate / to_rate)
    low = np.minimum(np.floor(at + 1e-6).astype(int), frames - 1)
    weight = np.clip(at - low, 0, 1)[:, None, None, None].astype(np.float32)
    after = positions[np.minimum(low + 1, frames - 1)]
    # A frame that falls on an old one does not need the next.
    between = np.where(weight < 1e-5, positions[low], positions[low] * (1 - weight) + after * weight)
    return between, ~np.isnan(between[..., 0]), np.rint(at).astype(int)


def fill_gaps(values: np.ndarray, longest: int) -> np.ndarray:
    """Fill runs of NaN of at most ``longest`` frames between known values (time, ..., space), linearly."""
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
    """Every animal's centre (time, individual, 2) and unit heading from rear to front, NaN where it is unknown.

    Each frame takes the best landmarks that are known in it; gaps of up to two seconds are bridged.
    """
    front = _first_known(positions, landmarks, _FRONT)
    rear = _first_known(positions, landmarks, _REAR)
    centre = _first_known(positions, landmarks, _CENTRE)
    lost = np.isnan(centre)
    centre[lost] = _quiet(np.nanmean, positions, 2)[lost]
    axis = front - rear
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    heading = np.where(length > 1e-3, axis / np.maximum(length, 1e-3), np.nan).astype(np.float32)
    bridge = max(1, round(2 * frame_rate))
    centre, heading = fill_gaps(centre, bridge), fill_gaps(heading, bridge)
    heading /= np.maximum(np.linalg.norm(heading, axis=-1, keepdims=True), 1e-3)
    unknown = np.isnan(centre) | np.isnan(heading)
    centre[unknown.any(-1)] = np.nan
    heading[unknown.any(-1)] = np.nan
    return centre, heading


def _first_known(positions: np.ndarray, landmarks: Sequence[str], choices: Sequence[Sequence[str]]) -> np.ndarray:
    index = {name: i for i, name in enumerate(landmarks)}
    out = np.full((*positions.shape[:2], 2), np.nan, np.float32)
    for names in choices:
        if all(name in index for name in names):
            point = positions[:, :, [index[name] for name in names]].mean(2)
            out = np.where(np.isnan(out), point, out)
    return out


def _quiet(reduce: Callable[..., np.ndarray], values: np.ndarray, axis: int | None) -> np.ndarray:
    """A nan-aware reduction in which an empty slice is NaN without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return reduce(values, axis=axis)
