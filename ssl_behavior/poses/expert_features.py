"""Expert features of an ordered pair of animals: hand-made kinematics with their running means and spreads.

What people who study such behaviour compute by hand and give to boosted trees, as in MARS (Segalin et al. 2021,
https://doi.org/10.7554/eLife.63720) and SimBA: distances, speeds, turning, bearings and postures, and how they were
over the seconds around a frame. On few labels this beats most networks on poses, so it is the control that learned
features have to beat. Moving, turning and mirroring the arena changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ssl_behavior.poses.prepare import Poses

LAGS_S = (1 / 15, 1 / 6, 1 / 2)
"""Seconds before and after over which changes are taken."""
WINDOWS_S = (0.5, 1.5, 4.0)
"""Seconds to either side over which means and standard deviations are taken."""
_WHO = ("agent", "target")
_RUNNING = ("mean", "spread")
_OF_BOTH = (
    "least distance",
    "distance of centres",
    "change of least distance",
    "change of distance of centres",
    "relative heading: cos",
)
_TOGETHER = 16
"""Features whose windows are summed at a time."""


_LAG_S = LAGS_S[1]
KINEMATICS: Mapping[str, tuple[str, str]] = {
    "agent speed": (f"agent speed of centre over {_LAG_S:.2g} s", "body lengths/s"),
    "target speed": (f"target speed of centre over {_LAG_S:.2g} s", "body lengths/s"),
    "agent turning": ("agent turning speed", "rad/s"),
    "distance": ("distance of centres", "body lengths"),
    "change of distance": ("change of distance of centres", "body lengths/s"),
    "agent faces target": ("agent bearing of the other: cos", "cosine"),
}
"""What a person looks at first -> the expert feature that it is, and its unit."""


def expert_feature_names(landmarks: Sequence[str]) -> list[str]:
    """The name of every feature that ``expert_features`` returns, in order, for poses of these landmarks."""
    names = _frame_feature_names(landmarks)
    running = [f"{what} over {window:g} s: {name}" for window in WINDOWS_S for what in _RUNNING for name in names]
    return names + running


def _frame_feature_names(landmarks: Sequence[str]) -> list[str]:
    names = [f"distance {a} of agent to {b} of target" for a in landmarks for b in landmarks]
    names += _OF_BOTH
    for who in _WHO:
        names += [f"{who} speed of centre over {lag:.2g} s" for lag in LAGS_S]
        names += [f"{who} speed of {k}" for k in landmarks]
        names += [f"{who} turning speed", f"{who} forward speed", f"{who} speed towards the other"]
        names += [f"{who} bearing of the other: cos"]
        names += [f"{who} {k} {way} of centre" for way in ("ahead", "aside") for k in landmarks]
        names += [*(f"{who} {k} seen" for k in landmarks), f"{who} share of keypoints seen"]
    return names


def expert_features(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """Expert features of every frame of one ordered pair (agent, target).

    Args:
        poses: of any landmarks and frame rate; lags and windows are in seconds.
        pair: indices of the individuals; a lone animal, paired with itself, has a target of which nothing is known.

    Returns:
        (time, feature) float32, NaN where unknown, in body lengths, seconds and radians. Means and spreads are over
        those frames of a window in which the feature is known.
    """
    frames = _frame_features(poses, pair)
    reaches = [max(1, round(window * poses.frame_rate)) for window in WINDOWS_S]
    out = np.empty((len(frames), 1 + 2 * len(reaches), frames.shape[1]), np.float32)
    out[:, 0] = frames
    for low, part in zip(range(0, frames.shape[1], _TOGETHER), _running(frames, reaches), strict=True):
        out[:, 1:, low : low + _TOGETHER] = part
    return out.reshape(len(frames), -1)


def expert_parts(poses: Poses, pair: tuple[int, int], chunk: int = 8_192) -> Iterator[np.ndarray]:
    """``expert_features`` part after part, each made with the seconds around it: memory does not grow with recordings.

    Yields:
        (frames of a part, feature) float32.
    """
    margin = round((max(WINDOWS_S) + max(LAGS_S)) * poses.frame_rate) + 2  # and what rounding adds
    for start in range(0, len(poses.positions), chunk):
        low = max(0, start - margin)
        yield expert_features(poses.between(low, start + chunk + margin), pair)[start - low : start - low + chunk]


def in_other_order(features: np.ndarray, landmarks: int) -> np.ndarray:
    """``expert_features`` of the pair (target, agent), from those of (agent, target): the same numbers elsewhere."""
    parts = features.reshape(len(features), 1 + 2 * len(WINDOWS_S), -1)
    columns, pairs = np.arange(parts.shape[2]), landmarks**2
    of_both = pairs + len(_OF_BOTH)
    agent, target = np.split(columns[of_both:], 2)
    distances = columns[:pairs].reshape(landmarks, landmarks).T.ravel()
    order = np.concatenate([distances, columns[pairs:of_both], target, agent])
    return np.take(parts, order, axis=2).reshape(features.shape)


def kinematics(poses: Poses, pair: tuple[int, int]) -> dict[str, np.ndarray]:
    """The few kinematics that ``KINEMATICS`` names, each (time,) float32, NaN where unknown."""
    names = _frame_feature_names([str(place) for place in range(poses.positions.shape[2])])
    columns = _frame_features(poses, pair)
    return {name: columns[:, names.index(feature)] for name, (feature, _) in KINEMATICS.items()}


def _frame_features(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """(time, feature): the features without their running means and spreads."""
    individuals = list(pair)
    positions, centre = poses.positions[:, individuals], poses.centre[:, individuals]
    heading, seen = poses.heading[:, individuals], poses.seen[:, individuals].astype(np.float32)
    if pair[0] == pair[1]:
        positions[:, 1], centre[:, 1], heading[:, 1], seen[:, 1] = np.nan, np.nan, np.nan, 0.0
    lags = [max(1, round(lag * poses.frame_rate)) for lag in LAGS_S]

    def change(values: np.ndarray, lag: int) -> np.ndarray:
        return _over(lag, values, np.subtract) * (poses.frame_rate / (2 * lag))

    distances = np.linalg.norm(positions[:, 0, :, None] - positions[:, 1, None], axis=-1).reshape(len(positions), -1)
    offset = centre[:, 1] - centre[:, 0]
    apart, least = np.linalg.norm(offset, axis=-1), _least(distances)
    columns = [distances, least, apart, change(least, lags[1]), change(apart, lags[1])]
    columns += [_dot(heading[:, 0], heading[:, 1])]
    for i, other in enumerate((offset, -offset)):
        towards = other / np.where(apart > 0, apart, np.nan)[:, None]
        velocity = change(centre[:, i], lags[1])
        columns += [np.linalg.norm(change(centre[:, i], lag), axis=-1) for lag in lags]
        columns += [np.linalg.norm(change(positions[:, i], lags[0]), axis=-1)]
        columns += [_over(lags[1], heading[:, i], _angle) * (poses.frame_rate / (2 * lags[1]))]
        columns += [_dot(velocity, heading[:, i]), _dot(velocity, towards), _dot(towards, heading[:, i])]
        columns += [*_posture(positions[:, i], centre[:, i], heading[:, i]), seen[:, i], seen[:, i].mean(-1)]
    return np.concatenate([one.reshape(len(positions), -1) for one in columns], axis=1).astype(np.float32)


def _posture(positions: np.ndarray, centre: np.ndarray, heading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far keypoints (time, landmark, 2) lie ahead of an animal's centre, and how far to either side of its axis."""
    own, axis = positions - centre[:, None], heading[:, None]
    return _dot(own, axis), np.abs(own[..., 1] * axis[..., 0] - own[..., 0] * axis[..., 1])


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...) radians in 0..pi between vectors (..., 2)."""
    return np.abs(np.arctan2(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0], _dot(a, b)))


def _over(lag: int, values: np.ndarray, compare: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """``compare`` of the frames ``lag`` later with those ``lag`` earlier, NaN where there is no such frame."""
    compared = compare(values[2 * lag :], values[: -2 * lag])
    out = np.full((len(values), *compared.shape[1:]), np.nan, np.float32)
    out[lag : lag + len(compared)] = compared
    return out


def _least(distances: np.ndarray) -> np.ndarray:
    """(time,) the least known of (time, pair of keypoints) distances."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of frames in which none is known
        return np.nanmin(distances, axis=1)


def _running(values: np.ndarray, reaches: Sequence[int]) -> Iterator[np.ndarray]:
    """Mean and standard deviation of the known values (time, feature), reach by reach, over frames to either side.

    Some features at a time and each of them in one piece, so that what is summed stays in the processor's cache.

    Yields:
        (time, feature of these, 2 reach) float32.
    """
    for low in range(0, values.shape[1], _TOGETHER):
        some = np.ascontiguousarray(values[:, low : low + _TOGETHER].T)
        known = ~np.isnan(some)
        filled = np.where(known, some, 0).astype(np.float64)
        sums = [_cumulative(terms) for terms in (known, filled, filled**2)]
        out = np.empty((2 * len(reaches), *some.shape), np.float32)
        for number, reach in enumerate(reaches):
            count, total, squares = (_within(reach, one) for one in sums)
            count[count == 0] = np.nan
            mean = np.divide(total, count, out=total)
            out[2 * number] = mean
            out[2 * number + 1] = np.sqrt(np.maximum(squares / count - mean**2, 0))
        yield out.transpose(2, 0, 1)


def _cumulative(terms: np.ndarray) -> np.ndarray:
    """(feature, time + 1) sums of (feature, time) up to each frame."""
    return np.concatenate([np.zeros((len(terms), 1)), np.cumsum(terms, axis=1, dtype=np.float64)], axis=1)


def _within(reach: int, sums: np.ndarray) -> np.ndarray:
    """(feature, time) sums over ``reach`` frames to either side, of cumulative ones."""
    padded = np.pad(sums, ((0, 0), (reach, reach)), mode="edge")
    return padded[:, 2 * reach + 1 :] - padded[:, : -2 * reach - 1]
