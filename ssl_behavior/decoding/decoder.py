"""Decoder: probabilities -> labels.

A label is a decision for every frame. The most probable behaviour is not always the best decision: rare behaviours may
count more than their probability (``behaviour_weights``), and behaviours last longer than a frame (``smoothing_s``,
``transition_rates``).
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
"""Smallest probability of which a logarithm is taken."""


_LONGEST_SMOOTHING_S, _LARGEST_WEIGHT = 3600.0, 1e6


@dataclass(frozen=True)
class Decoder:
    """The way from probabilities to labels; by default, the most probable behaviour of each frame.

    Attributes:
        behaviour_weights: factor of the probability of each behaviour; empty for none.
        smoothing_s: standard deviation, in seconds, of the Gaussian that smooths probabilities over time.
        transition_rates: (behaviour, behaviour) changes per second from row to column. If they are not empty, labels
            are the most probable path (Viterbi), not decided frame by frame.
        transition_weight: factor of the log probabilities of transitions. Neighbouring frames share their evidence,
            and a path that counts it once per frame trusts it too much; a weight above 1 makes up for that.

    Raises:
        InputError: a number cannot be such a setting.
    """

    behaviour_weights: tuple[float, ...] = ()
    smoothing_s: float = 0.0
    transition_rates: tuple[tuple[float, ...], ...] = ()
    transition_weight: float = 1.0

    def __post_init__(self) -> None:
        if not all(0 < weight < np.inf for weight in self.behaviour_weights):
            raise InputError("behaviour_weights must be above 0 and finite")
        if not 0 <= self.smoothing_s <= _LONGEST_SMOOTHING_S or not 0 <= self.transition_weight <= _LARGEST_WEIGHT:
            raise InputError(
                f"smoothing_s must be from 0 to {_LONGEST_SMOOTHING_S:g} and transition_weight from 0 to "
                f"{_LARGEST_WEIGHT:g}; got {self.smoothing_s} and {self.transition_weight}"
            )
        if any(len(row) != len(self.transition_rates) for row in self.transition_rates):
            raise InputError("transition_rates must be (behaviour, behaviour)")
        if not all(0 <= rate < np.inf for row in self.transition_rates for rate in row):
            raise InputError("transition_rates must be 0 or more, and finite")

    def decode(self, probabilities: np.ndarray, frame_rate: float) -> np.ndarray:
        """Decode one video.

        Args:
            probabilities: (time, behaviour).
            frame_rate: Hz.

        Returns:
            (time,) int16 indices of behaviours.

        Raises:
            ValueError: the number of behaviours differs from that of the decoder.
        """
        scores = self._scores(probabilities, frame_rate)
        if not self.transition_rates:
            return scores.argmax(1).astype(np.int16)
        transitions = self.transition_weight * np.log(_per_frame(np.array(self.transition_rates), frame_rate))
        return best_path(scores, transitions)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain lists and numbers, for YAML."""
        plain = asdict(self)
        plain["behaviour_weights"] = list(self.behaviour_weights)
        plain["transition_rates"] = [list(row) for row in self.transition_rates]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Decoder:
        """Make the decoder that ``to_dict`` converted.

        Raises:
            InputError: a key is missing or unknown, or a value is impossible.
        """
        try:
            return cls(
                **{
                    **plain,
                    "behaviour_weights": tuple(map(float, plain["behaviour_weights"])),
                    "transition_rates": tuple(tuple(map(float, row)) for row in plain["transition_rates"]),
                }
            )
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"expected the settings of a decoder; found {dict(plain)} ({error})") from None

    def _scores(self, probabilities: np.ndarray, frame_rate: float) -> np.ndarray:
        classes = probabilities.shape[1]
        if any(len(setting) not in (0, classes) for setting in (self.behaviour_weights, self.transition_rates)):
            raise ValueError(
                f"expected probabilities of {len(self.behaviour_weights or self.transition_rates)} behaviours, as the "
                f"decoder has; found {classes}"
            )
        scores = log_scores(probabilities, self.smoothing_s * frame_rate)
        return scores + np.log(self.behaviour_weights).astype(scores.dtype) if self.behaviour_weights else scores


def _per_frame(rates: np.ndarray, frame_rate: float) -> np.ndarray:
    """Return (behaviour, behaviour) probabilities of changing from row to column within one frame."""
    # Changes to all other behaviours add up to 0.5 at most, so that staying is always possible.
    moves = np.clip(rates / frame_rate, _SMALLEST, 0.5 / max(1, len(rates) - 1))
    np.fill_diagonal(moves, 0.0)
    return moves + np.diag(1.0 - moves.sum(1))


def log_scores(probabilities: np.ndarray, sigma: float) -> np.ndarray:
    """Return log probabilities (time, behaviour) float32, after smoothing by a Gaussian of ``sigma`` frames.

    Probabilities are smoothed, not their logarithms: there, one frame near 0 would veto its neighbours.
    """
    values = np.asarray(probabilities, np.float32)
    if sigma > 0:
        values = gaussian_filter1d(values, sigma, axis=0, mode="nearest")
    return np.log(np.maximum(values, _SMALLEST))
