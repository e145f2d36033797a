"""All scores of a set of videos, as plain values for JSON and as a table to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssl_behavior.errors import how_many
from ssl_behavior.scoring.bootstrap import interval, resampled, resamples
from ssl_behavior.scoring.bouts import OVERLAPS, bout_counts, bout_f1
from ssl_behavior.scoring.calibration import expected_calibration_error
from ssl_behavior.scoring.frames import average_precision, class_scores, confusion, counted, macro_mean


@dataclass(frozen=True, eq=False)
class ScoredVideo:
    """Truth and prediction of one video over the same behaviours.

    Attributes:
        id: the video.
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int.
        probabilities: (time, behaviour), or None where only labels are known.
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
) -> dict[str, Any]:
    """Every score of the videos put together, intervals over resampled videos, and macro F1 of each video.

    A behaviour without any true frame has no F1 and stays out of the means; where it is predicted all the same, its F1
    is 0 and counts, as in MABe-2021 and as in scikit-learn. The report says which it is.

    Args:
        videos: at least one.
        behaviours: names of the labels.
        draws: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
        unscored: behaviours that nobody judged: they have no scores and are in no mean, and only their column in the
            confusion shows what was taken for them.

    Returns:
        Plain values; None where a score is not defined or, for average precision, where probabilities are missing.
    """
    classes = len(behaviours)
    nobody_judged = np.array([name in unscored for name in behaviours], bool)
    counts = np.stack([confusion(video.truth, video.predicted, classes) for video in videos])
    of_bouts = np.stack([bout_counts(video.truth, video.predicted, classes) for video in videos])

    def judged(values: np.ndarray) -> np.ndarray:
        return np.where(nobody_judged, np.nan, values)

    def f1(sums: np.ndarray) -> np.ndarray:
        return judged(class_scores(sums).f1)

    def mean(values: np.ndarray) -> np.ndarray:
        return macro_mean(values, behaviours)

    total = counts.sum(0)
    scores = class_scores(total)
    precision, recall, per_class = judged(scores.precision), judged(scores.recall), f1(total)
    in_the_means = counted(behaviours) & ~np.isnan(per_class)
    times_drawn = resamples(counts.sum(-1), draws, np.random.default_rng(seed))
    of_resamples = resampled(counts, times_drawn, f1)
    f1_bounds = interval(of_resamples)
    precisions, calibration_error = _of_probabilities(videos)
    per_bout = judged(bout_f1(of_bouts.sum(0)))
    bouts_of_resamples = resampled(of_bouts, times_drawn, lambda sums: judged(bout_f1(sums)))
    report = {
        "behaviours": list(behaviours),
        "unscored": _chosen(behaviours, nobody_judged),
        "without_true_frames": _chosen(behaviours, (total.sum(1) == 0) & counted(behaviours) & ~nobody_judged),
        "in_the_means": _chosen(behaviours, in_the_means),
        "videos": [video.id for video in videos],
        "frames": int(total.sum()),
        "frame_rates_hz": sorted({video.frame_rate for video in videos}),
        "macro_f1": mean(per_class),
        "macro_f1_interval": interval(mean(of_resamples)),
        "resamples": draws if len(videos) > 1 else 0,
        "resamples_left_out": draws - len(times_drawn) if len(videos) > 1 else 0,
        "macro_precision": mean(precision),
        "mean_average_precision": None if precisions is None else mean(precisions),
        "expected_calibration_error": calibration_error,
        "classes": {
            name: {
                "precision": precision[i],
                "recall": recall[i],
                "f1": per_class[i],
                "f1_interval": None if f1_bounds is None else f1_bounds[:, i],
                "average_precision": None if precisions is None else precisions[i],
                "frames": int(scores.support[i]),
                "bouts": int(of_bouts[:, 0, i, 2].sum()),
                "bout_f1": {f"{overlap:g}": per_bout[k, i] for k, overlap in enumerate(OVERLAPS)},
            }
            for i, name in enumerate(behaviours)
        },
        "confusion": total.tolist(),
        "bout_f1": {f"{overlap:g}": value for overlap, value in zip(OVERLAPS, mean(per_bout), strict=True)},
        "bout_f1_interval": _by_overlap(interval(mean(bouts_of_resamples))),
        "per_video": {
            video.id: {"macro_f1": mean(f1(one)), "frames": int(one.sum())}
            for video, one in zip(videos, counts, strict=True)
        },
    }
    return {key: _plain(value) for key, value in report.items()}


def table(report: Mapping[str, Any]) -> str:
    """The scores as text."""
    bounds = report["macro_f1_interval"]
    sure = f"   95 % interval {_number(bounds[0])} to {_number(bounds[1])} over videos" if bounds else ""
    names = report["behaviours"]
    width = max(12, *map(len, names))
    lines = [
        f"{how_many(len(report['videos']), 'video')}, {how_many(report['frames'], 'scored frame')} at "
        f"{_rates(report['frame_rates_hz'])}; means over {', '.join(report['in_the_means']) or 'no behaviour'}",
        *_notes(report),
        "",
        f"macro F1                {_number(report['macro_f1'])}{sure}",
        f"macro precision         {_number(report['macro_precision'])}",
        f"mean average precision  {_number(report['mean_average_precision'])}",
        f"calibration error       {_number(report['expected_calibration_error'])}",
        "",
        f"{'behaviour':<{width}}  precision  recall     F1   95 % interval      AP    frames   bouts",
    ]
    for name, one in report["classes"].items():
        bounds = one["f1_interval"]
        shown = f"{_number(bounds[0])} to {_number(bounds[1])}" if bounds and bounds[0] is not None else ""
        lines.append(
            f"{name:<{width}}  {_number(one['precision']):>9}  {_number(one['recall']):>6}  {_number(one['f1']):>5}  "
            f"{shown:>14}  {_number(one['average_precision']):>6}  {one['frames']:>8,}  {one['bouts']:>6,}"
        )
    lines += [
        "",
        f"{'bout F1 at overlap':<{max(width, 18)}}  {'mean':>8}  " + "  ".join(f"{n:>{width}}" for n in names),
    ]
    for overlap, mean in report["bout_f1"].items():
        each = "  ".join(f"{_number(report['classes'][name]['bout_f1'][overlap]):>{width}}" for name in names)
        lines.append(f"{overlap:<{max(width, 18)}}  {_number(mean):>8}  {each}")
    lines += ["", "frames by true behaviour (rows) and predicted behaviour (columns)"]
    lines.append(" " * width + "  " + "  ".join(f"{name:>{width}}" for name in names))
    for name, row in zip(names, report["confusion"], strict=True):
        lines.append(f"{name:<{width}}  " + "  ".join(f"{count:>{width},}" for count in row))
    return "\n".join(lines)


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    """What a reader of the means must know, sentence by sentence."""
    if names := ", ".join(report["unscored"]):
        yield f"unscored: {names}; where predicted on other frames, these count as missed"
    for name in report["without_true_frames"]:
        predicted = report["classes"][name]["f1"] is not None
        how = "predicted all the same: its F1 is 0 and counts in the mean" if predicted else "not in the mean"
        yield f"no true frames of {name}; {how}"
    if left_out := report["resamples_left_out"]:
        yield (
            f"intervals: {left_out:,} of {report['resamples']:,} resamples of the videos lack all true frames of a "
            "behaviour and are left out"
        )


def _rates(rates: Sequence[float]) -> str:
    return " to ".join(f"{rate:g}" for rate in sorted({rates[0], rates[-1]})) + " Hz"


def _chosen(names: Sequence[str], chosen: np.ndarray) -> list[str]:
    return [name for name, is_one in zip(names, chosen, strict=True) if is_one]


def _of_probabilities(videos: Sequence[ScoredVideo]) -> tuple[np.ndarray | None, float | None]:
    """Average precision per class and calibration error, or None where a video has labels only."""
    known = [(video.truth, video.probabilities) for video in videos if video.probabilities is not None]
    if len(known) < len(videos):
        return None, None
    truth, probabilities = np.concatenate([y for y, _ in known]), np.concatenate([p for _, p in known])
    return average_precision(truth, probabilities), expected_calibration_error(truth, probabilities)


def _by_overlap(bounds: np.ndarray | None) -> dict[str, np.ndarray] | None:
    return None if bounds is None else {f"{overlap:g}": bounds[:, k] for k, overlap in enumerate(OVERLAPS)}


def _plain(value: Any) -> Any:
    """Numbers and lists as JSON has them; NaN is null."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
