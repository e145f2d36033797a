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
from experiments.dyads.decisions import Decision
from ssl_behavior.poses.prepare import Preparation

HERE = Path(__file__).parent
DECISIONS: dict[str, Decision] = {few_labels.TREES: "balanced, smoothed", "default": "its own"}
"""Variant of the benchmark -> its decision that is compared."""
CASES = ((few_labels.TREES, 3), (few_labels.TREES, 10), ("default", 3))
"""Variants and numbers of labelled videos."""
SCORES = ("macro F1", "aggression", "social", "nonsocial", "bout F1@.25")


def compared(variant: str, size: int) -> dict[str, Any]:
    """Return a row: means over the draws as they are, and mean and standard deviation of the paired differences."""
    before, after = (
        {
            row["seed"]: row
            for row in protocol.done([name])
            if row["labelled videos"] == size and row["decision"] == DECISIONS[variant]
        }
        for name in (variant, f"{variant}, repaired")
    )
    seeds = sorted(set(before) & set(after))
    row: dict[str, Any] = {"variant": variant, "labelled videos": size, "draws": len(seeds)}
    for score in SCORES:
        change = np.array([after[seed][score] - before[seed][score] for seed in seeds])
        row[score] = f"{np.mean([before[seed][score] for seed in seeds]):.3f}"
        row[f"{score}, repaired"] = f"{change.mean():+.3f} ± {change.std(ddof=1):.3f}"
    return row


def main() -> None:
    """Run the missing rows of repaired tracks, then write repaired_dyads.csv and repaired_dyads.md beside this file."""
    arguments = protocol.arguments(__doc__, DECISIONS)
    dyads = protocol.load(arguments.data, Preparation().frame_rate, is_repaired=True)
    named = few_labels.variants(protocol.RUNS / "encoder")
    for variant, size in CASES:
        decisions = (DECISIONS[variant],)
        protocol.run(f"{variant}, repaired", named[variant], dyads, [size], arguments.draws, arguments.jobs, decisions)
    write([compared(*case) for case in CASES], HERE / "repaired_dyads")


if __name__ == "__main__":
    main()
