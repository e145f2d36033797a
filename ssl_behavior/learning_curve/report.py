"""The curve as a table, as CSV and JSON, and as advice that claims no more than the bands allow."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ssl_behavior.errors import count_of
from ssl_behavior.learning_curve.bands import RESAMPLES, Curve, Estimate
from ssl_behavior.learning_curve.points import Point
from ssl_behavior.learning_curve.variants import variant_name
from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS

# A smaller gain in macro F1 is not worth labelling more videos.
_LITTLE = 0.02


def table(curve: Curve) -> str:
    """Tabulate macro F1 by number of labelled videos, with 95 % intervals."""
    cells = {condition: _with_band(curve.at(*condition)) for condition in curve.by_draw}
    width = max(map(len, [*cells.values(), *map(variant_name, curve.variants)]))
    lines = ["videos  " + "  ".join(f"{variant_name(variant):<{width}}" for variant in curve.variants).rstrip()]
    for size in curve.sizes:
        row = [f"{cells.get((variant, size), ''):<{width}}" for variant in curve.variants]
        lines.append((f"{size:>6}  " + "  ".join(row)).rstrip())
    return "\n".join(lines)


def resamples_notes(curve: Curve) -> Iterator[str]:
    """Yield a line on the resamples that the bands leave out, if there are any."""
    if curve.resamples_left_out:
        resamples = f"{curve.resamples_left_out:,} of {RESAMPLES:,} resamples of the test videos"
        yield f"Bands: {resamples} lack all true frames of a behaviour and are left out."


def advice(curve: Curve, test_videos: int, draws: int) -> list[str]:
    """Advise on the number of videos to label and on the better variant; with little data, only describe the scores.

    Args:
        curve: curve whose first variant the advice is about.
        test_videos: number of test videos.
        draws: number of draws of labelled videos.
    """
    first, sizes = curve.variants[0], curve.sizes
    few = [f"only {count_of(test_videos, 'test video')}"] * (test_videos < FEWEST_VIDEOS)
    few += ["a single draw of labelled videos"] * (draws == 1)
    at_most = ", ".join(
        f"{variant_name(variant)} {_with_band(curve.at(variant, sizes[-1]), 2)}" for variant in curve.variants
    )
    sentences = [f"at {count_of(sizes[-1], 'labelled video')}: {at_most}."]
    if len(sizes) > 1:
        gain = curve.gain((first, sizes[-2]), (first, sizes[-1]))
        step = f"going from {sizes[-2]} to {sizes[-1]} labelled videos, {variant_name(first)} {_changed(gain)}"
        sentences += [f"{step}." if few else f"{step}: {_verdict(gain)}."]
        sentences += [] if few else _enough(curve)
    sentences += _comparisons(curve, judged=not few)
    if few:
        sentences.append(f"caution: {' and '.join(few)}, so the true uncertainty is larger than shown.")
    return [sentence[0].upper() + sentence[1:] for sentence in sentences]


def csv_text(points: Sequence[Point], curve: Curve) -> str:
    """Return the content of ``curve.csv``: a row per point, with its scores on all test videos together."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["size", "draw", "variant", "macro F1", *curve.behaviours, "minutes", "videos"])
    for point in sorted(points, key=lambda point: (point.task.size, point.task.draw)):
        task = point.task
        scores = [
            "" if np.isnan(value) else f"{value:.4f}" for value in curve.by_draw[task.variant, task.size][task.draw]
        ]
        names = "; ".join(task.videos)
        writer.writerow([task.size, task.draw, variant_name(task.variant), *scores, f"{point.minutes:.2f}", names])
    return text.getvalue()


def plain_values(curve: Curve) -> dict[str, Any]:
    """Return the scores in ``curve.json``: means with 95 % intervals, and the gains from more videos and by variant."""
    sizes = curve.sizes
    steps = [
        {
            "variant": variant_name(variant),
            "from": a,
            "to": b,
            "macro_f1": _mean_and_interval(curve.gain((variant, a), (variant, b))),
        }
        for variant in curve.variants
        for a, b in pairwise(sizes)
    ]
    first, others = curve.variants[0], curve.variants[1:]
    over = [
        {
            "variant": variant_name(first),
            "over": variant_name(other),
            "on_average": _mean_and_interval(curve.lead(first, other)),
            "by_size": [
                {"size": size, "macro_f1": _mean_and_interval(curve.gain((other, size), (first, size)))}
                for size in sizes
            ],
        }
        for other in others
    ]
    return {
        "curve": [
            {
                "variant": variant_name(variant),
                "size": size,
                "macro_f1": _mean_and_interval(curve.at(variant, size)),
                "behaviours": {
                    name: _mean_and_interval(curve.at(variant, size, column))
                    for column, name in enumerate(curve.behaviours, 1)
                },
            }
            for variant, size in curve.by_draw
        ],
        "gains": steps,
        "differences": over,
        "resamples": RESAMPLES,
        "resamples_left_out": curve.resamples_left_out,
    }


def _enough(curve: Curve) -> Iterator[str]:
    """Yield a sentence on the smallest number of videos that is almost as good as the largest, if there is one."""
    first, sizes = curve.variants[0], curve.sizes
    gains = {size: curve.gain((first, size), (first, sizes[-1])) for size in sizes[:-2]}
    if enough := [size for size, gain in gains.items() if gain.high < _LITTLE]:
        videos_do = f"{count_of(enough[0], 'video')} {'does' if enough[0] == 1 else 'do'}"
        yield f"{videos_do} almost as well as {sizes[-1]}, which gained {_with_band(gains[enough[0]], 2)}."


def _comparisons(curve: Curve, judged: bool) -> Iterator[str]:
    """Yield a sentence per other variant, on the mean over sizes: among many comparisons, some would differ by chance.

    Without ``judged``, the sentences say which variant scored higher here, and not which is better.
    """
    first, sizes = curve.variants[0], curve.sizes
    for other in curve.variants[1:]:
        above, below = (other, first) if curve.lead(first, other).high < 0 else (first, other)
        lead = curve.lead(above, below)
        gains = {size: curve.gain((below, size), (above, size)) for size in sizes}
        most = max(sizes, key=lambda size: abs(gains[size].value))
        mean = _with_band(lead, 2) + " on average over sizes" * (len(sizes) > 1)
        mean += f"; most at {count_of(most, 'video')}: {_with_band(gains[most], 2)}" * (len(sizes) > 1)
        if not lead.low > 0:
            yield f"no difference is shown between {variant_name(first)} and {variant_name(other)}: {mean}."
        elif judged:
            relation = "ahead of" if above == first else "behind"
            yield f"{variant_name(first)} is {relation} {variant_name(other)} by {mean}."
        else:
            yield f"{variant_name(above)} scored above {variant_name(below)} here, by {mean}."


def _verdict(gain: Estimate) -> str:
    if gain.low > 0:
        return "more labels still help"
    if gain.high < 0:
        return "more labels did not help here"
    if gain.high < _LITTLE:
        return "more labels of this kind will hardly help"
    if math.isnan(gain.low):
        return "the uncertainty of this gain is unknown"
    return "this may be chance, as the interval includes 0; more --draws or more test videos would show"


def _changed(gain: Estimate) -> str:
    return f"{'gained' if gain.value >= 0 else 'changed by'} {_with_band(gain, 2)}"


def _with_band(estimate: Estimate, digits: int = 3) -> str:
    if math.isnan(estimate.value):
        return "-"
    if math.isnan(estimate.low):
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _mean_and_interval(estimate: Estimate) -> dict[str, Any]:
    return {
        "mean": None if math.isnan(estimate.value) else estimate.value,
        "interval": None if math.isnan(estimate.low) else [estimate.low, estimate.high],
    }
