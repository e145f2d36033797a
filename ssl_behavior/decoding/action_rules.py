"""From probabilities of a pair to its bouts, with a rule for each laboratory and behaviour.

Laboratories differ in how sure an annotator must be before a bout is marked, and in how long bouts last. So every
behaviour of every laboratory has a threshold and a smoothing of its own. Where several behaviours pass their thresholds
in a frame, the one that passes by the greatest margin in log odds is taken. No rule drops short bouts: on the
annotations of MABe-2025 that gains nothing after smoothing (``experiments/mabe25/decoding.md``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ssl_behavior.errors import InputError

_LONGEST_S = 3600.0
_LEAST_ODDS = 1e-6
"""Smallest probability, and smallest distance of one from 1, of which log odds are taken."""


@dataclass(frozen=True)
class ActionRule:
    """When a behaviour counts as seen.

    Attributes:
        threshold: least smoothed probability.
        smoothing_s: standard deviation, in seconds, of the Gaussian that smooths the probability over time.

    Raises:
        InputError: a number cannot be such a setting.
    """

    threshold: float
    smoothing_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1 or not 0 <= self.smoothing_s <= _LONGEST_S:
            raise InputError(
                f"expected a threshold between 0 and 1, and a smoothing from 0 to {_LONGEST_S:g} s; found "
                f"{self.threshold:g} and {self.smoothing_s:g} s"
            )


@dataclass(frozen=True)
class ActionDecoder:
    """The rules of all laboratories and behaviours.

    Attributes:
        behaviours: the vocabulary; the last one is that of frames in which nothing of interest happens.
        rules: (laboratory, behaviour) -> rule. A behaviour without a rule is never found in that laboratory. The
            laboratory "" has the rules for laboratories that are not known.

    Raises:
        InputError: a rule is of a behaviour that is not in the vocabulary.

    Examples:
        >>> decoder = ActionDecoder(("attack", "other"), {("", "attack"): ActionRule(0.5)})
        >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> decoder.decode(probabilities, 30.0, "", np.array([True, True]))
        array([0, 1], dtype=int16)
    """

    behaviours: tuple[str, ...]
    rules: Mapping[tuple[str, str], ActionRule]

    def __post_init__(self) -> None:
        if unknown := {name for _, name in self.rules} - set(self.behaviours[:-1]):
            raise InputError(f"expected rules of {list(self.behaviours[:-1])}; found those of {sorted(unknown)}")

    def decode(self, probabilities: np.ndarray, frame_rate: float, lab: str, asked: np.ndarray) -> np.ndarray:
        """Decode one pair of a video.

        Args:
            probabilities: (time, behaviour).
            frame_rate: Hz.
            lab: name of the laboratory.
            asked: (behaviour,) bool, the behaviours to look for.

        Returns:
            (time,) int16 indices of behaviours.
        """
        lab = lab if any(known == lab for known, _ in self.rules) else ""
        best = np.zeros(len(probabilities), np.float32)
        labels = np.full(len(probabilities), len(self.behaviours) - 1, np.int16)
        for i, name in enumerate(self.behaviours[:-1]):
            if (rule := self.rules.get((lab, name))) is None or not asked[i]:
                continue
            margin = log_odds(smooth(probabilities[:, i], rule.smoothing_s * frame_rate)) - _logit(rule.threshold)
            wins = margin >= best
            labels[wins], best[wins] = i, margin[wins]
        return labels

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain lists and numbers, for YAML."""
        return {
            "behaviours": list(self.behaviours),
            "rules": [
                [lab, name, float(rule.threshold), float(rule.smoothing_s)] for (lab, name), rule in self.rules.items()
            ],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ActionDecoder:
        """Make the decoder that ``to_dict`` converted.

        Raises:
            InputError: a value is missing or impossible.
        """
        try:
            rules = {
                (str(lab), str(name)): ActionRule(float(threshold), float(smoothing))
                for lab, name, threshold, smoothing in plain["rules"]
            }
            return cls(tuple(map(str, plain["behaviours"])), rules)
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"expected rules of laboratories and behaviours; found something else ({error})") from None


def smooth(probability: np.ndarray, sigma: float) -> np.ndarray:
    """Return a probability (time,) float32 after smoothing by a Gaussian of ``sigma`` frames."""
    values = np.asarray(probability, np.float32)
    return gaussian_filter1d(values, sigma, mode="nearest") if sigma > 0 else values


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return the log odds of probabilities, finite for 0 and 1 too."""
    values = np.clip(probability, _LEAST_ODDS, 1 - _LEAST_ODDS)
    return np.log(values) - np.log1p(-values)


def _logit(probability: float) -> float:
    return float(log_odds(np.array(probability)))


def runs(mask: np.ndarray) -> Sequence[tuple[int, int]]:
    """Return the (start, stop) of each run of True.

    Examples:
        >>> runs(np.array([False, True, True, False, True]))
        [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
