"""Calibrated decoder: logits -> calibrated probabilities -> labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.scoring.calibration import calibrate


@dataclass(frozen=True)
class CalibratedDecoder:
    """Turns balanced-class logits into calibrated probabilities and labels.

    Models are trained as if all behaviours were equally frequent; the frequencies and the temperature undo that.

    Attributes:
        frequencies: share of each behaviour in the labelled videos, in order.
        temperature: logits are divided by it, which makes probabilities as confident as they are right.
        decoder: probabilities -> labels.
    """

    frequencies: tuple[float, ...]
    temperature: float
    decoder: Decoder

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return (time, behaviour) float32 calibrated probabilities of logits (time, behaviour)."""
        return calibrate(logits, self.temperature, np.array(self.frequencies))
