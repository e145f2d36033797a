"""Calibration: probabilities that agree with observed frequencies.

Temperature scaling and the expected calibration error follow Guo et al. 2017, "On Calibration of Modern Neural
Networks" (arXiv:1706.04599).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ssl_behavior.recordings.labels import UNSCORED

# The best temperature is infinite if logits hold no information, and 0 if they separate the frames perfectly.
_LOWEST, _HIGHEST = 0.05, 20.0
# A behaviour that never occurs among the labels may still occur in other videos.
_LEAST_FREQUENCY = 1e-6


def expected_calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Compute the mean gap between confidence and accuracy over bins of confidence, weighted by frames.

    Args:
        truth: (time,) int, -1 where unscored.
        probabilities: (time, class); the confidence of a frame is the probability of its most probable class.
        bins: number of bins of equal width over 0..1, each open below and closed above.

    Returns:
        A number in 0..1; NaN without scored frames.
    """
    scored = truth != UNSCORED
    if not scored.any():
        return float("nan")
    true, values = truth[scored], probabilities[scored].astype(np.float64)
    confidence, is_right = values.max(1), values.argmax(1) == true
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    gaps = np.bincount(index, is_right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


def fit_temperature(logits: np.ndarray, labels: np.ndarray, frequencies: np.ndarray | None = None) -> float:
    """Fit the temperature at which ``calibrate`` gives the labels the highest likelihood.

    Args:
        logits: (time, class) logits of frames that the model was not trained on.
        labels: (time,) int, -1 where unscored.
        frequencies: as in ``calibrate``.

    Returns:
        A temperature above 0; 1 without scored frames.
    """
    scored = labels != UNSCORED
    if not scored.any():
        return 1.0
    values, true = logits[scored].astype(np.float64), labels[scored].astype(np.int64)[:, None]
    prior = log_prior(frequencies, values.shape[1])

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = log_softmax(values * np.exp(-log_temperature) + prior, axis=1)
        return float(-np.take_along_axis(scaled, true, 1).mean())

    # On a logarithmic scale, as temperatures of 1/2 and 2 are equally far from 1.
    optimum = minimize_scalar(
        negative_log_likelihood,
        bounds=(np.log(_LOWEST), np.log(_HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(optimum.x))


def calibrate(logits: np.ndarray, temperature: float, frequencies: np.ndarray | None = None) -> np.ndarray:
    """Turn logits into probabilities: softmax(logits / temperature), weighted by the frequencies of the classes.

    Args:
        logits: (time, class) logits.
        temperature: as from ``fit_temperature``.
        frequencies: (class,) frequencies of the classes, if the logits are those of a model that was trained as if all
            classes were equally frequent.

    Returns:
        (time, class) float32, summing to 1 in each frame.
    """
    prior = log_prior(frequencies, logits.shape[1])
    return softmax(logits.astype(np.float64) / temperature + prior, axis=1).astype(np.float32)


def log_prior(frequencies: np.ndarray | None, classes: int) -> np.ndarray:
    """Logarithm (class,) of the frequencies; zeros if there are none."""
    return np.zeros(classes) if frequencies is None else np.log(np.maximum(frequencies, _LEAST_FREQUENCY))
