"""Pace: how fast animals seem to move, as a wrong frame rate changes it.

One speed varies too much between sound recordings. The ratios of many speeds, over short and long times, of centres,
headings and bodies, vary together between mice and in another way with the frame rate. So the pace is the sum of their
logarithms that changes with the frame rate as its logarithm does and varies least between sound recordings.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.fast_arrays import length

_STEPS_S, _TURNS_S, _WITHIN_S = (0.2, 0.7, 2.0), (0.2, 0.7), 0.2
"""Times over which movements of centres, turns of headings, and movements within the body are measured."""
_QUANTILES = (0.5, 0.8, 0.97)
_LAGS_S = (0.5, 1.0, 2.0, 4.0, 10.0)
"""Times after which speeds are compared with themselves."""
_FASTER = 1.5
"""Factor of the frame rate by which its influence on the speeds is measured."""
NUMBER = len(_QUANTILES) * (len(_STEPS_S) + len(_TURNS_S) + 1) + len(_LAGS_S)
"""Number of speeds that are measured."""
FEWEST_RECORDINGS, _MOST_RECORDINGS = 10, 60
_LEAST_S = 180.0
_ENOUGH = 1000
"""Frames from which speeds are taken; more would hardly change their quantiles."""
_LEAST_DEVIATION = 0.07
"""A smaller deviation between a few recordings is chance."""
_DIAGONAL = 0.15
"""Share of the covariance that is replaced by the variances alone, as few recordings say little of the rest."""


@dataclass(frozen=True)
class Speeds:
    """Logarithms of the speeds in one recording.

    Attributes:
        logs: (speed,) natural logarithms.
        slopes: (speed,) their change with the logarithm of the frame rate that the recording is believed to have.
    """

    logs: tuple[float, ...]
    slopes: tuple[float, ...]


@dataclass(frozen=True)
class Pace:
    """An estimator of the factor by which the frame rate of a recording is wrong.

    Attributes:
        weights: (speed,) of the logarithms in the sum.
        usual: their sum in a usual recording.
        deviation: standard deviation of the estimate between sound recordings.
    """

    weights: tuple[float, ...]
    usual: float
    deviation: float

    def of(self, speeds: Speeds) -> float:
        """Estimate the logarithm of the stated frame rate relative to the true one; 0 for a usual recording."""
        return float(np.dot(self.weights, speeds.logs)) - self.usual


def measure_speeds(poses: Poses) -> Speeds | None:
    """Measure the speeds of a recording; None if it is too short.

    Args:
        poses: the prepared recording.
    """
    is_tracked = ~np.isnan(poses.centre[..., 0])
    longest = max(*_STEPS_S, *_LAGS_S) * poses.frame_rate * _FASTER
    if is_tracked.sum() < _LEAST_S * poses.frame_rate or len(is_tracked) < 4 * longest:
        return None
    logs, faster = (_log_speeds(one) for one in (poses, replace(poses, frame_rate=poses.frame_rate * _FASTER)))
    if not (np.isfinite(logs).all() and np.isfinite(faster).all()):
        return None
    return Speeds(tuple(logs.tolist()), tuple(((faster - logs) / np.log(_FASTER)).tolist()))


def fit_pace(measured: Sequence[Speeds | None]) -> Pace | None:
    """Fit the pace to sound recordings; None if fewer than ten are long enough.

    Args:
        measured: speeds of each recording.
    """
    known = [speeds for speeds in measured if speeds is not None]
    if len(known) < FEWEST_RECORDINGS:
        return None
    known = known[:: -(-len(known) // _MOST_RECORDINGS)]
    logs, slopes = np.array([speeds.logs for speeds in known]), np.array([speeds.slopes for speeds in known])
    weights = _weights(logs, slopes)
    # Each recording is estimated by the others, as a new one will be.
    rest = [np.delete(np.arange(len(logs)), i) for i in range(len(logs))]
    errors = [
        (logs[i] - logs[others].mean(0)) @ _weights(logs[others], slopes[others]) for i, others in enumerate(rest)
    ]
    deviation = max(_LEAST_DEVIATION, float(np.sqrt(np.mean(np.square(errors)))))
    return Pace(tuple(weights.tolist()), float(logs.mean(0) @ weights), deviation)


def _weights(logs: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Weights (speed,) of the estimate with the least variance among those that rise by 1 with the slopes."""
    covariance = np.cov(logs.T)
    variances = np.diag(covariance) + 1e-6
    solved = np.linalg.solve((1 - _DIAGONAL) * covariance + np.diag(_DIAGONAL * variances + 1e-6), slopes.mean(0))
    return np.asarray(solved / (solved @ slopes.mean(0)))


def _log_speeds(poses: Poses) -> np.ndarray:
    rate = poses.frame_rate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where an animal is unseen, so are all its landmarks
        moving = [_speeds(poses.centre, seconds, rate) for seconds in _STEPS_S]
        turning = [_speeds(poses.heading, seconds, rate) for seconds in _TURNS_S]
        within = np.nanmean(_speeds(poses.positions, _WITHIN_S, rate, poses.centre[:, :, None]), axis=2)
    speeds = [_quantiles(values) for values in (*moving, *turning, within)]
    return np.log(np.maximum([*chain.from_iterable(speeds), *_lost_correlations(poses.centre, rate)], 1e-3))


def _speeds(values: np.ndarray, seconds: float, rate: float, origin: np.ndarray | None = None) -> np.ndarray:
    """Change per second over a time, relative to a moving origin, from some thousand frames spread over all."""
    frames_between = max(1, round(seconds * rate))
    frames = np.arange(0, len(values) - frames_between, max(1, len(values) // _ENOUGH))
    change = values[frames + frames_between] - values[frames]
    if origin is not None:
        change -= origin[frames + frames_between] - origin[frames]
    return length(change) * (rate / frames_between)


def _quantiles(values: np.ndarray) -> list[float]:
    ordered = np.sort(values[~np.isnan(values)])
    return [float(ordered[int(quantile * (len(ordered) - 1))]) if len(ordered) else np.nan for quantile in _QUANTILES]


def _lost_correlations(centre: np.ndarray, rate: float) -> list[float]:
    """One minus the correlation of the logarithm of the speed with itself, after each lag."""
    frames_between = max(1, round(_STEPS_S[0] * rate))
    change = centre[frames_between:] - centre[:-frames_between]
    logs = np.log(length(change) * np.float32(rate / frames_between) + np.float32(0.1))
    is_known = ~np.isnan(logs)
    logs = np.where(is_known, logs, 0)
    logs -= np.where(is_known, logs.sum(0) / np.maximum(is_known.sum(0), 1), 0)
    total = max(float(np.square(logs).sum()), 1e-9)
    frames = [max(1, round(seconds * rate)) for seconds in _LAGS_S]
    return [1 - float((logs[lag:] * logs[:-lag]).sum()) / total for lag in frames]
