"""The official score of MABe-2025 as values for a file and as a table to read, with intervals over videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssl_behavior.errors import count_of
from ssl_behavior.scoring.bootstrap import interval, resamples, score_resamples
from ssl_behavior.scoring.mabe25 import COUNTS, OfficialScore, f_scores


def official_report(scores: OfficialScore, draws: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Return scores and 95 % intervals as values of JSON.

    The videos of each laboratory are drawn again from its own videos, as the score weighs all laboratories alike. A
    laboratory with fewer than three videos has no interval, and neither has the mean over such laboratories.

    Args:
        scores: the official score.
        draws: number of resamples of the videos; 0 for no intervals.
        seed: seed of the resamples.
    """
    generator = np.random.default_rng(seed)
    labs: dict[str, Any] = {}
    drawn_of: list[np.ndarray] = []
    for lab, value in scores.labs.items():
        counts = _by_video(scores.videos[scores.videos["lab"] == lab])
        drawn = _resampled(counts, draws, generator)
        bounds = interval(np.array(value), drawn, len(counts))
        labs[lab] = {
            "score": value,
            "interval": None if bounds is None else bounds.tolist(),
            "videos": len(counts),
            "actions": {
                row.pop("action"): {name: row[name] for name in ("f_score", *COUNTS)}
                for row in scores.cells[scores.cells["lab"] == lab].to_dict("records")
            },
        }
        drawn_of.append(drawn if bounds is not None else drawn[:0])
    videos = [of_lab["videos"] for of_lab in labs.values()]
    bounds = interval(np.array(scores.mean), _means(drawn_of, videos), sum(videos))
    return {
        "official_score": scores.mean,
        "interval": None if bounds is None else bounds.tolist(),
        "videos": sorted(set(scores.videos["video"])),
        "labs": labs,
    }


def format_official_report(report: Mapping[str, Any]) -> str:
    """Format the values of ``official_report`` as a table by laboratory and action."""
    return "\n".join(_lines(report))


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    labs = report["labs"]
    laboratories = "1 laboratory" if len(labs) == 1 else f"{len(labs)} laboratories"
    yield f"{count_of(len(report['videos']), 'video')} of {laboratories}"
    yield f"official score  {report['official_score']:.4f}{_certainty(report['interval'])}"
    yield ""
    width = max(len(name) for lab, of_lab in labs.items() for name in (lab, *(f"  {one}" for one in of_lab["actions"])))
    yield f"{'laboratory, action':<{max(width, 18)}}      F  right frames        wrong       missed"
    width = max(width, 18)
    for lab, of_lab in labs.items():
        yield f"{lab:<{width}}  {of_lab['score']:.3f}{_certainty(of_lab['interval'])}"
        for action, cell in of_lab["actions"].items():
            frames = "".join(f"{cell[name]:>13,}" for name in COUNTS)
            yield f"{f'  {action}':<{width}}  {cell['f_score']:.3f} {frames}"


def _certainty(bounds: list[float] | None) -> str:
    return f"   95 % interval {bounds[0]:.3f} to {bounds[1]:.3f} over videos" if bounds else ""


def _means(drawn_of: Sequence[np.ndarray], videos: Sequence[int]) -> np.ndarray:
    """Return resampled means over laboratories, (resample,); none if a laboratory has no resamples.

    Resamples of n videos vary too little by the root of n / (n - 1), for which ``interval`` allows with the number of
    all videos. Each laboratory needs the factor of its own number.

    Args:
        drawn_of: scores of resamples (resample,) of each laboratory.
        videos: number of videos of each.
    """
    together = min(map(len, drawn_of))
    if not together:
        return np.zeros(0)
    factors = np.sqrt(np.divide(videos, np.subtract(videos, 1)) * (1 - 1 / sum(videos)))
    stretched = [
        drawn.mean() + factor * (drawn[:together] - drawn.mean())
        for drawn, factor in zip(drawn_of, factors, strict=True)
    ]
    return np.asarray(np.mean(stretched, axis=0))


def _by_video(rows: pd.DataFrame) -> np.ndarray:
    """Return the counts of one laboratory, (video, action, count)."""
    shape = (rows["video"].nunique(), rows["action"].nunique(), len(COUNTS))
    counts = np.zeros(shape, np.int64)
    counts[rows["video"].factorize()[0], rows["action"].factorize()[0]] = rows[COUNTS].to_numpy()
    return counts


def _resampled(counts: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return the scores of resamples of the videos of one laboratory, (resample,)."""
    true_frames = counts[..., COUNTS.index("true_positives")] + counts[..., COUNTS.index("false_negatives")]
    scores = score_resamples(counts, resamples(true_frames, draws, generator), f_scores)
    means: np.ndarray = scores.mean(-1)
    return means
