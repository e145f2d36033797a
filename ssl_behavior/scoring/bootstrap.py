"""How sure a score is: percentile intervals over resampled videos.

Frames of one video are alike, so whole videos are drawn, with replacement (Efron 1979; a cluster bootstrap). Every
resample must be scored over the same classes, or means over two and over three classes would be mixed: a resample that
lacks all true frames of a class that occurs is left out, so the interval is that of videos among which every behaviour
occurs; and a class without any true frames that is predicted somewhere counts as 0 in every resample, as it does in
the score itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def resamples(true_frames: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """How often each video is drawn in each resample that has true frames of every class that occurs.

    Args:
        true_frames: (video, class) of all videos.
        draws: how many resamples are drawn; those that lack a class are left out, and not drawn anew.
        generator: of the draws.

    Returns:
        (resample, video) int64; none at all with fewer than two videos.
    """
    videos = len(true_frames)
    if videos < 2 or draws < 1:
        return np.zeros((0, videos), np.int64)
    times_drawn = generator.multinomial(videos, np.full(videos, 1 / videos), size=draws)
    occurs = true_frames[:, true_frames.sum(0) > 0]
    return times_drawn[(times_drawn @ occurs > 0).all(1)]


def resampled(counts: np.ndarray, times_drawn: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Scores of the resamples, over the classes that all videos together have a score of.

    Args:
        counts: (video, ...) counts whose sum over videos the scores are computed from.
        times_drawn: (resample, video), see ``resamples``.
        score: maps (..., sums) to (..., class) scores of classes, NaN where one has none.

    Returns:
        (resample, ..., class); 0 where a class has a score in all videos together and none in the resample.
    """
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    scores = score((times_drawn.astype(np.float64) @ flat).reshape(len(times_drawn), *counts.shape[1:]))
    return np.where(np.isnan(scores) & ~np.isnan(score(counts.sum(0))), 0.0, scores)


def interval(scores: np.ndarray, level: float = 0.95) -> np.ndarray | None:
    """The percentile interval of resampled scores.

    Args:
        scores: (resample, ...).
        level: of confidence.

    Returns:
        (2, ...) lower and upper bound, NaN where no resample has a score; None without resamples.
    """
    if not len(scores):
        return None
    tail = (1 - level) / 2
    bounds = np.full((2, *scores.shape[1:]), np.nan)
    known = ~np.isnan(scores).all(0)
    if known.any():
        bounds[:, known] = np.nanquantile(scores[:, known], [tail, 1 - tail], axis=0)
    return bounds
