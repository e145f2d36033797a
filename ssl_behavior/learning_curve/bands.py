"""Uncertainty of a learning curve: bootstrap bands over the test videos and over the draws of labelled videos.

Chance decides which videos are tested on and which are labelled, so each resample draws both with replacement:

- Test videos are drawn whole, because frames of one video are alike. A resample without any true frame of a behaviour
  is left out and counted (see ``scoring.bootstrap``).
- Draws of labelled videos number one fewer than there are, because the mean of a few resampled numbers would otherwise
  vary too little (McCarthy and Snowden 1985, "The bootstrap and finite population sampling").

All conditions share their resamples, so a difference between two of them is more certain than their bands suggest. All
have the same behaviours in their means: those that occur in the test videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.learning_curve.points import Point
from ssl_behavior.learning_curve.variants import Variant
from ssl_behavior.scoring.bootstrap import difference_interval, interval, resamples, score_resamples
from ssl_behavior.scoring.frames import class_scores, macro_mean

RESAMPLES = 1000
Condition = tuple[Variant, int]
"""A variant and the number of labelled videos it was trained on."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % bootstrap interval; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Curve:
    """Scores by condition.

    Attributes:
        behaviours: names of the classes.
        by_draw: condition -> (draw, 1 + behaviour) macro F1 and the F1 of each behaviour, over all test videos.
        resampled: condition -> (resample, 1 + behaviour) the same scores, as means over the resample's draws. All
            conditions have the same resamples.
        test_videos: number of test videos.
        resamples_left_out: number of resamples without any true frame of a behaviour; they are not in ``resampled``.
    """

    behaviours: tuple[str, ...]
    by_draw: Mapping[Condition, np.ndarray]
    resampled: Mapping[Condition, np.ndarray]
    test_videos: int
    resamples_left_out: int = 0

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants, in the order of the points."""
        return tuple(dict.fromkeys(variant for variant, _ in self.by_draw))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of labelled videos, rising."""
        return tuple(sorted({size for _, size in self.by_draw}))

    def at(self, variant: Variant, size: int, column: int = 0) -> Estimate:
        """Return the mean score over draws; column 0 is macro F1, and the behaviours follow."""
        condition = (variant, size)
        value, resampled = _mean(self.by_draw[condition][:, column]), self.resampled[condition][:, column]
        return _estimate(value, interval(np.array(value), resampled, self.test_videos))

    def gain(self, before: Condition, after: Condition, column: int = 0) -> Estimate:
        """Return the mean score of ``after`` minus that of ``before``, on the same resamples."""
        change = _mean(self.by_draw[after][:, column]) - _mean(self.by_draw[before][:, column])
        return self._difference(change, self.resampled[after][:, column] - self.resampled[before][:, column])

    def lead(self, variant: Variant, other: Variant) -> Estimate:
        """Return the macro F1 of ``variant`` minus that of ``other``, on average over sizes."""
        gains = [self.gain((other, size), (variant, size)).value for size in self.sizes]
        resampled = [self.resampled[variant, size][:, 0] - self.resampled[other, size][:, 0] for size in self.sizes]
        return self._difference(_mean(np.array(gains)), np.mean(resampled, axis=0))

    def _difference(self, value: float, resampled: np.ndarray) -> Estimate:
        return _estimate(value, difference_interval(np.array(value), resampled, self.test_videos))


def make_curve(points: Sequence[Point], behaviours: Sequence[str], seed: int = 0) -> Curve:
    """Make the curve through points. All conditions need the same draws and the same test videos.

    Args:
        points: their order gives the order of the variants.
        behaviours: names of the classes.
        seed: seed of the resamples.
    """
    conditions = dict.fromkeys((point.task.variant, point.task.size) for point in points)
    by_condition: dict[Condition, list[np.ndarray]] = {condition: [] for condition in conditions}
    for point in sorted(points, key=lambda point: point.task.draw):
        by_condition[point.task.variant, point.task.size].append(point.counts)
    counts = {condition: np.stack(draws) for condition, draws in by_condition.items()}
    draws = len(next(iter(counts.values())))
    rng = np.random.default_rng(seed)
    # The true labels are the same in every condition and draw.
    true_frames = next(iter(counts.values()))[0].sum(-1)
    occurs = true_frames.sum(0) > 0

    def f1(sums: np.ndarray) -> np.ndarray:
        return np.where(occurs, class_scores(sums).f1, np.nan)

    video_draws = resamples(true_frames, RESAMPLES, rng)
    draw_draws = rng.multinomial(max(1, draws - 1), np.full(draws, 1 / draws), size=len(video_draws))
    by_draw, in_resamples = {}, {}
    for condition, frames in counts.items():
        by_draw[condition] = _with_mean(f1(frames.sum(1)), behaviours)
        scores = _with_mean(score_resamples(frames.swapaxes(0, 1), video_draws, f1), behaviours)
        in_resamples[condition] = _weighted_mean(scores, draw_draws)
    return Curve(tuple(behaviours), by_draw, in_resamples, len(true_frames), RESAMPLES - len(video_draws))


def _with_mean(f1: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
    """Return (..., 1 + behaviour): the macro F1, followed by the F1s (..., behaviour)."""
    return np.concatenate([macro_mean(f1, behaviours)[..., None], f1], -1)


def _weighted_mean(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean (resample, score) of scores (resample, draw, score), weighted by the times each draw was drawn.

    A score that is NaN has no weight.
    """
    weights = np.where(np.isnan(scores), 0, weights[..., None])
    total = weights.sum(1)
    sums = (np.nan_to_num(scores) * weights).sum(1)
    return np.where(total > 0, sums / np.maximum(total, 1), np.nan)


def _mean(values: np.ndarray) -> float:
    scores = values[~np.isnan(values)]
    return float(scores.mean()) if scores.size else float("nan")


def _estimate(value: float, bounds: np.ndarray | None) -> Estimate:
    low, high = (np.nan, np.nan) if bounds is None else bounds
    return Estimate(value, float(low), float(high))
