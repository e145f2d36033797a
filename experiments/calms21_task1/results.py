"""What the protocol measured, as plain values, and what the whole of it would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, nan
from typing import Any

import numpy as np

from ssl_behavior.training.supervised import Supervision

SCORED = ("attack", "investigation", "mount")
OVERLAP = "0.25"
NAME = ("variant", "setting", "videos")
Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What was run, and what came out.

    Attributes:
        kind: of the files, official or simulated.
        plan: that was run.
        full: the whole protocol.
        rows: one per fine-tuning.
        encoders: mean minutes of pretraining by setting.
        about: of the split.
        device: that it ran on, in words.
    """

    kind: str
    plan: Any
    full: Any
    rows: Sequence[Row]
    encoders: Mapping[str, float]
    about: Mapping[str, Any]
    device: str


def row_of(scores: Mapping[str, Any], checked: Mapping[str, Any]) -> Row:
    """The numbers of one fine-tuning.

    Args:
        scores: of the test videos, as evaluate gives them.
        checked: the report of the cross-validation, empty where there was none.
    """

    def number(value: float | None) -> float:
        return nan if value is None else float(value)

    classes = scores["classes"]
    row: Row = {"F1": number(scores["macro_f1"]), "MAP": number(scores["mean_average_precision"])}
    row |= {f"F1 {name}": number(classes[name]["f1"]) for name in SCORED}
    row |= {f"AP {name}": number(classes[name]["average_precision"]) for name in SCORED}
    row["bout F1"] = number(scores["bout_f1"][OVERLAP])
    return row | {"cross-validation F1": number(checked.get("macro_f1"))}


def groups(rows: Sequence[Row]) -> dict[tuple[Any, ...], list[Row]]:
    """Rows that differ in their seeds only, together."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["videos"]):
        groups.setdefault(tuple(row[name] for name in NAME), []).append(row)
    return groups


def forecast(run: Run) -> float:
    """Hours of the full protocol with as many jobs, from this run's minutes.

    What was run with fewer steps counts for as much longer, but for what the frozen encoder's head takes too, which
    hardly trains; so with fewer steps it is too high, as trees take as long whatever the steps. Of a number of videos
    that was not run, the minutes are those of the nearest number, times the ratio of their steps.
    """
    longer = run.full.pretrain_steps / run.plan.pretrain_steps
    mean = float(np.mean(list(run.encoders.values())))
    total = sum(run.encoders.get(setting, mean) for setting in run.full.settings) * run.full.seeds * longer
    longer = run.full.finetune_steps / run.plan.finetune_steps
    for variant, _, videos, _ in run.full.pieces():
        known = [row for row in run.rows if row["variant"] == variant] or run.rows
        fixed = _minutes([row for row in run.rows if row["variant"] == "frozen linear"], videos)
        took = _minutes(known, videos)
        total += took if variant == "frozen linear" else fixed + longer * max(took - fixed, 0.0)
        total += max(row["minutes of testing"] for row in known)
    return (total / run.plan.jobs + run.about["minutes"]) / 60


def _minutes(rows: Sequence[Row], videos: int) -> float:
    """Minutes of fine-tuning on so many videos; 0 if there are no rows."""
    nearest = min((row["videos"] for row in rows), key=lambda known: abs(log(known / videos)), default=videos)
    known = [row["minutes of fine-tuning"] for row in rows if row["videos"] == nearest]
    return max(known, default=0.0) * Supervision().steps_for(videos) / Supervision().steps_for(nearest)
