"""The measurements of the protocol, and a forecast of the time of the full protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, nan
from typing import Any

import numpy as np

SCORED = ("attack", "investigation", "mount")
OVERLAP = "0.25"
NAME = ("variant", "setting", "videos")
Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A run of the protocol and its results.

    Attributes:
        kind: of the files: official or simulated.
        plan: of this run.
        full: plan of the full protocol.
        rows: one for each fine-tuning.
        encoders: setting -> mean minutes of pretraining.
        about: ``Split.about``.
        device: description of the processor or GPU.
    """

    kind: str
    plan: Any
    full: Any
    rows: Sequence[Row]
    encoders: Mapping[str, float]
    about: Mapping[str, Any]
    device: str


def row_of(scores: Mapping[str, Any], checked: Mapping[str, Any]) -> Row:
    """The scores of one fine-tuning, as a row.

    Args:
        scores: of the test videos, from evaluate.
        checked: report of the cross-validation; empty if there was none.
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
    """Group rows that differ in their seeds only."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["videos"]):
        groups.setdefault(tuple(row[name] for name in NAME), []).append(row)
    return groups


def forecast(run: Run) -> float:
    """Estimate the hours of the full protocol, with as many jobs, from the minutes of this run.

    The minutes of a run with fewer steps are scaled up in proportion, except the minutes that the frozen encoder's head
    takes too, which hardly depend on steps. The estimate is then too high, because the time of trees does not depend on
    steps. A number of videos that was not run takes the minutes of the nearest number, times the ratio of the two.
    """
    longer = run.full.pretrain_steps / run.plan.pretrain_steps
    mean = float(np.mean(list(run.encoders.values())))
    total = sum(run.encoders.get(setting, mean) for setting in run.full.settings) * run.full.seeds * longer
    longer = run.full.finetune_steps / run.plan.finetune_steps
    for variant, _, videos, _ in run.full.pieces():
        rows = [row for row in run.rows if row["variant"] == variant] or run.rows
        fixed = _minutes([row for row in run.rows if row["variant"] == "frozen linear"], videos)
        took = _minutes(rows, videos)
        total += took if variant == "frozen linear" else fixed + longer * max(took - fixed, 0.0)
        total += max(row["minutes of testing"] for row in rows)
    return (total / run.plan.jobs + run.about["minutes"]) / 60


def _minutes(rows: Sequence[Row], videos: int) -> float:
    """The minutes of fine-tuning on so many videos; 0 if there are no rows."""
    nearest = min((row["videos"] for row in rows), key=lambda size: abs(log(size / videos)), default=videos)
    minutes = [row["minutes of fine-tuning"] for row in rows if row["videos"] == nearest]
    return max(minutes, default=0.0) * videos / nearest
