"""Body shape as evidence of who is who.

Two animals whose bodies differ can be told apart without their motion. The shape of a pose is the logarithms of the
distances between its keypoints. The difference between the shapes of two animals changes its sign where they are
exchanged. Nothing says which sign is which animal, so its direction is learned without signs, from stretches within
which the animals cannot be exchanged: as the direction in which the second moment of the differences is largest beside
the noise within stretches. A mixture of two normal distributions, at either side of 0, then says how sure each stretch
is. Animals that look alike give one hump around 0, which is no evidence.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

_KEYPOINTS = 8
"""Keypoints, those that are seen most, whose distances make the shape."""
_OFFSET = 0.05
"""Part of the median distance that is added to each distance: the logarithm of a short one is mostly noise."""
_SAMPLED_FRAMES = 1_000
"""Frames from which medians are taken."""
_WINDOW = 10
"""Frames whose shapes are averaged: single poses are noisy."""
_FULL = 0.6
"""Part of a window in which both animals must be seen."""
_FEWEST_WINDOWS = 20
_COMPONENTS = 6
_FARTHEST = 4.0
"""Robust standard deviations at which distances are clipped."""
_CLEAR = 4.0
"""Nats by which two humps must be likelier than one. Animals that look alike reach 2, those that differ 5 and more."""
_HEAVIEST = 30.0
"""Windows for which a stretch counts at most."""
_LEAST_NOISE = 1e-6
_STEPS = 200
_TOLERANCE = 1e-5
_LARGEST = 20.0
"""Largest evidence of one stretch in nats."""


class _Windows(NamedTuple):
    """Differences between the shapes of two animals.

    Attributes:
        differences: (window, feature).
        stretches: (window,) the stretch of each.
    """

    differences: np.ndarray
    stretches: np.ndarray


def shape_evidence(pair: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """Return how much more likely each stretch is under the names it has than exchanged, up to one common sign.

    Args:
        pair: (time, 2, keypoint, space) in any unit, NaN where unseen.
        stretches: (time,) int64 ascending from 0: two animals are not exchanged within one of them.

    Returns:
        (stretch,) nats. All are 0 if the two animals cannot be told apart.
    """
    number = int(stretches[-1]) + 1
    none = np.zeros(number)
    windows = _windows(_shapes(pair), stretches)
    if windows is None:
        return none
    counts = np.bincount(windows.stretches, minlength=number)
    values = _project(windows.differences, windows.stretches, counts)
    has = counts > 0
    means = np.bincount(windows.stretches, values, number)[has] / counts[has]
    within = np.repeat(means, counts[has])
    noise = max(float(((values - within) ** 2).sum()) / max(len(values) - len(means), 1), _LEAST_NOISE)
    centre, spread = _mixture(means, counts[has], noise)
    variance = noise / counts[has]
    one_hump = max(_log_likelihood(means, variance, 0.0, each) for each in _spreads(means))
    if _log_likelihood(means, variance, centre, spread) - one_hump < _CLEAR:
        return none
    none[has] = 2 * centre * means / (spread**2 + variance)
    return np.clip(none, -_LARGEST, _LARGEST)


def _shapes(pair: np.ndarray) -> np.ndarray:
    """Log distances between keypoints (time, 2, feature), in robust standard deviations from their median."""
    seen = np.isfinite(pair[..., 0]).mean((0, 1))
    chosen = np.sort(np.argsort(-seen, kind="stable")[:_KEYPOINTS])
    first, second = np.triu_indices(len(chosen), 1)
    points = pair[:, :, chosen].astype(np.float32)
    squares = sum((points[:, :, first, d] - points[:, :, second, d]) ** 2 for d in range(points.shape[3]))
    logs = np.sqrt(squares)
    sampled = slice(None, None, max(1, len(logs) // _SAMPLED_FRAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a keypoint, or all of them, may never be seen
        np.log(logs + _OFFSET * np.nanmedian(logs[sampled]), out=logs)
        logs -= np.nanmedian(logs[sampled], axis=(0, 1))
        logs /= 1.48 * np.nanmedian(np.abs(logs[sampled]), axis=(0, 1)) + 1e-6
    return np.clip(logs, -_FARTHEST, _FARTHEST, out=logs)


def _windows(shapes: np.ndarray, stretches: np.ndarray) -> _Windows | None:
    """Average shapes (time, 2, feature) over windows of frames in which both animals are seen; None if these are few.

    The features of the windows are the main components of the shapes.
    """
    is_seen = np.isfinite(shapes).any(2).all(1)
    shapes, of_frame = shapes[is_seen], stretches[is_seen]
    place = np.arange(len(of_frame)) - np.searchsorted(of_frame, of_frame)
    starts = np.flatnonzero(place % _WINDOW == 0)
    if len(starts) < _FEWEST_WINDOWS:
        return None
    is_known = np.isfinite(shapes)
    counts = np.add.reduceat(is_known, starts, dtype=np.float32)
    shapes[~is_known] = 0
    with np.errstate(invalid="ignore"):
        means = np.add.reduceat(shapes, starts) / counts
    sizes = np.diff(np.append(starts, len(of_frame)))
    differences = means[:, 0] - means[:, 1]
    good = (sizes >= _FULL * _WINDOW) & (np.isfinite(differences).mean(1) > 0.5)
    if good.sum() < _FEWEST_WINDOWS:
        return None
    pooled = np.nan_to_num(means[good]).reshape(-1, means.shape[2])
    axes = np.linalg.eigh(np.cov(pooled.T, ddof=0).reshape(means.shape[2], -1))[1][:, -_COMPONENTS:]
    return _Windows(np.nan_to_num(differences[good]) @ axes, of_frame[starts][good])


def _project(differences: np.ndarray, stretches: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Project differences (window, feature) on the direction in which they are largest beside their noise."""
    sums = np.zeros((len(counts), differences.shape[1]))
    np.add.at(sums, stretches, differences)
    rest = differences - (sums / np.maximum(counts, 1)[:, None])[stretches]
    noise = rest.T @ rest / max(len(differences) - (counts > 0).sum(), 1)
    moment = differences.T @ differences / len(differences)
    noise = 0.9 * noise + 0.1 * np.eye(len(noise)) * (np.trace(moment) / len(moment) + 1e-9)
    values, axes = np.linalg.eigh(noise)
    white = differences @ (axes / np.sqrt(values))
    return np.asarray(white @ np.linalg.eigh(white.T @ white)[1][:, -1])


def _mixture(means: np.ndarray, counts: np.ndarray, noise: float) -> tuple[float, float]:
    """Fit two normal distributions at either side of 0 to the means of stretches, by expectation-maximisation.

    Args:
        means: (stretch,) mean difference of shapes.
        counts: (stretch,) windows.
        noise: variance of a window within a stretch.

    Returns:
        Distance of each distribution's mean from 0, and its standard deviation between stretches.
    """
    weights = np.minimum(counts, _HEAVIEST).astype(float)
    centre = float(np.average(np.abs(means), weights=weights))
    spread = 0.5 * centre + 1e-9
    for _ in range(_STEPS):
        variance = spread**2 + noise / counts
        sign = np.tanh(centre * means / variance)
        former = centre
        centre = float((weights / variance * sign * means).sum() / (weights / variance).sum())
        squares = np.average(means**2 - 2 * centre * sign * means + centre**2, weights=weights)
        least = max((0.15 * centre) ** 2, 1e-9)
        spread = float(np.sqrt(max(squares - np.average(noise / counts, weights=weights), least)))
        if abs(centre - former) < _TOLERANCE * former:
            break
    return centre, spread


def _spreads(means: np.ndarray) -> np.ndarray:
    """Standard deviations that one hump may have."""
    return np.linspace(0.0, 1.5, 61) * float(np.sqrt(np.mean(means**2)) + 1e-9)


def _log_likelihood(means: np.ndarray, variance: np.ndarray, centre: float, spread: float) -> float:
    """Log likelihood of the means of stretches under two humps, but for a constant.

    Args:
        means: (stretch,).
        variance: (stretch,) that of each mean about that of its stretch.
        centre: distance of each hump from 0; 0 for a single one.
        spread: standard deviation of a hump.
    """
    total = variance + spread**2
    both = np.logaddexp(centre * means / total, -centre * means / total)
    return float((both - (means**2 + centre**2) / (2 * total) - np.log(total) / 2).sum() - len(means) * np.log(2))
