"""Errors of a model's time budgets on the videos that its cross-validation held out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ssl_behavior.scoring.time_budgets import budget_errors

SCORES = "cross_validation.json"
"""The file of a model's folder with the scores of its cross-validation."""


def read_budget_errors(model: Path, behaviours: int) -> np.ndarray | None:
    """Read the errors from the folder that ``finetune`` wrote.

    Args:
        model: folder of the model.
        behaviours: number of behaviours of the model.

    Returns:
        (video, behaviour) as from ``budget_errors``; None if the folder holds none for these behaviours, as after a
        single labelled video.
    """
    try:
        errors = budget_errors(json.loads((model / SCORES).read_text(encoding="utf-8"))["time_budgets"])
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return errors if errors.ndim == 2 and errors.shape[1] == behaviours else None
