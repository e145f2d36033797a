"""Expert features of an ordered pair of animals: hand-made kinematics with their running means and spreads.

These are the features that experts give to boosted trees, as in MARS (Segalin et al. 2021,
https://doi.org/10.7554/eLife.63720) and SimBA: distances, speeds, turning, bearings and postures, with their means and
standard deviations over the seconds around a frame. On few labels they beat most networks on poses, so they are the
control that learned features have to beat. Moving, turning and mirroring the arena changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ssl_behavior.poses.cleaning import trunk_landmarks
from ssl_behavior.poses.poses import Poses

LAGS_S = (1 / 15, 1 / 6, 1 / 2)
"""Changes are differences between this many seconds before and after."""
WINDOWS_S = (0.5, 1.5, 4.0)
"""Running means and standard deviations are over this many seconds to either side."""
_INDIVIDUALS = ("agent", "target")
_STATISTICS = ("mean", "spread")
_SYMMETRIC = (
    "least distance",
    "distance of centres",
    "change of least distance",
    "change of distance of centres",
    "relative heading: cos",
)
_BLOCK = 16
"""Features that are averaged at a time: a block of them fits into the cache of a processor."""
_LAG_S = LAGS_S[1]
KINEMATICS: Mapping[str, tuple[str, str]] = {
    "agent speed": (f"agent speed of centre over {_LAG_S:.2g} s", "body lengths/s"),
    "target speed": (f"target speed of centre over {_LAG_S:.2g} s", "body lengths/s"),
    "agent turning": ("agent turning speed", "rad/s"),
    "distance": ("distance of centres", "body lengths"),
    "change of distance": ("change of distance of centres", "body lengths/s"),
    "agent faces target": ("agent bearing of the other: cos", "cosine"),
}
"""Kinematics to show to people: name -> the expert feature, and its unit."""


def expert_feature_names(landmarks: Sequence[str]) -> list[str]:
    """Return the name of every feature that ``expert_features`` returns for these landmarks, in order."""
    names = _frame_feature_names(landmarks)
    running = [
        f"{statistic} over {window:g} s: {name}" for window in WINDOWS_S for statistic in _STATISTICS for name in names
    ]
    return names + running


def _frame_feature_names(landmarks: Sequence[str]) -> list[str]:
    names = [f"distance {a} of agent to {b} of target" for a in landmarks for b in landmarks]
    names += _SYMMETRIC
    for animal in _INDIVIDUALS:
        names += [f"{animal} speed of centre over {lag:.2g} s" for lag in LAGS_S]
        names += [f"{animal} speed of {k}" for k in landmarks]
        names += [f"{animal} turning speed", f"{animal} forward speed", f"{animal} speed towards the other"]
        names += [f"{animal} bearing of the other: cos"]
        names += [f"{animal} {k} {direction} of centre" for direction in ("ahead", "aside") for k in landmarks]
        names += [*(f"{animal} {k} seen" for k in landmarks), f"{animal} share of keypoints seen"]
    return names


def expert_features(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """Compute the expert features of every frame of one ordered pair (agent, target).

    Args:
        poses: poses of any landmarks and frame rate; lags and windows are in seconds.
        pair: indices of the agent and the target. A lone animal is paired with itself; its target is unknown.

    Returns:
        (time, feature) float32 in body lengths, seconds and radians, NaN where unknown. Means and spreads are over the
        frames of a window in which the feature is known.

    Examples:
        >>> expert_features(poses, (0, 1)).shape[1] == len(expert_feature_names(landmarks))
        True
    """
    frames = _frame_features(poses, pair)
    reaches = [max(1, round(window * poses.frame_rate)) for window in WINDOWS_S]
    out = np.empty((len(frames), 1 + 2 * len(reaches), frames.shape[1]), np.float32)
    out[:, 0] = frames
    for low, part in zip(range(0, frames.shape[1], _BLOCK), _running_statistics(frames, reaches), strict=True):
        out[:, 1:, low : low + _BLOCK] = part
    return out.reshape(len(frames), -1)


def expert_feature_chunks(poses: Poses, pair: tuple[int, int], chunk: int = 8_192) -> Iterator[np.ndarray]:
    """Compute ``expert_features`` of a long recording in chunks, so that memory does not grow with its length.

    Yields:
        (frames of the chunk, feature) float32; all chunks together are ``expert_features``.
    """
    # Windows of lagged values reach this far; the 2 covers the rounding of window and lag.
    margin = round((max(WINDOWS_S) + max(LAGS_S)) * poses.frame_rate) + 2
    for start in range(0, len(poses.positions), chunk):
        low = max(0, start - margin)
        yield expert_features(poses.between(low, start + chunk + margin), pair)[start - low : start - low + chunk]


def swap_roles(features: np.ndarray, landmarks: int) -> np.ndarray:
    """Return the features of the pair (target, agent) from those of (agent, target), without computing them again.

    Both pairs have the same numbers in other columns.

    Args:
        features: (time, feature), of ``expert_features``.
        landmarks: number of landmarks.
    """
    by_statistic = features.reshape(len(features), 1 + 2 * len(WINDOWS_S), -1)
    columns, distances = np.arange(by_statistic.shape[2]), landmarks**2
    symmetric_end = distances + len(_SYMMETRIC)
    agent, target = np.split(columns[symmetric_end:], 2)
    transposed = columns[:distances].reshape(landmarks, landmarks).T.ravel()
    order = np.concatenate([transposed, columns[distances:symmetric_end], target, agent])
    return np.take(by_statistic, order, axis=2).reshape(features.shape)


def kinematics(poses: Poses, pair: tuple[int, int]) -> dict[str, np.ndarray]:
    """Compute the kinematics that ``KINEMATICS`` names: name -> (time,) float32, NaN where unknown."""
    names = _frame_feature_names(poses.landmarks)
    columns = _frame_features(poses, pair)
    return {name: columns[:, names.index(feature)] for name, (feature, _) in KINEMATICS.items()}


def _frame_features(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """Return (time, feature) features of single frames, without their running means and spreads."""
    individuals = list(pair)
    positions, centre = poses.positions[:, individuals], poses.centre[:, individuals]
    heading, seen = poses.heading[:, individuals], poses.seen[:, individuals].astype(np.float32)
    if pair[0] == pair[1]:
        positions[:, 1], centre[:, 1], heading[:, 1], seen[:, 1] = np.nan, np.nan, np.nan, 0.0
    lags, trunk = [max(1, round(lag * poses.frame_rate)) for lag in LAGS_S], trunk_landmarks(poses.landmarks)

    def change(values: np.ndarray, lag: int) -> np.ndarray:
        return _compare(lag, values, np.subtract) * (poses.frame_rate / (2 * lag))

    distances = np.linalg.norm(positions[:, 0, :, None] - positions[:, 1, None], axis=-1).reshape(len(positions), -1)
    offset = centre[:, 1] - centre[:, 0]
    apart, least = np.linalg.norm(offset, axis=-1), _smallest(distances)
    columns = [distances, least, apart, change(least, lags[1]), change(apart, lags[1])]
    columns += [_dot(heading[:, 0], heading[:, 1])]
    for i, other in enumerate((offset, -offset)):
        towards = other / np.where(apart > 0, apart, np.nan)[:, None]
        velocity = change(centre[:, i], lags[1])
        columns += [np.linalg.norm(change(centre[:, i], lag), axis=-1) for lag in lags]
        columns += [np.linalg.norm(change(positions[:, i], lags[0]), axis=-1)]
        columns += [_compare(lags[1], positions[:, i, trunk], _rotation) * (poses.frame_rate / (2 * lags[1]))]
        columns += [_dot(velocity, heading[:, i]), _dot(velocity, towards), _dot(towards, heading[:, i])]
        columns += [*_posture(positions[:, i], centre[:, i], heading[:, i]), seen[:, i], seen[:, i].mean(-1)]
    return np.concatenate([column.reshape(len(positions), -1) for column in columns], axis=1).astype(np.float32)


def _posture(positions: np.ndarray, centre: np.ndarray, heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (time, landmark) of keypoints ahead of the animal's centre, and to either side of its axis.

    The side itself is left out, so that a mirrored video has the same features.
    """
    offset, axis = positions - centre[:, None], heading[:, None]
    return _dot(offset, axis), np.abs(offset[..., 1] * axis[..., 0] - offset[..., 0] * axis[..., 1])


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1)


def _rotation(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Return (time,) radians in 0..pi by which landmarks (time, landmark, 2) have turned; NaN with fewer than two.

    It is the rotation that fits best to the landmarks known in both.
    """
    known = ~(np.isnan(later) | np.isnan(earlier))
    count = known[..., 0].sum(-1)
    later, earlier = (_centred(np.where(known, points, 0), known) for points in (later, earlier))
    left = (earlier[..., 0] * later[..., 1] - earlier[..., 1] * later[..., 0]).sum(-1)
    return np.where(count > 1, np.abs(np.arctan2(left, _dot(earlier, later).sum(-1))), np.nan)


def _centred(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Move the mean of the known points (time, landmark, 2) to 0; unknown points are 0 before and after."""
    mean = points.sum(1, keepdims=True) / np.maximum(known.sum(1, keepdims=True), 1)
    return (points - mean) * known


def _compare(lag: int, values: np.ndarray, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply ``function`` to the frames ``lag`` later and those ``lag`` earlier; NaN where there is no such frame."""
    compared = function(values[2 * lag :], values[: -2 * lag])
    out = np.full((len(values), *compared.shape[1:]), np.nan, np.float32)
    out[lag : lag + len(compared)] = compared
    return out


def _smallest(distances: np.ndarray) -> np.ndarray:
    """Return (time,) the smallest known distance of (time, pair of keypoints)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames in which none is known
        return np.nanmin(distances, axis=1)


def _running_statistics(values: np.ndarray, reaches: Sequence[int]) -> Iterator[np.ndarray]:
    """Compute the running mean and standard deviation of the known values.

    Args:
        values: (time, feature), NaN where unknown.
        reaches: frames to either side, per window.

    Yields:
        (time, 2 windows, feature) float32 for blocks of ``_BLOCK`` features: mean and deviation of each window in turn.
    """
    for low in range(0, values.shape[1], _BLOCK):
        # One feature after the other in memory, so that the sums over time stay in the cache.
        block = np.ascontiguousarray(values[:, low : low + _BLOCK].T)
        known = ~np.isnan(block)
        filled = np.where(known, block, 0).astype(np.float64)
        sums = [_cumulative(terms) for terms in (known, filled, filled**2)]
        out = np.empty((2 * len(reaches), *block.shape), np.float32)
        for number, reach in enumerate(reaches):
            count, total, squares = (_window_sums(reach, cumulative) for cumulative in sums)
            count[count == 0] = np.nan
            mean = np.divide(total, count, out=total)
            out[2 * number] = mean
            # Rounding can make the variance of a constant feature slightly negative.
            out[2 * number + 1] = np.sqrt(np.maximum(squares / count - mean**2, 0))
        yield out.transpose(2, 0, 1)


def _cumulative(terms: np.ndarray) -> np.ndarray:
    """Return (feature, time + 1) sums of ``terms`` (feature, time) before each frame."""
    return np.concatenate([np.zeros((len(terms), 1)), np.cumsum(terms, axis=1, dtype=np.float64)], axis=1)


def _window_sums(reach: int, sums: np.ndarray) -> np.ndarray:
    """Return (feature, time) sums over ``reach`` frames to either side, from cumulative sums."""
    padded = np.pad(sums, ((0, 0), (reach, reach)), mode="edge")
    return padded[:, 2 * reach + 1 :] - padded[:, : -2 * reach - 1]
