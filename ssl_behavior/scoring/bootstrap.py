"""Bootstrap: confidence intervals of scores over resampled videos.

Frames of one video are alike, so whole videos are drawn with replacement (a cluster bootstrap; Efron 1979, "Bootstrap
Methods: Another Look at the Jackknife"). Every resample is scored over the same classes, as means over two and over
three classes cannot be compared:

- A resample without true frames of a class that occurs is left out. The interval is therefore that of sets of videos in
  which every behaviour occurs.
- A class that is predicted and never true counts as 0 in every resample, as it does in the score itself.

Too few videos give no interval. Two videos have 3 different resamples, four have 35, and n videos have
(2n - 1)! / (n! (n - 1)!). An interval of 95 % leaves out 1 in 40 at either end, which fewer than 40 different resamples
cannot show. Reports therefore ask for ``FEWEST_VIDEOS``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEWEST_VIDEOS = 5
"""Videos with scored frames from which intervals over videos are given: the fewest with 40 different resamples."""


def resamples(true_frames: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Draw resamples of the videos, and keep those with true frames of every class that occurs.

    Args:
        true_frames: (video, class) number of true frames.
        draws: number of resamples to draw; those that lack a class are not drawn again.
        generator: random number generator.

    Returns:
        (resample, video) int64, how often each video is in each resample; no resamples with fewer than two videos.
    """
    videos = len(true_frames)
    if videos < 2 or draws < 1:
        return np.zeros((0, videos), np.int64)
    times_drawn = generator.multinomial(videos, np.full(videos, 1 / videos), size=draws)
    occurs = true_frames[:, true_frames.sum(0) > 0]
    return times_drawn[(times_drawn @ occurs > 0).all(1)]


def score_resamples(
    counts: np.ndarray, times_drawn: np.ndarray, score: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Score every resample over the classes that have a score in all videos together.

    Args:
        counts: (video, ...) counts; scores are computed from their sums over videos.
        times_drawn: (resample, video) as from ``resamples``.
        score: maps sums (..., counts) to scores (..., class), NaN where a class has none.

    Returns:
        (resample, ..., class) scores; 0 where a class has a score in all videos together and none in the resample.
    """
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    scores = score((times_drawn.astype(np.float64) @ flat).reshape(len(times_drawn), *counts.shape[1:]))
    return np.where(np.isnan(scores) & ~np.isnan(score(counts.sum(0))), 0.0, scores)


def interval(scores: np.ndarray, level: float = 0.95) -> np.ndarray | None:
    """Compute the percentile interval of the scores of resamples.

    Args:
        scores: (resample, ...) scores.
        level: confidence level.

    Returns:
        (2, ...) lower and upper bound, NaN where no resample has a score; None without resamples.
    """
    if not len(scores):
        return None
    tail = (1 - level) / 2
    bounds = np.full((2, *scores.shape[1:]), np.nan)
    has_score = ~np.isnan(scores).all(0)
    if has_score.any():  # numpy warns about quantiles of NaN only
        bounds[:, has_score] = np.nanquantile(scores[:, has_score], [tail, 1 - tail], axis=0)
    return bounds
