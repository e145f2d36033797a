"""Calibrated decoder: logits -> calibrated probabilities -> labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.errors import InputError
from ssl_behavior.scoring.calibration import calibrate

TEMPERATURES = 0.01, 100.0
"""The least and the greatest temperature: wider than the range in which ``fit_temperature`` looks."""


@dataclass(frozen=True)
class CalibratedDecoder:
    """Turns balanced-class logits into calibrated probabilities and labels.

    Models are trained as if all behaviours were equally frequent; the frequencies and the temperature undo that.

    Attributes:
        frequencies: share of each behaviour in the labelled videos, in order.
        temperature: logits are divided by it, which makes probabilities as confident as they are right.
        decoder: probabilities -> labels.

    Raises:
        InputError: a number cannot be a frequency or a temperature.
    """

    frequencies: tuple[float, ...]
    temperature: float
    decoder: Decoder

    def __post_init__(self) -> None:
        low, high = TEMPERATURES
        if not low <= self.temperature <= high:
            raise InputError(f"expected a temperature from {low:g} to {high:g}; found {self.temperature:g}")
        if not all(0 <= share <= 1 for share in self.frequencies) or not any(self.frequencies):
            raise InputError(f"expected frequencies of behaviours from 0 to 1; found {list(self.frequencies)}")

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return (time, behaviour) float32 calibrated probabilities of logits (time, behaviour)."""
        return calibrate(logits, self.temperature, np.array(self.frequencies))
