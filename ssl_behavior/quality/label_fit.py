"""Labels that fit a recording no better than chance, as those of another video do."""

from __future__ import annotations

import numpy as np
from numpy.fft import irfft, rfft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.kinematics import kinematics
from ssl_behavior.quality.label_shifts import LONGEST_S
from ssl_behavior.recordings.labels import UNSCORED

_SMOOTH_S = 1.0
"""Movements are averaged over this time, which is about that of a bout."""
_LEAST_SCORED_S, _LEAST_CHANGES = 180.0, 20
"""Seconds of scored frames and changes of behaviour below which even right labels may fit by chance only."""
_FAR_S = LONGEST_S + 5.0
"""Shortest shift by which labels are no longer those of the same movement, even if they are late or early."""
_LEAST_FRAMES = 5
"""Frames of a behaviour below which its mean movement is not compared."""


def fit_of_labels(poses: Poses, labels: np.ndarray) -> float | None:
    """Compare how well labels fit the movement with how well they fit when moved to another time.

    Labels are moved around in a circle, so that their bouts stay as they are; so the distribution of what chance
    explains needs no model. Labels that are up to ten seconds late or early fit all the same.

    Args:
        poses: a prepared recording.
        labels: (time,) labels at the frames of the poses, -1 where unscored.

    Returns:
        Standard deviations by which the labels explain more of the movement than when moved; None if too few frames
        are scored, or behaviour changes too rarely, to tell.
    """
    is_scored = labels != UNSCORED
    scored = labels[is_scored]
    if len(scored) < _LEAST_SCORED_S * poses.frame_rate or (np.diff(scored) != 0).sum() < _LEAST_CHANGES:
        return None
    explained = _explained_by_circular_shift(_smooth(kinematics(poses), round(_SMOOTH_S * poses.frame_rate)), labels)
    best = maximum_filter1d(explained, 2 * round(LONGEST_S * poses.frame_rate) + 1, mode="wrap")
    far = round(_FAR_S * poses.frame_rate)
    moved = best[far : len(best) - far]
    if len(moved) < far or not moved.std() > 0:
        return None
    return float((best[0] - moved.mean()) / moved.std())


def _smooth(values: np.ndarray, frames: int) -> np.ndarray:
    """Average over time, over the known values; NaN where fewer than a third are known."""
    is_known = ~np.isnan(values)
    sums = uniform_filter1d(np.where(is_known, values, 0.0), frames, axis=0)
    shares = uniform_filter1d(is_known.astype(np.float64), frames, axis=0)
    return np.where(shares > 1 / 3, sums / np.maximum(shares, 1e-9), np.nan)


def _explained_by_circular_shift(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of the variance between behaviours (shift,), for every shift around the circle; the first is none."""
    is_known = ~np.isnan(values)
    # Correlations with every shift at once: the product of the one transform with the other's conjugate.
    value_waves, known_waves = (
        rfft(part.astype(np.float64), axis=0) for part in (np.where(is_known, values, 0.0), is_known)
    )
    sums, counts = [], []
    for behaviour in np.unique(labels[labels != UNSCORED]):
        wave = np.conj(rfft((labels == behaviour).astype(np.float64)))[:, None]
        sums.append(irfft(wave * value_waves, len(values), axis=0))
        counts.append(irfft(wave * known_waves, len(values), axis=0))
    total = np.maximum(np.sum(counts, axis=0), 1.0)
    mean = np.sum(sums, axis=0) / total
    between = sum(
        np.where(count > _LEAST_FRAMES, count, 0.0) * np.square(of_behaviour / np.maximum(count, 1.0) - mean)
        for of_behaviour, count in zip(sums, counts, strict=True)
    )
    return np.asarray((between / total).mean(1))
