"""The comparison as a CSV table and as tables in Markdown."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.transfer.comparison import CALMS21, DYADS, Row, Setup, TransferConfig
from experiments.transfer.probes import METRICS
from experiments.transfer.windows import ALIKE, BEHAVIOURS, FRAME_RATE, Windows
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.poses.landmarks import STAND_INS, coverage_notice

Kind = tuple[str, str]
"""Features: where from, and with whose landmarks."""

USES = {"frozen": "frozen under a linear probe", "trained": "trained on the labelled windows"}
# Meaning of each difference, and the two kinds of features that it is between.
QUESTIONS = {
    "the dyads' encoder, over an untrained one": (("dyads", DYADS), ("untrained", DYADS)),
    "the dyads' encoder, over hand-made features of its landmarks": (("dyads", DYADS), ("hand-made", DYADS)),
    "the dyads' encoder, over the simulator's with the same landmarks": (("dyads", DYADS), ("simulator", DYADS)),
    "the dyads' encoder, over the simulator's with all landmarks": (("dyads", DYADS), ("simulator", CALMS21)),
    "the dyads' encoder, over hand-made features of all landmarks": (("dyads", DYADS), ("hand-made", CALMS21)),
    "the simulator's encoder, over an untrained one": (("simulator", CALMS21), ("untrained", CALMS21)),
    "the simulator's encoder, over hand-made features": (("simulator", CALMS21), ("hand-made", CALMS21)),
    "hand-made features: all landmarks, over the dyads' alone": (("hand-made", CALMS21), ("hand-made", DYADS)),
}


def write(folder: Path, rows: Sequence[Row], windows: Windows, setup: Setup, config: TransferConfig) -> Path:
    """Write ``results.csv`` and ``results.md`` to a folder; returns the latter."""
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: f"{v:.4f}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    lines = [*about(windows, setup, config), *differences(rows), *tables(rows)]
    (path := folder / "results.md").write_text("\n".join(lines) + "\n")
    return path


def about(windows: Windows, setup: Setup, config: TransferConfig) -> Iterator[str]:
    """Yield the lines on the data and the limits of the comparison."""
    count, frames = windows.positions.shape[:2]
    shown = ", ".join(
        f"{values.sum()} show {name} ({len(set(windows.moments[values]))} groups)"
        for name, values in windows.shows.items()
    )
    ours = f"{config.steps} steps, seeds 0 to {config.seeds - 1}"
    of_dyads = "an encoder that was given" if config.dyads_encoder else ours
    yield "# Transfer across skeletons\n"
    yield (
        f"{count} windows of CalMS21 ({frames} frames at about {FRAME_RATE:g} Hz, seen at "
        f"{setup.preparation.frame_rate:g} Hz); {shown}. Pretrained on the dyads: {of_dyads}; on the simulator: "
        f"{ours}. Untrained encoders are standardised by the windows, without their labels.\n"
    )
    names = setup.landmarks[DYADS]
    stood_in = [f"{name} by {' and '.join(stand_ins)}" for name, stand_ins in STAND_INS.items() if name in names]
    yield (
        f"Landmarks of the dyads: {', '.join(names)}. What an encoder of these sees of the windows: "
        f"{coverage_notice(SKELETON, names) or 'all keypoints'}. Stand-ins: {', '.join(stood_in) or 'none'}.\n"
    )
    yield (
        "**Limit.** The files do not say which video a window is of. Windows that share a frame, or have frames less "
        f"than {ALIKE:g} px apart, are kept together ({windows.moments.max() + 1} groups), so that no second is both "
        "learned from and tested on; the same mice in other seconds may be. All features gain from that alike.\n"
    )
    yield (
        f"Probes: balanced logistic regression, five-fold cross-validation over groups, {config.repeats} times. As "
        "many labelled windows show the behaviour as do not, or they are all of four folds. Numbers are means ± "
        "standard deviations over splits and seeds.\n"
    )


def differences(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the table of differences between kinds of features on the same splits."""
    yield "## What transfers\n"
    yield "Difference in AUC on the same splits. **Bold** where it is larger than its own deviation.\n"
    for use, title in USES.items():
        for behaviour in BEHAVIOURS:
            chosen = [row for row in rows if (row["behaviour"], row["use"]) == (behaviour, use)]
            existing, sizes = {_kind(row) for row in chosen}, list(dict.fromkeys(row["labelled"] for row in chosen))
            yield from _head(f"{behaviour}, {title}", sizes)
            for question, kinds in QUESTIONS.items():
                if existing.issuperset(kinds):
                    cells = [_shown(paired(chosen, *kinds, size), sign=True) for size in sizes]
                    yield f"| {question} | {' | '.join(cells)} |"
            yield ""


def paired(rows: Sequence[Row], one: Kind, other: Kind, size: str) -> np.ndarray:
    """Differences in AUC between two kinds of features by split: each seed of ``one`` minus the mean of ``other``."""
    reference = _of(rows, other, size)
    means = {split: np.mean([row["AUC"] for row in reference if row["split"] == split]) for split in _splits(reference)}
    return np.array([row["AUC"] - means[row["split"]] for row in _of(rows, one, size)])


def _splits(rows: Sequence[Row]) -> set[int]:
    return {row["split"] for row in rows}


def tables(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the tables of scores by number of labelled windows."""
    for use, title in USES.items():
        yield f"## Scores, {title}\n"
        for behaviour in BEHAVIOURS:
            chosen = [row for row in rows if (row["behaviour"], row["use"]) == (behaviour, use)]
            sizes = list(dict.fromkeys(row["labelled"] for row in chosen))
            for metric in METRICS:
                yield from _head(f"{behaviour}, {metric}", sizes)
                for kind in dict.fromkeys(map(_kind, chosen)):
                    name = "from scratch" if (kind[0], use) == ("untrained", "trained") else kind[0]
                    cells = [_shown(np.array([row[metric] for row in _of(chosen, kind, size)])) for size in sizes]
                    yield f"| {name}, {kind[1]} landmarks | {' | '.join(cells)} |"
                yield ""


def _kind(row: Row) -> Kind:
    return row["source"], row["landmarks"]


def _of(rows: Sequence[Row], kind: Kind, size: str) -> list[Row]:
    return [row for row in rows if _kind(row) == kind and row["labelled"] == size]


def _head(title: str, sizes: Sequence[Any]) -> Iterator[str]:
    yield f"| {title} | " + " | ".join("all" if size == "all" else f"{size} + {size}" for size in sizes) + " |"
    yield "|---" * (len(sizes) + 1) + "|"


def _shown(values: np.ndarray, sign: bool = False) -> str:
    if not values.size:
        return "-"
    mean, deviation = values.mean(), values.std(ddof=1) if values.size > 1 else np.nan
    text = f"{mean:{'+' if sign else ''}.3f} ± {deviation:.3f}"
    return f"**{text}**" if sign and abs(mean) > deviation else text
