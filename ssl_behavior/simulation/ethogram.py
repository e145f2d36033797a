"""The order and the length of behaviours, as a semi-Markov process.

Bout lengths and transitions are fitted (``experiments/fit_simulator.py``) to the first 2,000 frames of 60 CalMS21
task-1 videos. Lognormal lengths fit better than gamma or Weibull ones (Akaike's criterion) for all behaviours but
attack, where the three are equal.

The spread of dispositions over videos is chosen. 13 % of the real videos show attack and 47 % mount. Here every four
consecutive videos have one that shows both, one with attack, one with mount and one with neither, so that a handful of
videos is enough to train and test on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BEHAVIOURS = ("attack", "investigation", "mount", "other")
ATTACK, INVESTIGATION, MOUNT, OTHER = range(4)

# Median length in frames at 30 Hz, and standard deviation of its logarithm, of the bouts of each behaviour.
MEDIAN_LENGTH = (55.4, 51.1, 73.4, 84.7)
SPREAD_OF_LENGTH = (1.022, 1.249, 0.791, 1.167)
SHORTEST_BOUT = 4  # in frames; the 1st percentile of the real bouts is 4 to 9

# Rows: the bout that ends; columns: the bout that follows, counted in the videos that show it at all.
TRANSITIONS = np.array(
    [
        [0.000, 0.321, 0.064, 0.615],
        [0.281, 0.000, 0.224, 0.494],
        [0.000, 0.451, 0.000, 0.549],
        [0.125, 0.859, 0.016, 0.000],
    ]
)


@dataclass(frozen=True)
class Disposition:
    """The tendencies of one resident in one video.

    Attributes:
        transitions: (behaviour, behaviour) probability that a bout of the second follows one of the first.
        lengths: (behaviour,) factors on the median bout length.
    """

    transitions: np.ndarray
    lengths: np.ndarray

    @classmethod
    def draw(cls, video: int, rng: np.random.Generator) -> Disposition:
        """Draw the disposition of a resident. Whether it attacks and mounts at all depends on ``video`` modulo 4."""
        tendency = rng.lognormal(0, (0.5, 0.3, 0.4, 0.0))
        tendency[ATTACK] *= video % 4 in (0, 1)
        tendency[MOUNT] *= video % 4 in (0, 2)
        transitions = TRANSITIONS * tendency
        return cls(transitions / transitions.sum(1, keepdims=True), rng.lognormal(0, (0.2, 0.3, 0.2, 0.3)))

    def next_behaviour(self, behaviour: int, rng: np.random.Generator) -> int:
        """Draw the behaviour that follows a bout of ``behaviour``."""
        return int(rng.choice(len(BEHAVIOURS), p=self.transitions[behaviour]))

    def bout_length(self, behaviour: int, rng: np.random.Generator) -> int:
        """Draw the length in frames of a bout of ``behaviour``."""
        median = MEDIAN_LENGTH[behaviour] * self.lengths[behaviour]
        return max(SHORTEST_BOUT, round(median * rng.lognormal(0, SPREAD_OF_LENGTH[behaviour])))
