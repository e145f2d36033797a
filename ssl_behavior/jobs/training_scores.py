"""The scores of many trainings as one table: a row per combination of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ssl_behavior.jobs.results import Results
from ssl_behavior.jobs.training_units import TrainingUnit

_LAST_COLUMNS = ["encoder", "model", "problem"]


@dataclass(frozen=True)
class Combination:
    """One combination of the alternatives of a grid, and the training of its model.

    Attributes:
        varied: ``section.setting`` -> the chosen alternative.
        model: training of the model, which holds that of its encoder.
    """

    varied: Mapping[str, Any]
    model: TrainingUnit


def scores_of(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Return column of the table -> score from the report of a cross-validation; empty without one."""
    if not report:
        return {}
    overall = ("macro_f1", "macro_precision", "mean_average_precision", "expected_calibration_error")
    return (
        {name: report[name] for name in overall}
        | {f"bout_f1_{overlap}": value for overlap, value in report["bout_f1"].items()}
        | {f"f1_{behaviour}": scores["f1"] for behaviour, scores in report["classes"].items()}
    )


def tabulate_scores(combinations: Sequence[Combination], results: Results, problems: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per combination: the varied settings, the scores, the folders, and the problem if there is one.

    Args:
        combinations: the rows.
        results: folder of the results, whose marks hold the scores.
        problems: digest of a failed training -> reason in one sentence; a model has the reason of its encoder, too.
    """
    notes = results.notes(dict.fromkeys(combination.model for combination in combinations))
    rows = []
    for combination in combinations:
        model = combination.model
        assert model.encoder is not None
        row = {**combination.varied, **notes.get(model, {}).get("scores", {})}
        row |= {"encoder": model.encoder.folder, "model": model.folder}
        problem = problems.get(model.digest) or problems.get(model.encoder.digest) or "not trained yet"
        rows.append({**row, "problem": "" if model in notes else problem})
    table = pd.DataFrame(rows)
    return table[[name for name in table if name not in _LAST_COLUMNS] + _LAST_COLUMNS]


def best_model(table: pd.DataFrame, address: str) -> list[str]:
    """Return lines about the model with the best score; none if there are no scores.

    Args:
        table: see ``tabulate_scores``.
        address: folder of the results.
    """
    if "macro_f1" not in table or not table["macro_f1"].notna().any():
        return []
    best = table.loc[table["macro_f1"].idxmax()]
    return [
        f"best macro F1 in cross-validation: {best['macro_f1']:.3f} by {address}/{best['model']}",
        "(it was chosen by this score, so expect a little less on new videos)",
    ]
