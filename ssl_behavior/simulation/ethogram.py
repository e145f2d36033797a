"""What happens when: the behaviours as a semi-Markov process.

Fitted (``experiments/fit_simulator.py``, on the first 2,000 frames of 60 CalMS21 task-1 videos): bout lengths and
transitions. Lognormal lengths describe them better than gamma or Weibull ones (Akaike's criterion) in all but attack,
where the three are equal.

Chosen: how dispositions spread over videos. Of the real videos 13 % show attack and 47 % mount; here every four
consecutive videos hold one that shows both, one with attack, one with mount and one with neither, so that a handful
of videos is enough to train and test on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BEHAVIOURS = ("attack", "investigation", "mount", "other")
ATTACK, INVESTIGATION, MOUNT, OTHER = range(4)

# Median in frames at 30 Hz, and standard deviation of the logarithm, of bouts of each behaviour.
MEDIAN_LENGTH = (55.4, 51.1, 73.4, 84.7)
SPREAD_OF_LENGTH = (1.022, 1.249, 0.791, 1.167)
SHORTEST_BOUT = 4  # frames; the 1st percentile of the real bouts is 4 to 9

# Rows: the bout that ends; columns: the one that follows, counted where a video shows it at all.
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
    """What one resident tends to do in one video.

    Attributes:
        transitions: (behaviour, behaviour) probabilities of what follows a bout.
        lengths: (behaviour,) factors on the median bout length.
    """

    transitions: np.ndarray
    lengths: np.ndarray

    @classmethod
    def draw(cls, video: int, rng: np.random.Generator) -> Disposition:
        """The disposition of the ``video``-th resident; whether it attacks or mounts at all cycles every four."""
        tendency = rng.lognormal(0, (0.5, 0.3, 0.4, 0.0))
        tendency[ATTACK] *= video % 4 in (0, 1)
        tendency[MOUNT] *= video % 4 in (0, 2)
        transitions = TRANSITIONS * tendency
        return cls(transitions / transitions.sum(1, keepdims=True), rng.lognormal(0, (0.2, 0.3, 0.2, 0.3)))

    def next_behaviour(self, behaviour: int, rng: np.random.Generator) -> int:
        """The behaviour that follows a bout of ``behaviour``."""
        return int(rng.choice(len(BEHAVIOURS), p=self.transitions[behaviour]))

    def bout_length(self, behaviour: int, rng: np.random.Generator) -> int:
        """Frames that a new bout of ``behaviour`` is to last."""
        median = MEDIAN_LENGTH[behaviour] * self.lengths[behaviour]
        return max(SHORTEST_BOUT, round(median * rng.lognormal(0, SPREAD_OF_LENGTH[behaviour])))
