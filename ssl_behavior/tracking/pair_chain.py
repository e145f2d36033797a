"""A chain of stretches, in each of which two animals have the right names or each other's.

A stretch ends where an exchange is possible: where it would cost little by the animals' motion. The shapes of the
bodies say how likely the two states of a stretch are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.tracking.body_shape import shape_evidence
from ssl_behavior.tracking.exchange_costs import exchange_costs
from ssl_behavior.tracking.memory import MotionScale

_POSSIBLE = 6.0
"""Cost in nats below which an exchange is possible."""


@dataclass(frozen=True, eq=False)
class PairChain:
    """Stretches between possible exchanges of two animals.

    Attributes:
        stretches: (time,) int64, the stretch of each frame, ascending from 0.
        evidence: (stretch,) nats by which each is more likely in the one state than in the other.
        changes: (stretch - 1,) cost of an exchange between two stretches in nats, which may be negative.

    Examples:
        >>> evidence, changes = np.array([9.0, -9.0, 9.0]), np.array([1.0, 5.0])
        >>> chain = PairChain(np.array([0, 1, 2]), evidence, changes)
        >>> chain.likeliest().tolist()
        [False, True, False]
    """

    stretches: np.ndarray
    evidence: np.ndarray
    changes: np.ndarray

    @classmethod
    def of(cls, pair: np.ndarray, scale: MotionScale, price: np.ndarray, drift: np.ndarray | None = None) -> PairChain:
        """Return the chain of two animals.

        Args:
            pair: (time, 2, keypoint, space), NaN where unseen.
            scale: how far the animals move, in the same unit.
            price: (time,) cost of an exchange at each frame in nats, beside that by motion.
            drift: (time, 2, keypoint, space) of their last poses, if the flow of the video is known.
        """
        costs = exchange_costs(pair, scale, drift)
        starts = np.flatnonzero(costs[1:] < _POSSIBLE) + 1
        stretches = np.searchsorted(starts, np.arange(len(pair)), side="right")
        evidence = shape_evidence(pair, stretches) if len(starts) else np.zeros(1)
        return cls(stretches, evidence, costs[starts] + price[starts])

    def likeliest(self) -> np.ndarray:
        """Return (time,) bool, where the animals are most probably exchanged, given their first names.

        This is the Viterbi algorithm.
        """
        came_by_change = np.zeros((len(self.evidence), 2), bool)
        costs = np.array([0.0, self.evidence[0]])
        for i, change in enumerate(self.changes, start=1):
            came_by_change[i] = costs[::-1] + change < costs
            costs = np.minimum(costs, costs[::-1] + change)
            costs[1] += self.evidence[i]
        state = int(costs.argmin())
        is_exchanged = np.zeros(len(self.evidence), bool)
        for i in range(len(self.evidence) - 1, -1, -1):
            is_exchanged[i] = state
            state ^= int(came_by_change[i, state])
        return np.asarray((is_exchanged ^ is_exchanged[0])[self.stretches])
