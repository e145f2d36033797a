"""Formats write "this keypoint was not seen" in several ways; a Recording has one: NaN with confidence 0."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError

_ROUNDING = 1e-3
_HIGHEST_PEAK = 2.0
"""SLEAP's scores are heights of peaks, which are somewhat above 1 at times; higher scores are on another scale."""
_LOWEST_PERCENTAGE = 20.0
"""The highest of a recording's percentages is above this, as some keypoint is found for sure in some frame."""


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


def mask_negative(positions: np.ndarray, confidence: np.ndarray | None = None) -> np.ndarray:
    """Return the positions (..., space) with NaN where tables write -1 for "not found".

    Args:
        positions: as a table has them.
        confidence: (...); points of a negative one are unseen. A tracked point is never exactly at -1, -1, whatever
            its confidence.
    """
    unseen = (positions == -1).all(-1)
    if confidence is not None:
        unseen |= confidence < 0
    return np.where(unseen[..., None], np.float32(np.nan), positions) if unseen.any() else positions


def bound_confidence(
    confidence: np.ndarray, positions: np.ndarray, where: str | Path
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return float32 confidence (...) in 0..1, and notices of what was changed.

    Args:
        confidence: scores (...). Percentages are divided by 100, and heights of peaks a little above 1 become 1. NaN,
            the score of points placed by hand, becomes 1, and -1, that of points that were not found, becomes 0.
        positions: (..., space), the result of ``mask_unseen``; unseen keypoints get confidence 0.
        where: the file or sequence, for the error.

    Raises:
        InputError: the scores are on no scale that is known.
    """
    with np.errstate(over="ignore"):
        values = np.asarray(confidence, np.float32)
    scale, notices = _scale(values, where)
    if scale != 1:
        values = values / np.float32(scale)
    bounded = np.fmin(values, np.float32(1))  # fmin, unlike minimum, prefers the number to NaN
    np.maximum(bounded, 0, out=bounded)
    bounded[np.isnan(positions[..., 0])] = 0
    return bounded, notices


def _scale(values: np.ndarray, where: str | Path) -> tuple[int, tuple[str, ...]]:
    """Return the score that means "sure", and a notice unless it is 1 and no score lies above it."""
    # fmin and fmax pass over NaN.
    lowest, highest = (float(extreme.reduce(values, axis=None, initial=0)) for extreme in (np.fmin, np.fmax))
    if lowest < -_ROUNDING and (values[values < -_ROUNDING] != -1).any():
        raise InputError(
            f"{where}: expected confidences from 0 to 1; found {lowest:g}: write probabilities, or leave out the "
            "confidences"
        )
    if highest <= 1 + _ROUNDING:
        return 1, ()
    if highest <= _HIGHEST_PEAK:
        return 1, (f"confidences above 1 (up to {highest:g}) are read as 1",)
    # A few wrong scores among probabilities do not make percentages of all.
    if _LOWEST_PERCENTAGE <= highest <= 100 and np.quantile(values[values > 0], 0.9) > _HIGHEST_PEAK:
        return 100, (f"confidences go up to {highest:g}: they are read as percentages, and divided by 100",)
    raise InputError(
        f"{where}: expected confidences from 0 to 1, or in percent; found some up to {highest:g}: divide them so that "
        "1 is the highest, or leave out the confidences"
    )
