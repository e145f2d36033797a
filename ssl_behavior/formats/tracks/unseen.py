"""Formats write "this keypoint was not seen" in several ways; a Recording has one: NaN with confidence 0."""

from __future__ import annotations

from functools import reduce

import numpy as np


def mask_unseen(positions: np.ndarray) -> np.ndarray:
    """Return float32 positions (..., space) with NaN where all coordinates are exactly 0 or any is not finite.

    Trackers write 0, 0 for "not found". A tracked point is never exactly in the corner of the picture.
    """
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and so unseen
        positions = np.ascontiguousarray(positions, np.float32)
    # A loop over the coordinates: numpy's own reduction over so short an axis is several times slower.
    axes = range(positions.shape[-1])
    zero = reduce(np.logical_and, (positions[..., axis] == 0 for axis in axes))
    unseen = reduce(np.logical_or, (~np.isfinite(positions[..., axis]) for axis in axes), zero)
    if unseen.any():
        positions = positions if positions.flags.writeable else positions.copy()
        positions[unseen] = np.nan
    return positions


def bound_confidence(confidence: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return float32 confidence (...) in 0..1.

    Args:
        confidence: scores (...); peak values above 1 become 1. NaN, the score of points placed by hand, becomes 1 too.
        positions: (..., space), the result of ``mask_unseen``; unseen keypoints get confidence 0.
    """
    unseen = np.isnan(positions[..., 0])
    with np.errstate(over="ignore"):
        # fmin, unlike minimum, prefers the number to NaN.
        bounded = np.fmin(np.asarray(confidence, np.float32), np.float32(1))
    np.maximum(bounded, 0, out=bounded)
    bounded[unseen] = 0
    return bounded
