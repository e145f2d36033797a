"""A decoder: how probabilities become labels.

A label needs a decision for every frame, and the best one is not always the most probable class: a class may deserve
more or less than its probability says (``behaviour_weights``), and behaviours last longer than a frame
(``smoothing_s``, ``transition_rates``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ssl_behavior.decoding.viterbi import best_path
from ssl_behavior.errors import InputError

_SMALLEST = 1e-6


@dataclass(frozen=True)
class Decoder:
    """How probabilities become labels. Without options: the most probable behaviour of each frame.

    Attributes:
        behaviour_weights: behaviour by behaviour, what its probability is multiplied by; empty for none.
        smoothing_s: standard deviation in seconds of the Gaussian that probabilities are averaged with over time.
            Probabilities and not their logarithms, as one frame near 0 would else veto its neighbours.
        transition_rates: (behaviour, behaviour) changes per second from row to column, or empty; if given, labels are
            the most probable path (Viterbi) instead of frame by frame.
        transition_weight: of the transitions' log probabilities against the frames'. Above 1 since neighbouring frames'
            probabilities share their evidence, and a path that counts it once per frame would trust it too much.
    """

    behaviour_weights: tuple[float, ...] = ()
    smoothing_s: float = 0.0
    transition_rates: tuple[tuple[float, ...], ...] = ()
    transition_weight: float = 1.0

    def decode(self, probabilities: np.ndarray, frame_rate: float) -> np.ndarray:
        """Labels of one video.

        Args:
            probabilities: (time, behaviour).
            frame_rate: Hz.

        Returns:
            (time,) int16 indices of behaviours.

        Raises:
            ValueError: the number of behaviours is not that of the decoder.
        """
        scores = self._scores(probabilities, frame_rate)
        if not self.transition_rates:
            return scores.argmax(1).astype(np.int16)
        transitions = self.transition_weight * np.log(_per_frame(np.array(self.transition_rates), frame_rate))
        return best_path(scores, transitions)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for YAML."""
        plain = asdict(self)
        plain["behaviour_weights"] = list(self.behaviour_weights)
        plain["transition_rates"] = [list(row) for row in self.transition_rates]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Decoder:
        """The decoder that ``to_dict`` described.

        Raises:
            InputError: other keys than a decoder's.
        """
        try:
            if any(weight <= 0 for weight in plain["behaviour_weights"]):
                raise ValueError("behaviour_weights are not above 0")
            return cls(
                **{
                    **plain,
                    "behaviour_weights": tuple(map(float, plain["behaviour_weights"])),
                    "transition_rates": tuple(tuple(map(float, row)) for row in plain["transition_rates"]),
                }
            )
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"decoder settings {dict(plain)} are not those of a decoder: {error}") from None

    def _scores(self, probabilities: np.ndarray, frame_rate: float) -> np.ndarray:
        classes = probabilities.shape[1]
        if any(len(given) not in (0, classes) for given in (self.behaviour_weights, self.transition_rates)):
            raise ValueError(
                f"the decoder is of {len(self.behaviour_weights or self.transition_rates)} behaviours, not {classes}"
            )
        scores = log_scores(probabilities, self.smoothing_s * frame_rate)
        return scores + np.log(self.behaviour_weights).astype(scores.dtype) if self.behaviour_weights else scores


def _per_frame(rates: np.ndarray, frame_rate: float) -> np.ndarray:
    """(behaviour, behaviour) probabilities of going from row to column within one frame."""
    moves = np.clip(rates / frame_rate, _SMALLEST, 0.5 / max(1, len(rates) - 1))
    np.fill_diagonal(moves, 0.0)
    return moves + np.diag(1.0 - moves.sum(1))


def log_scores(probabilities: np.ndarray, sigma: float) -> np.ndarray:
    """(time, behaviour) float32 log probabilities, averaged before with a Gaussian of ``sigma`` frames."""
    values = np.asarray(probabilities, np.float32)
    if sigma > 0:
        values = gaussian_filter1d(values, sigma, axis=0, mode="nearest")
    return np.log(np.maximum(values, _SMALLEST))
