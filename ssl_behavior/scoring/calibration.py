"""Whether probabilities mean what they say.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv:1706.04599).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ssl_behavior.recordings.labels import UNSCORED

# A temperature beyond these says that the logits hold nothing (high) or separate the frames perfectly (low).
_LOWEST, _HIGHEST = 0.05, 20.0


def expected_calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over bins of confidence, weighted by their frames.

    Args:
        truth: (time,) int, -1 where unscored.
        probabilities: (time, class); the most probable class is the guess, its probability the confidence.
        bins: of equal width over 0..1, each open below and closed above.

    Returns:
        A number in 0..1; NaN without scored frames.
    """
    scored = truth != UNSCORED
    if not scored.any():
        return float("nan")
    true, values = truth[scored], probabilities[scored].astype(np.float64)
    confidence, right = values.max(1), values.argmax(1) == true
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    gaps = np.bincount(index, right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


def fit_temperature(logits: np.ndarray, labels: np.ndarray, frequencies: np.ndarray | None = None) -> float:
    """The temperature T > 0 under which ``calibrated`` gives the labels the highest likelihood.

    Args:
        logits: (time, class) of frames that were not trained on.
        labels: (time,) int, -1 where unscored.
        frequencies: as in ``calibrated``.

    Returns:
        T; 1 without scored frames.
    """
    scored = labels != UNSCORED
    if not scored.any():
        return 1.0
    values, true = logits[scored].astype(np.float64), labels[scored].astype(np.int64)[:, None]
    prior = log_prior(frequencies, values.shape[1])

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(values * np.exp(-log_temperature) + prior, axis=1)
        return float(-np.take_along_axis(scaled, true, 1).mean())

    found = minimize_scalar(loss, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def calibrated(logits: np.ndarray, temperature: float, frequencies: np.ndarray | None = None) -> np.ndarray:
    """(time, class) float32 probabilities: softmax(logits / temperature), times the classes' frequencies.

    Args:
        logits: (time, class).
        temperature: that calibrates.
        frequencies: (class,) of the classes, where the logits are of a world in which all are equally frequent.
    """
    prior = log_prior(frequencies, logits.shape[1])
    return softmax(logits.astype(np.float64) / temperature + prior, axis=1).astype(np.float32)


def log_prior(frequencies: np.ndarray | None, classes: int) -> np.ndarray:
    """(class,) logarithm of the frequencies; what never occurs counts as one in a million. Without any, zeros."""
    return np.zeros(classes) if frequencies is None else np.log(np.maximum(frequencies, 1e-6))
