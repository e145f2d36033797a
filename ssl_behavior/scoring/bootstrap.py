"""How sure a score is: percentile intervals over resampled videos.

Frames of one video are alike, so whole videos are drawn, with replacement (Efron 1979; a cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def interval(
    counts: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray],
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> np.ndarray | None:
    """The percentile interval of a score of summed counts.

    Args:
        counts: (video, ...) counts whose sum over videos the score is computed from.
        score: maps (draw, ...) sums to (draw, ...) scores.
        draws: how many resamplings.
        seed: of the draws.
        level: of confidence.

    Returns:
        (2, ...) lower and upper bound, NaN where no draw has a score; None with fewer than two videos.
    """
    videos = len(counts)
    if videos < 2 or draws < 1:
        return None
    generator = np.random.default_rng(seed)
    times_drawn = generator.multinomial(videos, np.full(videos, 1 / videos), size=draws)
    sums = (times_drawn @ counts.reshape(videos, -1)).reshape(draws, *counts.shape[1:])
    scores = np.asarray(score(sums), np.float64)
    tail = (1 - level) / 2
    bounds = np.full((2, *scores.shape[1:]), np.nan)
    known = ~np.isnan(scores).all(0)
    if known.any():
        bounds[:, known] = np.nanquantile(scores[:, known], [tail, 1 - tail], axis=0)
    return bounds
