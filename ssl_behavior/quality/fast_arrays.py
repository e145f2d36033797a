"""Functions of long arrays that the checks call again and again, faster than numpy's general ones."""

from __future__ import annotations

import numpy as np


def middle(values: np.ndarray) -> np.ndarray:
    """Return the median along the first dimension of the values that are known, NaN where none is.

    As ``np.nanmedian``, which takes ten times as long for three values.

    Args:
        values: (at most 3, ...), NaN where unknown.
    """
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if len(values) < 3:
        return np.asarray((low + high) / 2)
    # With all three known, the median is what remains without the least and the greatest; with two, it is their mean.
    # With one, both are that one.
    total = values[0] + values[1] + values[2]
    return np.asarray(np.where(np.isnan(total), (low + high) / 2, total - low - high))


def length(vectors: np.ndarray) -> np.ndarray:
    """Return the lengths (...) of vectors (..., 2), in a third of the time of ``np.linalg.norm``."""
    return np.asarray(np.hypot(vectors[..., 0], vectors[..., 1]))


def runs(is_true: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """Return start and stop of every stretch of at least ``shortest`` True values.

    Args:
        is_true: (time,) bool.
        shortest: frames.
    """
    changes = np.flatnonzero(np.diff(is_true.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [(int(start), int(stop)) for start, stop in changes if stop - start >= shortest]
