"""Bootstrap: confidence intervals of scores over resampled videos.

Frames of one video are alike, so whole videos are drawn with replacement (a cluster bootstrap; Efron 1979, "Bootstrap
Methods: Another Look at the Jackknife"). Every resample is scored over the same classes, as means over two and over
three classes cannot be compared:

- A resample without true frames of a class that occurs is left out. The interval is therefore that of sets of videos in
  which every behaviour occurs.
- A class that is predicted and never true counts as 0 in every resample, as it does in the score itself.

The percentiles of the resamples would be too narrow for few videos: three have ten different resamples. The interval is
Student's instead. Its standard error is the standard deviation of the resamples times the root of n / (n - 1), as
resamples of n videos vary too little by that factor (Hesterberg 2015, "What Teachers Should Know About the Bootstrap").
It is computed for the arcsine of the root of a score (Anscombe 1948), so its bounds lie from 0 to 1.
``experiments/dyads/coverage.md`` shows how often both kinds hold the score on other videos.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import t as student

FEWEST_VIDEOS = 3
"""Videos with scored frames from which there are intervals; the interval of two would reach from 0 to 1."""
_LEARNING_RATE = 0.25
"""Power of the number of labelled videos with which 1 - F1 falls at most: twice what ``few_labels.md`` shows."""


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


def interval(value: np.ndarray, scores: np.ndarray, videos: int, level: float = 0.95) -> np.ndarray | None:
    """Compute the interval of a score from 0 to 1.

    Args:
        value: (...) score of all videos together.
        scores: (resample, ...) scores of resamples.
        videos: number of videos with scored frames.
        level: confidence level.

    Returns:
        (2, ...) lower and upper bound, NaN where there is no score; None without resamples or with fewer than
        ``FEWEST_VIDEOS`` videos.
    """
    bounds = difference_interval(_angle(value), _angle(scores), videos, level)
    return None if bounds is None else np.sin(np.clip(bounds, 0, np.pi / 2)) ** 2


def difference_interval(value: np.ndarray, scores: np.ndarray, videos: int, level: float = 0.95) -> np.ndarray | None:
    """Compute the interval of a number without limits, such as the difference of two scores; as ``interval``."""
    if not len(scores) or videos < FEWEST_VIDEOS:
        return None
    has_score = ~np.isnan(scores).all(0)
    deviation = np.full(scores.shape[1:], np.nan)
    deviation[has_score] = np.nanstd(scores[:, has_score], axis=0)  # numpy warns about NaN only
    half = student.ppf((1 + level) / 2, videos - 1) * np.sqrt(videos / (videos - 1)) * deviation
    return np.stack([value - half, value + half])


def _angle(scores: np.ndarray) -> np.ndarray:
    return np.arcsin(np.sqrt(np.clip(scores, 0, 1)))


def allow_for_learning(bounds: np.ndarray | None, share: float) -> np.ndarray | None:
    """Raise the upper bounds of scores of models that saw only some of the labelled videos.

    A model that learns from all scores better, by an unknown amount. Errors fall at most with the fourth root of the
    number of videos.

    Args:
        bounds: (2, ...) as from ``interval``.
        share: share of the labelled videos that the scored models saw.
    """
    return None if bounds is None else np.stack([bounds[0], 1 - (1 - bounds[1]) * share**_LEARNING_RATE])
