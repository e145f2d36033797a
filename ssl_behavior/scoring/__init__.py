"""Scores of predicted labels and probabilities against true labels.

Everything is plain numpy. Labels are integers; frames with -1 are unscored and left out.
"""

from ssl_behavior.scoring.bootstrap import interval, resamples, score_resamples
from ssl_behavior.scoring.bouts import OVERLAPS, bout_counts, bout_f1, macro_bout_f1
from ssl_behavior.scoring.calibration import calibrate, expected_calibration_error, fit_temperature
from ssl_behavior.scoring.frames import (
    ClassScores,
    average_precision,
    class_scores,
    confusion,
    counts_in_means,
    macro_f1,
    macro_mean,
)

__all__ = [
    "OVERLAPS",
    "ClassScores",
    "average_precision",
    "bout_counts",
    "bout_f1",
    "calibrate",
    "class_scores",
    "confusion",
    "counts_in_means",
    "expected_calibration_error",
    "fit_temperature",
    "interval",
    "macro_bout_f1",
    "macro_f1",
    "macro_mean",
    "resamples",
    "score_resamples",
]
