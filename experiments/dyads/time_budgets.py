"""Time budgets on the dyads: which estimate of the shares of time errs least, and how often its interval holds them.

    python -m experiments.dyads.time_budgets

Uses the draws of ``coverage`` and estimates the shares of the three behaviours in one other video, in five, in all, and
in the five with most of a behaviour, as in a group of animals that differ from the labelled ones:

- ``labels``: counts of the predicted labels;
- ``adjusted labels``: these, corrected by the confusion matrix of the cross-validation (adjusted classify and count;
  Forman 2008), with shares from 0 to 1;
- ``probabilities``: means of the calibrated probabilities (Bella et al. 2010), which ``predict`` prints;
- ``adjusted probabilities``: these, corrected in the same way.

The error is the mean over behaviours of the absolute difference from the true share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from experiments.dyads.coverage import Draw, arguments, fitted_draws, write
from ssl_behavior.scoring.time_budgets import budget_interval

HERE = Path(__file__).parent
_SUM_TO_ONE = 1e3
"""Weight of the constraint that shares sum to 1."""


def true_shares(counts: np.ndarray) -> np.ndarray:
    """Return shares (..., class) of the true classes in counts (..., video, true, predicted)."""
    return counts.sum((-3, -1)) / counts.sum((-3, -2, -1))[..., None]


def found_shares(counts: np.ndarray) -> np.ndarray:
    """Return shares (..., class) of what was found in counts (..., video, true, predicted)."""
    return counts.sum((-3, -2)) / counts.sum((-3, -2, -1))[..., None]


def adjusted(found: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return the true shares whose confusion, as in counts (video, true, predicted), is nearest to what was found."""
    rates = held_out.sum(0) / np.maximum(held_out.sum((0, 2)), 1)[:, None]
    shares, _ = nnls(np.vstack([rates.T, np.full(len(found), _SUM_TO_ONE)]), np.append(found, _SUM_TO_ONE))
    return np.asarray(shares / shares.sum())


def groups(draw: Draw, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of a group, and indices of its videos among the rest."""
    order = np.random.default_rng(seed).permutation(len(draw.rest_labels))
    yield from (("one", order[i : i + 1]) for i in range(5))
    yield "five", order[:5]
    yield "all", order
    of_videos = true_shares(draw.rest_labels[:, None])
    yield from (("five with most of one", np.argsort(-of_videos[:, k])[:5]) for k in range(of_videos.shape[1]))


def rows(draws: Sequence[tuple[int, Draw]]) -> Iterator[dict[str, Any]]:
    """Yield the mean errors and the coverage by number of labelled videos and group."""
    errors: dict[tuple[int, str], list[list[float]]] = {}
    for seed, (size, draw) in enumerate(draws):
        held_out = found_shares(draw.chances[:, None]) - true_shares(draw.chances[:, None])
        for name, chosen in groups(draw, seed):
            labels, chances = draw.rest_labels[chosen], draw.rest_chances[chosen]
            true, counted, summed = true_shares(labels), found_shares(labels), found_shares(chances)
            estimates = counted, adjusted(counted, draw.labels), summed, adjusted(summed, draw.chances)
            bounds = budget_interval(summed, len(chosen), held_out)
            assert bounds is not None  # there are three labelled videos or more
            held = ((bounds[0] <= true) & (true <= bounds[1])).mean()
            row = [*(float(np.abs(estimate - true).mean()) for estimate in estimates), float(held)]
            errors.setdefault((size, name), []).append([*row, float((bounds[1] - bounds[0]).mean())])
    columns = "labels", "adjusted labels", "probabilities", "adjusted probabilities", "interval holds", "width"
    for (size, name), values in sorted(errors.items(), key=lambda item: item[0][0]):
        means = np.mean(values, axis=0).tolist()
        yield {
            "labelled videos": size,
            "new videos": name,
            "cases": len(values),
            **dict(zip(columns, means, strict=True)),
        }


def main() -> None:
    """Write time_budgets.csv and time_budgets.md beside this file."""
    options = arguments(__doc__)
    write([*rows(list(fitted_draws(options.data, options.sizes, options.draws)))], HERE / "time_budgets")


if __name__ == "__main__":
    main()
