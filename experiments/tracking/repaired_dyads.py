"""Do repaired identities raise the scores of labels? The dyads' benchmark with tracks as they are, and repaired.

    python -m experiments.tracking.repaired_dyads    (an hour on two cores, after experiments.dyads.few_labels)

All 40 recordings are repaired, labelled and held-out ones, without their labels. The tracks as they are have the rows
of ``experiments.dyads.few_labels``. The encoder of the default was pretrained on tracks as they are. Draws are paired.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.dyads import few_labels, protocol
from experiments.dyads.coverage import write
from ssl_behavior.poses.prepare import Preparation

HERE = Path(__file__).parent
VARIANTS = {few_labels.TREES: "balanced, smoothed", "default": "its own"}
"""Variant of the benchmark -> its decision that is compared."""
SCORES = ("macro F1", "aggression", "social", "nonsocial", "bout F1@.25")
_SIZES = (3, 10)


def compared(size: int, variant: str) -> dict[str, Any]:
    """Return a row: means over the draws as they are, and mean and standard deviation of the paired differences."""
    decision = VARIANTS[variant]
    with_size = [
        {
            row["seed"]: row
            for row in protocol.done([name])
            if (row["labelled videos"], row["decision"]) == (size, decision)
        }
        for name in (variant, f"{variant}, repaired")
    ]
    seeds = sorted(set(with_size[0]) & set(with_size[1]))
    row: dict[str, Any] = {"variant": variant, "labelled videos": size, "draws": len(seeds)}
    for score in SCORES:
        before, after = (np.array([rows[seed][score] for seed in seeds]) for rows in with_size)
        change = after - before
        row[score] = f"{before.mean():.3f}"
        row[f"{score}, repaired"] = f"{change.mean():+.3f} ± {change.std(ddof=1):.3f}"
    return row


def main() -> None:
    """Run the missing rows of repaired tracks, then write repaired_dyads.csv and repaired_dyads.md beside this file."""
    arguments = protocol.arguments(__doc__, VARIANTS)
    dyads = protocol.load(arguments.data, Preparation().frame_rate, is_repaired=True)
    named = few_labels.variants(protocol.RUNS / "encoder")
    sizes = [size for size in arguments.sizes if size in _SIZES]
    for variant in arguments.variants:
        name, decisions = f"{variant}, repaired", (VARIANTS[variant],)
        protocol.run(name, named[variant], dyads, sizes, arguments.draws, arguments.jobs, decisions)
    write([compared(size, variant) for variant in VARIANTS for size in _SIZES], HERE / "repaired_dyads")


if __name__ == "__main__":
    main()
