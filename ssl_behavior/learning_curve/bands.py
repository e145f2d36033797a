"""How sure a curve is: bootstrap bands over the test videos and over the draws of labelled videos.

Two things are chance: which videos are tested on, and which are labelled. Each resample draws test videos with
replacement, whole ones, as frames of one are alike (see ``scoring.bootstrap``, also for resamples that lack all true
frames of a behaviour: they are left out, and counted in the curve), and draws with replacement, one fewer
than there are, as the mean of few numbers would else vary too little (McCarthy and Snowden 1985, "The bootstrap and
finite population sampling"). All points share their resamples, so a difference between two of them is surer than their
bands look; and all have the same behaviours in their means, those that occur in the test videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.learning_curve.fitting import Variant
from ssl_behavior.learning_curve.points import Point
from ssl_behavior.scoring.bootstrap import interval, resampled, resamples
from ssl_behavior.scoring.frames import class_scores, macro_mean

RESAMPLES = 1000
Place = tuple[Variant, int]


@dataclass(frozen=True)
class Estimate:
    """A number, and the 95 % interval that resampling gives it; NaN where there is no number."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Curve:
    """Scores by variant and size.

    Attributes:
        behaviours: names of the classes.
        by_draw: place -> (draw, 1 + behaviour): macro F1 and the F1 of each behaviour, of all test videos together.
        resampled: place -> (resample, 1 + behaviour): the same, mean over the resample's draws; all places have the
            same resamples.
        left_out: how many resamples lack all true frames of a behaviour, and are not among these.
    """

    behaviours: tuple[str, ...]
    by_draw: Mapping[Place, np.ndarray]
    resampled: Mapping[Place, np.ndarray]
    left_out: int = 0

    @property
    def variants(self) -> tuple[Variant, ...]:
        """In the order given."""
        return tuple(dict.fromkeys(variant for variant, _ in self.by_draw))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rising."""
        return tuple(sorted({size for _, size in self.by_draw}))

    def at(self, variant: Variant, size: int, column: int = 0) -> Estimate:
        """The mean over draws; column 0 is macro F1, then come the behaviours."""
        place = (variant, size)
        return _estimate(_mean(self.by_draw[place][:, column]), self.resampled[place][:, column])

    def gain(self, before: Place, after: Place, column: int = 0) -> Estimate:
        """How much higher the mean is at the second place than at the first, on the same resamples."""
        change = _mean(self.by_draw[after][:, column]) - _mean(self.by_draw[before][:, column])
        return _estimate(change, self.resampled[after][:, column] - self.resampled[before][:, column])

    def lead(self, variant: Variant, other: Variant) -> Estimate:
        """How much higher macro F1 is for one variant than for another, on average over sizes."""
        gains = [self.gain((other, size), (variant, size)).value for size in self.sizes]
        each = [self.resampled[variant, size][:, 0] - self.resampled[other, size][:, 0] for size in self.sizes]
        return _estimate(_mean(np.array(gains)), np.mean(each, axis=0))


def curve(points: Sequence[Point], behaviours: Sequence[str], seed: int = 0) -> Curve:
    """The curve that points tell: every variant and size with the same draws and the same test videos.

    Args:
        points: in the order in which variants are to be told.
        behaviours: names of the classes.
        seed: of the resamples.
    """
    places: dict[Place, list[np.ndarray]] = {}
    for point in sorted(points, key=lambda point: point.task.draw):
        places.setdefault((point.task.variant, point.task.size), []).append(point.counts)
    counts = {place: np.stack(places[place]) for place in dict.fromkeys((p.task.variant, p.task.size) for p in points)}
    draws = len(next(iter(counts.values())))
    rng = np.random.default_rng(seed)
    # The truth is the same at every place and draw.
    true_frames = next(iter(counts.values()))[0].sum(-1)
    occurs = true_frames.sum(0) > 0

    def f1(sums: np.ndarray) -> np.ndarray:
        return np.where(occurs, class_scores(sums).f1, np.nan)

    of_videos = resamples(true_frames, RESAMPLES, rng)
    of_draws = rng.multinomial(max(1, draws - 1), np.full(draws, 1 / draws), size=len(of_videos))
    by_draw, in_resamples = {}, {}
    for place, of_place in counts.items():
        by_draw[place] = _with_mean(f1(of_place.sum(1)), behaviours)
        scores = _with_mean(resampled(of_place.swapaxes(0, 1), of_videos, f1), behaviours)
        in_resamples[place] = _weighted_mean(scores, of_draws)
    return Curve(tuple(behaviours), by_draw, in_resamples, RESAMPLES - len(of_videos))


def _with_mean(f1: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
    """(..., 1 + behaviour) macro F1 before the F1s (..., behaviour)."""
    return np.concatenate([macro_mean(f1, behaviours)[..., None], f1], -1)


def _weighted_mean(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(resample, score) mean over draws of (resample, draw, score), each counted as often as it was drawn."""
    known = np.where(np.isnan(scores), 0, weights[..., None])
    total = known.sum(1)
    sums = (np.nan_to_num(scores) * known).sum(1)
    return np.where(total > 0, sums / np.maximum(total, 1), np.nan)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _estimate(value: float, in_resamples: np.ndarray) -> Estimate:
    bounds = interval(in_resamples)
    low, high = (np.nan, np.nan) if bounds is None else bounds
    return Estimate(value, float(low), float(high))
