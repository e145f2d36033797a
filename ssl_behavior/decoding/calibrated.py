"""How a model's logits are read: calibrated to probabilities, and decoded to labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.scoring.calibration import calibrated


@dataclass(frozen=True)
class CalibratedDecoder:
    """How logits of a world in which all behaviours are equally frequent are read.

    Attributes:
        frequencies: of the behaviours in the labelled videos, in order.
        temperature: that calibrates the probabilities.
        decoder: probabilities -> labels.
    """

    frequencies: tuple[float, ...]
    temperature: float
    decoder: Decoder

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(time, behaviour) float32 calibrated probabilities of logits (time, behaviour)."""
        return calibrated(logits, self.temperature, np.array(self.frequencies))
