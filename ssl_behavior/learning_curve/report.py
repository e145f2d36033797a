"""The curve as a table, as plain values, and as advice that claims no more than the bands allow."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ssl_behavior.errors import how_many
from ssl_behavior.learning_curve.bands import RESAMPLES, Curve, Estimate
from ssl_behavior.learning_curve.fitting import Variant
from ssl_behavior.learning_curve.points import Point

# A gain below this is not worth labelling for.
_LITTLE = 0.02
_FEW_TEST_VIDEOS = 5


def shown(variant: Variant) -> str:
    """A variant's name as people read it."""
    return variant.replace("-", " ")


def table(found: Curve) -> str:
    """Macro F1 by number of labelled videos, with 95 % intervals."""
    cells = {place: _with_band(found.at(*place)) for place in found.by_draw}
    width = max(map(len, [*cells.values(), *map(shown, found.variants)]))
    lines = ["videos  " + "  ".join(f"{shown(variant):<{width}}" for variant in found.variants).rstrip()]
    for size in found.sizes:
        row = [f"{cells.get((variant, size), ''):<{width}}" for variant in found.variants]
        lines.append((f"{size:>6}  " + "  ".join(row)).rstrip())
    return "\n".join(lines)


def about_resamples(found: Curve) -> Iterator[str]:
    """How many resamples the bands leave out, if any."""
    if found.left_out:
        which = f"{found.left_out:,} of {RESAMPLES:,} resamples of the test videos"
        yield f"Bands: {which} lack all true frames of a behaviour and are left out."


def advice(found: Curve, test_videos: int, draws: int) -> list[str]:
    """What the curve says on how many videos to label, sentence by sentence. On little data, it judges nothing."""
    first, sizes = found.variants[0], found.sizes
    few = [f"only {how_many(test_videos, 'video')} tested on"] * (test_videos < _FEW_TEST_VIDEOS)
    few += ["one draw of labelled videos, whose chance the bands leave out"] * (draws == 1)
    at_most = ", ".join(f"{shown(variant)} {_with_band(found.at(variant, sizes[-1]), 2)}" for variant in found.variants)
    sentences = [f"at {how_many(sizes[-1], 'labelled video')}: {at_most}."]
    if len(sizes) > 1:
        gain = found.gain((first, sizes[-2]), (first, sizes[-1]))
        step = f"going from {sizes[-2]} to {sizes[-1]} labelled videos, {shown(first)} {_changed(gain)}"
        sentences += [f"{step}." if few else f"{step}: {_verdict(gain)}."]
        sentences += [] if few else _enough(found)
    sentences += _against_the_others(found, judged=not few)
    if few:
        sentences.append(f"caution: {' and '.join(few)}: the bands are narrower than the truth.")
    return [one[0].upper() + one[1:] for one in sentences]


def rows(points: Sequence[Point], found: Curve) -> str:
    """``curve.csv``: a row per point, as it was measured, on all test videos together."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["size", "draw", "variant", "macro F1", *found.behaviours, "minutes", "videos"])
    for point in sorted(points, key=lambda point: (point.task.size, point.task.draw)):
        task = point.task
        scores = [
            "" if np.isnan(value) else f"{value:.4f}" for value in found.by_draw[task.variant, task.size][task.draw]
        ]
        names = "; ".join(task.videos)
        writer.writerow([task.size, task.draw, shown(task.variant), *scores, f"{point.minutes:.2f}", names])
    return text.getvalue()


def plain(found: Curve) -> dict[str, Any]:
    """``curve.json``: means with their 95 % intervals, and what a step or a variant adds, as plain values."""
    sizes = found.sizes
    steps = [
        {"variant": shown(variant), "from": a, "to": b, "macro_f1": _pair(found.gain((variant, a), (variant, b)))}
        for variant in found.variants
        for a, b in pairwise(sizes)
    ]
    first, others = found.variants[0], found.variants[1:]
    over = [
        {
            "variant": shown(first),
            "over": shown(other),
            "on_average": _pair(found.lead(first, other)),
            "by_size": [{"size": size, "macro_f1": _pair(found.gain((other, size), (first, size)))} for size in sizes],
        }
        for other in others
    ]
    return {
        "curve": [
            {
                "variant": shown(variant),
                "size": size,
                "macro_f1": _pair(found.at(variant, size)),
                "behaviours": {
                    name: _pair(found.at(variant, size, column)) for column, name in enumerate(found.behaviours, 1)
                },
            }
            for variant, size in found.by_draw
        ],
        "gains": steps,
        "differences": over,
        "resamples": RESAMPLES,
        "resamples_left_out": found.left_out,
    }


def _enough(found: Curve) -> Iterator[str]:
    """The smallest number of videos that is surely almost as good as all of them, if it is smaller."""
    first, sizes = found.variants[0], found.sizes
    left = {size: found.gain((first, size), (first, sizes[-1])) for size in sizes[:-2]}
    if enough := [size for size, gain in left.items() if gain.high < _LITTLE]:
        do = f"{how_many(enough[0], 'video')} {'does' if enough[0] == 1 else 'do'}"
        yield f"{do} almost as well as {sizes[-1]}, which gained {_with_band(left[enough[0]], 2)}."


def _against_the_others(found: Curve, judged: bool) -> Iterator[str]:
    """One comparison per variant, over all sizes: of many, some would come out ahead by chance.

    Where there is too little to judge by, it says what was seen here and not which variant is better.
    """
    first, sizes = found.variants[0], found.sizes
    for other in found.variants[1:]:
        above, below = (other, first) if found.lead(first, other).high < 0 else (first, other)
        lead = found.lead(above, below)
        gains = {size: found.gain((below, size), (above, size)) for size in sizes}
        most = max(sizes, key=lambda size: abs(gains[size].value))
        mean = _with_band(lead, 2) + " on average over sizes" * (len(sizes) > 1)
        mean += f"; most at {how_many(most, 'video')}: {_with_band(gains[most], 2)}" * (len(sizes) > 1)
        if not lead.low > 0:
            yield f"no difference is shown between {shown(first)} and {shown(other)}: {mean}."
        elif judged:
            yield f"{shown(first)} is {'ahead of' if above == first else 'behind'} {shown(other)} by {mean}."
        else:
            yield f"{shown(above)} scored above {shown(below)} here, by {mean}."


def _verdict(gain: Estimate) -> str:
    if gain.low > 0:
        return "more labels still help"
    if gain.high < 0:
        return "more labels did not help here"
    if gain.high < _LITTLE:
        return "more labels of this kind will hardly help"
    if math.isnan(gain.low):
        return "how sure that is cannot be told"
    return "that may be chance, as the interval holds 0; more --draws or more videos to test on would tell"


def _changed(gain: Estimate) -> str:
    return f"{'gained' if gain.value >= 0 else 'changed by'} {_with_band(gain, 2)}"


def _with_band(one: Estimate, digits: int = 3) -> str:
    if math.isnan(one.value):
        return "-"
    if math.isnan(one.low):
        return f"{one.value:.{digits}f}"
    return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def _pair(one: Estimate) -> dict[str, Any]:
    return {
        "mean": None if math.isnan(one.value) else one.value,
        "interval": None if math.isnan(one.low) else [one.low, one.high],
    }
