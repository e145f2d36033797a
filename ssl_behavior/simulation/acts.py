"""Acts: pairs of moves, one of the resident and one of the intruder, that make up a behaviour for some seconds.

The weights are chosen, not fitted. ``other`` contains acts that look like scored behaviours at a glance, so that a
classifier must tell them apart: running after the intruder without attack, passing close by, climbing over it, standing
beside or before it, grooming near it, broken approaches, and the intruder's own investigation of the resident.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssl_behavior.simulation import contact, moves
from ssl_behavior.simulation.ethogram import ATTACK, INVESTIGATION, MOUNT, OTHER
from ssl_behavior.simulation.moves import Move


class Act(NamedTuple):
    """A move of each mouse, done at the same time.

    Attributes:
        resident: move of the resident.
        intruder: move of the intruder.
        weight: probability relative to the other acts of the behaviour.
        seconds: median duration.
        near: True for acts of mice that are near each other.
    """

    resident: Move
    intruder: Move
    weight: float
    seconds: float
    near: bool = False


ACTS: dict[int, tuple[Act, ...]] = {
    ATTACK: (
        Act(contact.lunge, contact.wrestle, 4, 1.0),
        Act(contact.lunge, moves.flee, 3, 0.8),
        Act(contact.hold_bite, contact.wrestle, 2, 0.7),
        Act(contact.hold_bite, moves.rest, 1.5, 0.7),
        Act(contact.lunge, contact.lunge, 1.5, 0.8),
    ),
    INVESTIGATION: (
        Act(contact.sniff("tail"), moves.rest, 3, 1.6),
        Act(contact.sniff("tail"), moves.evade, 4, 2.0),
        Act(contact.sniff("any"), moves.rest, 3, 1.8),
        Act(contact.sniff("any"), moves.groom, 1, 1.8),
        Act(contact.sniff("any"), moves.evade, 2, 1.6),
        Act(contact.sniff("nose"), contact.sniff("nose", 120.0), 2, 1.2),
        Act(contact.sniff("flank"), contact.sniff("flank", 150.0), 1.5, 1.5),
        Act(contact.sniff("tail", 600.0), moves.flee, 1, 1.0),
    ),
    MOUNT: (
        Act(contact.mount, moves.rest, 4, 1.5),
        Act(contact.mount, moves.evade, 4, 1.5),
        Act(contact.mount, moves.roam, 1, 1.0),
    ),
    OTHER: (
        Act(moves.roam, moves.roam, 16, 3.5),
        Act(moves.roam, moves.rest, 12, 3.5),
        Act(moves.roam, moves.groom, 3, 3.0),
        Act(moves.rest, moves.roam, 1.5, 3.0),
        Act(moves.groom, moves.roam, 1.5, 3.0, near=True),
        Act(moves.groom, moves.rest, 1.5, 3.0, near=True),
        Act(moves.groom, contact.sniff("any", 150.0), 1, 2.0, near=True),
        Act(moves.rest, contact.sniff("tail", 150.0), 1.5, 1.8, near=True),
        Act(moves.roam, contact.sniff("tail", 300.0), 1.5, 2.0, near=True),
        Act(moves.rest, moves.rest, 1.5, 2.0, near=True),
        Act(moves.turn_away, moves.rest, 2, 1.5, near=True),
        Act(moves.turn_away, moves.evade, 2, 1.5, near=True),
        Act(moves.rest, moves.turn_away, 1.5, 1.5, near=True),
        Act(moves.face, moves.rest, 1.5, 1.5, near=True),
        Act(moves.face, moves.face, 1, 1.2, near=True),
        Act(moves.stand_beside, moves.rest, 1.5, 2.0, near=True),
        Act(moves.stand_beside, moves.evade, 1.0, 2.0, near=True),
        Act(moves.follow, moves.flee, 2.5, 1.6, near=True),
        Act(moves.follow, moves.evade, 1.5, 1.6, near=True),
        Act(moves.pass_by, moves.rest, 2, 1.8),
        Act(moves.pass_by, moves.roam, 1.5, 1.8),
        Act(moves.climb_over, moves.rest, 0.8, 1.3, near=True),
        Act(moves.flee, moves.follow, 0.7, 1.3, near=True),
    ),
}

_WEIGHT_WHEN_NEAR, _WEIGHT_WHEN_FAR = 2.5, 0.35
"""Factors on the weight of acts of near mice, when the mice are near and when they are not."""

# Acts that bring the resident close before a behaviour that needs it close.
APPROACHES = {
    ATTACK: Act(contact.sniff("flank", 560.0), moves.evade, 1, 1.0),
    INVESTIGATION: Act(contact.sniff("any", 330.0), moves.rest, 1, 1.0),
    MOUNT: Act(contact.come_behind, moves.rest, 1, 1.0),
}


def choose_act(behaviour: int, near: bool, rng: np.random.Generator) -> Act:
    """Draw an act of a behaviour.

    Args:
        behaviour: index into ``ethogram.BEHAVIOURS``.
        near: True if the mice are near each other.
        rng: random number generator.
    """
    acts = ACTS[behaviour]
    factor = _WEIGHT_WHEN_NEAR if near else _WEIGHT_WHEN_FAR
    weights = np.array([act.weight * (factor if act.near else 1.0) for act in acts])
    return acts[int(rng.choice(len(acts), p=weights / weights.sum()))]
