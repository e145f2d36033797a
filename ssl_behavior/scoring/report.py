"""All scores of a set of videos, as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS, allow_for_learning, interval, resamples, score_resamples
from ssl_behavior.scoring.bouts import OVERLAPS, bout_counts, bout_f1
from ssl_behavior.scoring.calibration import expected_calibration_error
from ssl_behavior.scoring.frames import average_precision, class_scores, confusion, counts_in_means, macro_mean


@dataclass(frozen=True, eq=False)
class ScoredVideo:
    """True and predicted labels of one video, over the same behaviours.

    Attributes:
        id: id of the video.
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int.
        probabilities: (time, behaviour), or None if the prediction has labels only.
        frame_rate: Hz.
    """

    id: str
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None
    frame_rate: float


def score(
    videos: Sequence[ScoredVideo],
    behaviours: Sequence[str],
    draws: int = 1000,
    seed: int = 0,
    unscored: Sequence[str] = (),
    training_share: float = 1.0,
) -> dict[str, Any]:
    """Compute every score over all videos together, intervals over resampled videos, and macro F1 of each video.

    A behaviour without true frames has no F1 and stays out of the means. If it is predicted all the same, its F1 is 0
    and counts, as in MABe-2021 and scikit-learn. The report says which of both holds.

    Args:
        videos: at least one video.
        behaviours: names of the labels.
        draws: number of resamples of the bootstrap; 0 for no intervals. There are none either with fewer than
            ``FEWEST_VIDEOS`` videos with scored frames (see ``bootstrap``).
        seed: seed of the bootstrap.
        unscored: behaviours that stand for frames nobody judged. They have no scores and are in no mean; their column
            of the confusion matrix shows which behaviours the model took for them.
        training_share: share of the labelled videos that the models saw, in a cross-validation. Intervals then reach
            up to scores that a model of all labelled videos may have.

    Returns:
        Plain values; None where a score is not defined or, for average precision, where probabilities are missing.
    """
    counts = _Counts.of_videos(videos, behaviours, unscored)
    frames, bouts = counts.frames.sum(0), counts.bouts.sum(0)
    f1, f1_of_bouts = counts.f1(frames), counts.bout_f1(bouts)
    occurs = frames.sum(1) > 0
    enters_means = counts_in_means(behaviours)
    is_enough = counts.scored_videos >= FEWEST_VIDEOS
    draws_made = draws if is_enough else 0
    times_drawn = resamples(counts.frames.sum(-1), draws_made, np.random.default_rng(seed))
    f1_of_resamples = score_resamples(counts.frames, times_drawn, counts.f1)
    bout_f1_of_resamples = score_resamples(counts.bouts, times_drawn, counts.bout_f1)

    def bounds(of_all: np.ndarray, of_resamples: np.ndarray) -> np.ndarray | None:
        return allow_for_learning(interval(of_all, of_resamples, counts.scored_videos), training_share)

    macro_f1, macro_bout_f1 = macro_mean(f1, behaviours), macro_mean(f1_of_bouts, behaviours)
    precisions, calibration_error = _score_probabilities(videos)
    report = {
        "behaviours": list(behaviours),
        "unscored": _select(behaviours, counts.is_unscored),
        "without_true_frames": _select(behaviours, ~occurs & enters_means & ~counts.is_unscored),
        "in_the_means": _select(behaviours, enters_means & ~np.isnan(f1)),
        "videos": [video.id for video in videos],
        "frames": int(frames.sum()),
        "frame_rates_hz": sorted({video.frame_rate for video in videos}),
        "macro_f1": macro_f1,
        "macro_f1_interval": bounds(macro_f1, macro_mean(f1_of_resamples, behaviours)),
        "too_few_videos_for_intervals": bool(draws) and not is_enough,
        "resamples": draws_made,
        "resamples_left_out": draws_made - len(times_drawn),
        "macro_precision": macro_mean(counts.without_unscored(class_scores(frames).precision), behaviours),
        "mean_average_precision": None if precisions is None else macro_mean(precisions, behaviours),
        "expected_calibration_error": calibration_error,
        "classes": counts.score_classes(bounds(f1, f1_of_resamples), precisions),
        "confusion": frames.tolist(),
        "bout_f1": _by_overlap(macro_bout_f1),
        "bout_f1_interval": _by_overlap(bounds(macro_bout_f1, macro_mean(bout_f1_of_resamples, behaviours))),
        "per_video": {
            video.id: {"macro_f1": macro_mean(counts.f1(of_video), behaviours), "frames": int(of_video.sum())}
            for video, of_video in zip(videos, counts.frames, strict=True)
        },
    }
    return {key: _plain(value) for key, value in report.items()}


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts of every video, and scores of sums of them, in which unscored behaviours have none.

    Attributes:
        behaviours: names of the labels.
        is_unscored: (class,) bool.
        frames: (video, class, class) true class by row and predicted class by column.
        bouts: (video, overlap, class, 3) matched, predicted and true bouts.
    """

    behaviours: Sequence[str]
    is_unscored: np.ndarray
    frames: np.ndarray
    bouts: np.ndarray

    @classmethod
    def of_videos(cls, videos: Sequence[ScoredVideo], behaviours: Sequence[str], unscored: Sequence[str]) -> _Counts:
        classes = len(behaviours)
        return cls(
            behaviours,
            np.array([name in unscored for name in behaviours], bool),
            np.stack([confusion(video.truth, video.predicted, classes) for video in videos]),
            np.stack([bout_counts(video.truth, video.predicted, classes) for video in videos]),
        )

    @property
    def scored_videos(self) -> int:
        """Number of videos with scored frames."""
        return int((self.frames.sum((1, 2)) > 0).sum())

    def without_unscored(self, scores: np.ndarray) -> np.ndarray:
        """The scores (..., class), with NaN for unscored behaviours."""
        return np.where(self.is_unscored, np.nan, scores)

    def f1(self, frames: np.ndarray) -> np.ndarray:
        """F1 (..., class) of frames, from sums of ``frames``."""
        return self.without_unscored(class_scores(frames).f1)

    def bout_f1(self, bouts: np.ndarray) -> np.ndarray:
        """F1 (..., overlap, class) of bouts, from sums of ``bouts``."""
        return self.without_unscored(bout_f1(bouts))

    def score_classes(self, f1_bounds: np.ndarray | None, precisions: np.ndarray | None) -> dict[str, dict[str, Any]]:
        """The scores of each behaviour, by name; arguments are (2, class) and (class,)."""
        frames, bouts = self.frames.sum(0), self.bouts.sum(0)
        scores, of_bouts = class_scores(frames), self.bout_f1(bouts)
        precision, recall = self.without_unscored(scores.precision), self.without_unscored(scores.recall)
        f1 = self.f1(frames)
        return {
            name: {
                "precision": precision[i],
                "recall": recall[i],
                "f1": f1[i],
                "f1_interval": None if f1_bounds is None else f1_bounds[:, i],
                "average_precision": None if precisions is None else precisions[i],
                "frames": int(scores.support[i]),
                "bouts": int(bouts[0, i, 2]),
                "bout_f1": _by_overlap(of_bouts[:, i]),
            }
            for i, name in enumerate(self.behaviours)
        }


def _select(names: Sequence[str], is_selected: np.ndarray) -> list[str]:
    return [name for name, selected in zip(names, is_selected, strict=True) if selected]


def _score_probabilities(videos: Sequence[ScoredVideo]) -> tuple[np.ndarray | None, float | None]:
    """Average precision (class,) and calibration error; None if a video has labels only."""
    each = [video.probabilities for video in videos if video.probabilities is not None]
    if len(each) < len(videos):
        return None, None
    truth, probabilities = np.concatenate([video.truth for video in videos]), np.concatenate(each)
    return average_precision(truth, probabilities), expected_calibration_error(truth, probabilities)


def _by_overlap(scores: np.ndarray | None) -> dict[str, Any] | None:
    """Scores (..., overlap) by the overlap, written as text."""
    return None if scores is None else {f"{overlap:g}": scores[..., k] for k, overlap in enumerate(OVERLAPS)}


def _plain(value: Any) -> Any:
    """Convert arrays and numpy numbers to lists and numbers of JSON; NaN becomes None, as JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value
