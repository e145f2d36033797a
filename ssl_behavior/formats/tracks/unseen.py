"""How formats write that a keypoint was not seen, turned into the one way of a Recording."""

from __future__ import annotations

from functools import reduce

import numpy as np


def zeros_as_unseen(positions: np.ndarray) -> np.ndarray:
    """Float32 positions (..., space), with NaN where every coordinate is exactly 0 or any is not finite.

    A tracked point in the very corner pixel, to all decimals, does not occur; trackers write it for "not found".
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold is no place in a picture either
        positions = np.ascontiguousarray(positions, np.float32)
    axes = range(positions.shape[-1])  # numpy's own reduction over so short an axis is several times slower
    zero = reduce(np.logical_and, (positions[..., axis] == 0 for axis in axes))
    unseen = reduce(np.logical_or, (~np.isfinite(positions[..., axis]) for axis in axes), zero)
    if unseen.any():
        positions = positions if positions.flags.writeable else positions.copy()
        positions[unseen] = np.nan
    return positions


def bounded_confidence(confidence: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Float32 confidence (...) in 0..1 for positions (..., space) of ``zeros_as_unseen``.

    Unseen keypoints have 0. Seen ones without a score (placed by hand) have 1, and peak values above 1 become 1.
    """
    unseen = np.isnan(positions[..., 0])
    with np.errstate(over="ignore"):
        bounded = np.fmin(np.asarray(confidence, np.float32), np.float32(1))  # NaN becomes 1 too
    np.maximum(bounded, 0, out=bounded)
    bounded[unseen] = 0
    return bounded
