"""Actions of the mice of a group: of one mouse towards another, or of one mouse by itself.

They are moves of ``moves`` and ``contact``. ``encounter`` describes two mice by one behaviour at a time, which is what
CalMS21 labels. Here each mouse has an action of its own towards any other, so its acts (pairs of moves, with one label
for both mice) cannot be reused; the moves are. An action is labelled from the frame in which it can be seen, and ends
where contact is lost, so that labels agree with the movement. Lengths, distances and weights are chosen, not fitted;
median lengths are about those of the bouts of MABe-2025.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ssl_behavior.simulation import contact, moves
from ssl_behavior.simulation.mice import Mouse, gap_between, is_behind
from ssl_behavior.simulation.moves import Move

NOTHING = ""


class Answer(NamedTuple):
    """Reply of the target of an action.

    Attributes:
        weight: probability relative to the other answers.
        move: move of the target; None if it goes on with what it does.
        action: action of the target towards the agent that the move shows, or ``NOTHING``.
    """

    weight: float
    move: Move | None = None
    action: str = NOTHING


class Action(NamedTuple):
    """An action of an agent.

    Attributes:
        moves: moves of the agent, one of which it makes.
        seconds: median length.
        is_seen: tells from agent and target, after a frame, whether the action has begun.
        lost: gap in px from the agent's nose to the target above which the action ends.
        reach: gap in px below which the agent can begin; it approaches the target first.
        answers: replies of the target.
    """

    moves: tuple[Move, ...]
    seconds: float
    is_seen: Callable[[Mouse, Mouse], bool]
    lost: float = np.inf
    reach: float = np.inf
    answers: tuple[Answer, ...] = ()


def _within(gap: float) -> Callable[[Mouse, Mouse], bool]:
    return lambda agent, target: gap_between(agent, target) < gap


STAY = Answer(3, moves.rest)
AVOID = Answer(3, moves.evade)
FLEE = Answer(3, moves.flee, "escape")
SNIFF_BACK = Answer(1.5, contact.sniff("any", 150.0), "sniff")
DEFEND = Answer(3, contact.wrestle, "defend")

PAIR_ACTIONS: Mapping[str, Action] = {
    "approach": Action(
        (contact.sniff("flank", 330.0),),
        2.0,
        lambda agent, target: agent.speed > 90 and gap_between(agent, target) > 60,
    ),
    "attack": Action((contact.lunge, contact.lunge, contact.hold_bite), 1.1, _within(70), 165, 48, (DEFEND, FLEE)),
    "chase": Action(
        (moves.follow,), 1.3, lambda agent, target: min(agent.speed, target.speed) > 210, 330, 230, (FLEE,)
    ),
    "defend": Action((contact.wrestle,), 0.8, _within(120), 190),
    "escape": Action((moves.flee,), 0.9, lambda agent, _: agent.speed > 220, 480),
    "follow": Action(
        (moves.follow,), 1.8, lambda agent, target: min(agent.speed, target.speed) > 30, 260, 170, (AVOID,)
    ),
    "mount": Action((contact.mount,), 1.6, lambda agent, target: is_behind(agent, target, 120), 150, 55, (STAY, AVOID)),
    "sniff": Action(
        (contact.sniff("any"), contact.sniff("tail"), contact.sniff("nose")),
        1.2,
        _within(48),
        105,
        42,
        (Answer(5), AVOID._replace(weight=2), STAY._replace(weight=2), SNIFF_BACK, FLEE._replace(weight=0.5)),
    ),
}

SELF_ACTIONS: Mapping[str, Action] = {
    "dig": Action((moves.dig,), 1.4, lambda agent, _: agent.head < 0.75),
    "rear": Action((moves.rear,), 1.1, lambda agent, _: agent.stretch < 0.74),
    "rest": Action((moves.curl_up,), 4.0, lambda agent, _: abs(agent.speed) < 25 and agent.stretch < 0.85),
    "run": Action((moves.run,), 1.2, lambda agent, _: agent.speed > 280),
    "selfgroom": Action((moves.groom,), 2.2, lambda agent, _: agent.stretch < 0.8 and agent.head < 0.9),
}

ACTIONS = tuple(sorted({**PAIR_ACTIONS, **SELF_ACTIONS}))

# Moves that no annotator is asked for: some look like actions at a glance.
IDLE_ALONE = (moves.wander, moves.wander, moves.wander, moves.rest)
IDLE_NEAR = (moves.pass_by, moves.stand_beside, moves.face, moves.turn_away, moves.climb_over, moves.evade)


def action_of(name: str) -> Action:
    """The action of a name, of a pair or of one mouse."""
    return PAIR_ACTIONS[name] if name in PAIR_ACTIONS else SELF_ACTIONS[name]
