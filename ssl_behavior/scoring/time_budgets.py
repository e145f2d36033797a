"""Time budgets: the share of time that each behaviour takes, with an interval.

Counts of predicted labels are biased, because the decision favours rare behaviours. The mean of the calibrated
probabilities is not (probabilistic classify and count; Bella et al. 2010, "Quantification via Probability Estimators").
On the dyads it also errs less than counts corrected by the confusion matrix (adjusted classify and count; Forman 2008,
"Quantifying counts and costs via classification"), whose errors grow when two behaviours are often confused:
``experiments/dyads/time_budgets.md``. Probabilities assume that behaviours are about as frequent as in the labelled
videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from ssl_behavior.recordings.labels import UNSCORED, scored_frames
from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS
from ssl_behavior.scoring.report import ScoredVideo


def held_out_budgets(videos: Sequence[ScoredVideo], behaviours: Sequence[str]) -> dict[str, Any]:
    """Compute the true and the estimated share of each behaviour among the scored frames of held-out videos.

    Args:
        videos: videos with probabilities, each by a model that was trained on others. Those without a scored frame are
            left out.
        behaviours: names of the labels.

    Returns:
        Video id -> ``true`` and ``estimated`` -> (behaviour,) shares, as plain values.
    """
    budgets = {}
    for video in videos:
        is_scored = video.truth != UNSCORED
        if is_scored.any() and video.probabilities is not None:
            true = scored_frames(video.truth, len(behaviours)) / is_scored.sum()
            estimated = video.probabilities[is_scored].mean(0, dtype=np.float64)
            budgets[video.id] = {"true": true.tolist(), "estimated": estimated.tolist()}
    return budgets


def budget_errors(budgets: Mapping[str, Any]) -> np.ndarray:
    """Return estimated minus true shares (video, behaviour) of the result of ``held_out_budgets``.

    Raises:
        KeyError, TypeError, ValueError: the values are not such a result.
    """
    of_videos = [np.subtract(video["estimated"], video["true"], dtype=float) for video in budgets.values()]
    errors = np.stack(of_videos) if of_videos else np.zeros((0, 0))
    if not np.isfinite(errors).all():
        raise ValueError("shares must be finite numbers")
    return errors


def budget_interval(shares: np.ndarray, new_videos: int, errors: np.ndarray, level: float = 0.95) -> np.ndarray | None:
    """Compute the interval that holds the true shares of new videos together, by the t distribution.

    The errors of single videos give a variance. The error of m new videos has an m-th of it, and a bias that n held-out
    videos cannot exclude has an n-th.

    Args:
        shares: (behaviour,) estimated shares: the means of the calibrated probabilities over all frames.
        new_videos: number of videos that they are estimated from.
        errors: (video, behaviour) as from ``budget_errors``.
        level: confidence level.

    Returns:
        (2, behaviour) lower and upper bounds from 0 to 1; None with fewer than ``FEWEST_VIDEOS`` held-out videos.
    """
    n = len(errors)
    if n < FEWEST_VIDEOS or not new_videos:
        return None
    deviation = np.sqrt((errors**2).sum(0) / (n - 1))
    half = student.ppf((1 + level) / 2, n - 1) * deviation * np.sqrt(1 / new_videos + 1 / n)
    return np.clip([shares - half, shares + half], 0, 1)
