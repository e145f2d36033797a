"""All scores of a set of videos, as plain values for JSON and as a table to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssl_behavior.scoring.bootstrap import interval
from ssl_behavior.scoring.bouts import OVERLAPS, bout_counts, bout_f1, macro_bout_f1
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


def score(videos: Sequence[ScoredVideo], behaviours: Sequence[str], draws: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Every score of the videos put together, intervals over resampled videos, and macro F1 of each video.

    Args:
        videos: at least one.
        behaviours: names of the labels.
        draws: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.

    Returns:
        Plain values; None where a score is not defined or, for average precision, where probabilities are missing.
    """
    classes = len(behaviours)
    counts = np.stack([confusion(video.truth, video.predicted, classes) for video in videos])
    of_bouts = np.stack([bout_counts(video.truth, video.predicted, classes) for video in videos])

    def macro(sums: np.ndarray) -> np.ndarray:
        return macro_mean(class_scores(sums).f1, behaviours)

    def bouts(sums: np.ndarray) -> np.ndarray:
        return macro_bout_f1(sums, behaviours)

    total = counts.sum(0)
    scores = class_scores(total)
    f1_bounds = interval(counts, lambda sums: class_scores(sums).f1, draws, seed)
    precisions, calibration_error = _of_probabilities(videos)
    per_bout = bout_f1(of_bouts.sum(0))
    report = {
        "behaviours": list(behaviours),
        "in_the_means": [name for name, kept in zip(behaviours, counted(behaviours), strict=True) if kept],
        "videos": [video.id for video in videos],
        "frames": int(total.sum()),
        "macro_f1": macro(total),
        "macro_f1_interval": interval(counts, macro, draws, seed),
        "macro_precision": macro_mean(scores.precision, behaviours),
        "mean_average_precision": None if precisions is None else macro_mean(precisions, behaviours),
        "expected_calibration_error": calibration_error,
        "classes": {
            name: {
                "precision": scores.precision[i],
                "recall": scores.recall[i],
                "f1": scores.f1[i],
                "f1_interval": None if f1_bounds is None else f1_bounds[:, i],
                "average_precision": None if precisions is None else precisions[i],
                "frames": int(scores.support[i]),
                "bouts": int(of_bouts[:, 0, i, 2].sum()),
                "bout_f1": {f"{overlap:g}": per_bout[k, i] for k, overlap in enumerate(OVERLAPS)},
            }
            for i, name in enumerate(behaviours)
        },
        "confusion": total.tolist(),
        "bout_f1": {f"{overlap:g}": value for overlap, value in zip(OVERLAPS, bouts(of_bouts.sum(0)), strict=True)},
        "bout_f1_interval": _by_overlap(interval(of_bouts, bouts, draws, seed)),
        "per_video": {
            video.id: {"macro_f1": macro(one), "frames": int(one.sum())}
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
        f"{len(report['videos'])} videos, {report['frames']:,} scored frames; "
        f"means over {', '.join(report['in_the_means'])}",
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
        shown = f"{_number(bounds[0])} to {_number(bounds[1])}" if bounds else ""
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
