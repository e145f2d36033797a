"""The meaning of the outputs of a model of pairs, and their conversion to labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.decoding import ActionDecoder
from ssl_behavior.recordings.pairs import Pair
from ssl_behavior.scoring.calibration import calibrate


@dataclass(frozen=True)
class Shown:
    """The behaviours that a laboratory's annotators marked.

    Attributes:
        alone: what an animal does by itself.
        to_others: what an agent does to a target.
    """

    alone: tuple[str, ...]
    to_others: tuple[str, ...]


@dataclass(frozen=True)
class PairScheme:
    """The behaviours of a model of every ordered pair and every animal by itself, and how its logits become labels.

    Attributes:
        behaviours: names of the outputs, in order.
        background: the behaviour of frames in which nothing of interest happens.
        shown: laboratory -> the behaviours that its annotators marked, without the background; "" for those of all.
        pairs: names of the agent and the target of the pairs that were annotated in some video; twice the same name for
            what an animal does by itself.
        unscored: behaviours of the annotations that were left out of training.
        frequencies: share of each behaviour among the frames in which it was looked for.
        temperature: logits are divided by it.
        decoder: probabilities -> labels.
    """

    behaviours: tuple[str, ...]
    background: str
    shown: Mapping[str, Shown]
    pairs: tuple[Pair, ...]
    unscored: tuple[str, ...]
    frequencies: tuple[float, ...]
    temperature: float
    decoder: ActionDecoder

    @property
    def labs(self) -> tuple[str, ...]:
        """Names of the known laboratories."""
        return tuple(lab for lab in self.shown if lab)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return (time, behaviour) float32 calibrated probabilities of logits (time, behaviour)."""
        return calibrate(logits, self.temperature, np.array(self.frequencies))

    def pairs_of(self, individuals: Sequence[str]) -> list[Pair]:
        """Return the pairs to look at in a recording of these individuals.

        They are those that were annotated, if the individuals have the same names; otherwise every ordered pair, and
        every animal by itself.
        """
        if self.pairs and {name for pair in self.pairs for name in pair} <= set(individuals):
            return list(self.pairs)
        return [(agent, target) for agent in individuals for target in individuals]

    def asked(self, lab: str, pair: Pair, listed: Mapping[Pair, tuple[str, ...]] | None) -> np.ndarray:
        """Return (behaviour,) bool, the behaviours to look for in a pair.

        Args:
            lab: name of the laboratory, known or not.
            pair: names of the agent and the target; twice the same name for what an animal does by itself.
            listed: pair -> behaviours to look for, where a recording lists them; others are not looked for.
        """
        shown = self.shown.get(lab, self.shown[""])
        possible = set(shown.alone if pair[0] == pair[1] else shown.to_others)
        if listed is not None:
            possible &= set(listed.get(pair, ()))
        return np.array([name in possible or name == self.background for name in self.behaviours])
