"""Scores of predictions against truth: plain numpy, labels as integers with -1 for unscored frames left out."""

from ssl_behavior.scoring.bootstrap import interval, resampled, resamples
from ssl_behavior.scoring.bouts import OVERLAPS, bout_counts, bout_f1, macro_bout_f1
from ssl_behavior.scoring.calibration import calibrated, expected_calibration_error, fit_temperature
from ssl_behavior.scoring.frames import (
    ClassScores,
    average_precision,
    class_scores,
    confusion,
    counted,
    macro_f1,
    macro_mean,
)

__all__ = [
    "OVERLAPS",
    "ClassScores",
    "average_precision",
    "bout_counts",
    "bout_f1",
    "calibrated",
    "class_scores",
    "confusion",
    "counted",
    "expected_calibration_error",
    "fit_temperature",
    "interval",
    "macro_bout_f1",
    "macro_f1",
    "macro_mean",
    "resampled",
    "resamples",
]
