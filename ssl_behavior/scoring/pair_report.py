"""Scores of labels of pairs, by laboratory and behaviour, as the MABe-2025 challenge counts them.

Frames are pooled over the videos and pairs of a laboratory. The score is the mean of F1 over the behaviours that the
laboratory shows, then over laboratories. A behaviour that is predicted and never shown counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS

_DRAWS, _SEED = 1000, 0


@dataclass(frozen=True, eq=False)
class ScoredPair:
    """True and predicted labels of one pair of a video.

    Attributes:
        video: id of the video.
        lab: name of its laboratory; empty if it is unknown.
        truth: (time,) int, -1 where unscored.
        predicted: (time,) int.
    """

    video: str
    lab: str
    truth: np.ndarray
    predicted: np.ndarray


def pair_report(pairs: Sequence[ScoredPair], behaviours: Sequence[str]) -> dict[str, Any]:
    """Compute the score of all laboratories, of each, and of each behaviour of each.

    Args:
        pairs: one or more.
        behaviours: names of the labels; the last one is that of frames in which nothing of interest happens.

    Returns:
        Plain values for JSON: ``f1``, its 95 % interval over resampled videos (None for few videos), and ``labs``:
        name -> ``f1``, ``videos`` and ``behaviours``: name -> ``f1``, ``precision``, ``recall``, ``frames``, ``bouts``.
    """
    videos, counts = pair_counts(pairs, behaviours)
    bouts = np.zeros((len(videos), len(behaviours) - 1), int)
    for pair in pairs:
        bouts[videos.index((pair.lab, pair.video))] += [
            count_bouts(pair.truth == i) for i in range(len(behaviours) - 1)
        ]
    labs = list(dict.fromkeys(lab for lab, _ in videos))
    rows = [[i for i, (lab, _) in enumerate(videos) if lab == name] for name in labs]
    score, f1 = pooled_score(counts, rows)
    return {
        "f1": score,
        "f1_interval": _interval(counts, rows),
        "labs": {
            lab: {
                "f1": None if np.isnan(of_one) else float(of_one),
                "videos": len(of_lab),
                "behaviours": _by_behaviour(counts[of_lab].sum(0), bouts[of_lab].sum(0), behaviours),
            }
            for lab, of_one, of_lab in zip(labs, f1, rows, strict=True)
        },
    }


def format_pair_report(report: dict[str, Any]) -> str:
    """Return a report as a table to print: a row per laboratory and behaviour."""
    bounds = report["f1_interval"]
    within = "" if bounds is None else f" (95 % interval {bounds[0]:.3f} to {bounds[1]:.3f})"
    lines = [f"F1 {report['f1']:.3f}{within}: mean over behaviours, then over laboratories", ""]
    lines.append(f"{'laboratory':22s}{'behaviour':18s}{'F1':>8s}{'precision':>11s}{'recall':>8s}{'bouts':>8s}")
    for lab, of_lab in report["labs"].items():
        score = "-" if of_lab["f1"] is None else f"{of_lab['f1']:.3f}"
        lines.append(f"{lab or 'all':22.22s}{'':18s}{score:>8s}")
        for name, one in of_lab["behaviours"].items():
            numbers = [f"{one[key]:.3f}" for key in ("f1", "precision", "recall")]
            lines.append(f"{'':22s}{name:18.18s}{numbers[0]:>8s}{numbers[1]:>11s}{numbers[2]:>8s}{one['bouts']:8d}")
    return "\n".join(lines)


def pair_counts(pairs: Sequence[ScoredPair], behaviours: Sequence[str]) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Count the frames of each video.

    Args:
        pairs: one or more.
        behaviours: names of the labels, as for ``pair_report``.

    Returns:
        (laboratory, video) of each video; and (video, behaviour, 3) frames that are right, predicted and true.
    """
    videos = list(dict.fromkeys((pair.lab, pair.video) for pair in pairs))
    counts = np.zeros((len(videos), len(behaviours) - 1, 3))
    for pair in pairs:
        counts[videos.index((pair.lab, pair.video))] += _counts(pair, len(behaviours) - 1)
    return videos, counts


def pooled_score(counts: np.ndarray, labs: Sequence[Sequence[int]]) -> tuple[float, np.ndarray]:
    """Compute the score of counts.

    Args:
        counts: (video, behaviour, 3), as from ``pair_counts``.
        labs: indices of the videos of each laboratory.

    Returns:
        The mean over laboratories; and (laboratory,) scores, NaN where nothing is predicted or true.
    """
    f1 = np.array([_mean_f1(counts[list(of_lab)].sum(0)) for of_lab in labs])
    return float(np.nanmean(f1)), f1


def _counts(pair: ScoredPair, behaviours: int) -> np.ndarray:
    """Return (behaviour, 3) frames that are right, predicted and true."""
    scored = pair.truth != UNSCORED
    truth, predicted = pair.truth[scored], pair.predicted[scored]
    columns = (truth[truth == predicted], predicted, truth)
    return np.stack([np.bincount(values, minlength=behaviours + 1)[:behaviours] for values in columns], 1)


def count_bouts(is_behaviour: np.ndarray) -> int:
    """Count the runs of True in (time,) bool."""
    return int((np.diff(is_behaviour.astype(np.int8), prepend=0) == 1).sum())


def _f1(counts: np.ndarray) -> np.ndarray:
    """Return F1 (..., behaviour) of counts (..., behaviour, 3); NaN for what is neither predicted nor true."""
    total = counts[..., 1] + counts[..., 2]
    return np.divide(2 * counts[..., 0], total, out=np.full(total.shape, np.nan), where=total > 0)


def _mean_f1(counts: np.ndarray) -> float:
    f1 = _f1(counts)
    return float(np.nanmean(f1)) if not np.isnan(f1).all() else float("nan")


def _interval(counts: np.ndarray, rows: Sequence[Sequence[int]]) -> list[float] | None:
    """Return the interval of the score over resamples of the videos of each laboratory."""
    if min(map(len, rows)) < FEWEST_VIDEOS:
        return None
    rng, drawn = np.random.default_rng(_SEED), []
    for of_lab in rows:
        times_drawn = rng.multinomial(len(of_lab), np.full(len(of_lab), 1 / len(of_lab)), _DRAWS)
        drawn.append([_mean_f1(np.tensordot(times, counts[of_lab], 1)) for times in times_drawn])
    low, high = np.nanquantile(np.nanmean(drawn, axis=0), [0.025, 0.975])
    return [float(low), float(high)]


def _by_behaviour(counts: np.ndarray, bouts: np.ndarray, behaviours: Sequence[str]) -> dict[str, dict[str, Any]]:
    right, predicted, true = counts.T
    f1 = _f1(counts)
    return {
        name: {
            "f1": float(f1[i]),
            "precision": float(right[i] / predicted[i]) if predicted[i] else 0.0,
            "recall": float(right[i] / true[i]) if true[i] else 0.0,
            "frames": int(true[i]),
            "bouts": int(bouts[i]),
        }
        for i, name in enumerate(behaviours[:-1])
        if not np.isnan(f1[i])
    }
