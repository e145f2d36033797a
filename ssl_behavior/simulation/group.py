"""A group of two or more mice, frame by frame: any mouse acts on any other, or by itself.

Each mouse does one thing at a time, so no two actions of one ordered pair, or of one mouse by itself, share a frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssl_behavior.simulation.actions import (
    ACTIONS,
    IDLE_ALONE,
    IDLE_NEAR,
    NOTHING,
    PAIR_ACTIONS,
    SELF_ACTIONS,
    action_of,
)
from ssl_behavior.simulation.contact import come_behind
from ssl_behavior.simulation.mice import (
    FRAME_RATE,
    STATES,
    Order,
    gap_between,
    is_behind,
    push_apart,
    put_mouse,
)
from ssl_behavior.simulation.moves import Move

NEAR = 110.0  # gap in px below which mice are near each other
REACH_OF_SIGHT = 300.0  # px; a mouse e times as far is e times less likely to be the target
SHORTEST_BOUT = 6  # frames that an action goes on at least once it is visible, unless contact is lost
ARRIVED = 42.0  # gap in px at which an approach for its own sake ends
SHARE_NEAR = 0.3  # share of the idling beside another mouse that refers to it
PATIENCE = int(5 * FRAME_RATE)  # frames after which an approach is given up
SPREAD = 0.6  # standard deviation of the logarithm of an action's length
CHASES_AFTER_ATTACK = 0.5  # share of the fleeing victims that are chased


@dataclass(slots=True)
class Doing:
    """The current doing of a mouse.

    Attributes:
        action: name of the action, or ``NOTHING``.
        move: its move.
        other: number of the mouse that the move refers to.
        began: frame in which it began.
        ends: frame in which it ends at the latest.
        is_seen: whether the action has become visible.
        then: action that follows when the mouse has reached the other.
    """

    action: str
    move: Move
    other: int
    began: int
    ends: int
    is_seen: bool = False
    then: str = NOTHING


class Group:
    """Mice in one arena.

    Args:
        mice: number of mice, two or more.
        weights: action -> probability relative to the other ones that a mouse without an action begins it, and
            ``NOTHING`` for idling. An action without weight is done only in answer to another.
        rng: random number generator.
    """

    def __init__(self, mice: int, weights: Mapping[str, float], rng: np.random.Generator) -> None:
        self.rng = rng
        self.mice = [put_mouse(rng, rng.normal(0.95, 0.06), rng.lognormal(0.0, 0.3)) for _ in range(mice)]
        self.names = tuple(weights)
        drives = np.array(list(weights.values())) * rng.lognormal(0, 0.25, len(weights))
        self.drives = drives / drives.sum()
        self.doing = [Doing(NOTHING, IDLE_ALONE[0], (mouse + 1) % mice, 0, 0) for mouse in range(mice)]

    def play(self, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Simulate some frames at 30 Hz.

        Returns:
            States (time, mouse, state) as named in ``mice.STATES``, the action of each mouse (time, mouse) as an index
            into ``actions.ACTIONS`` or -1, and the number of its target (time, mouse), which is its own for an action
            of one mouse by itself.
        """
        mice = len(self.mice)
        states = np.empty((frames, mice, len(STATES)))
        actions, targets = np.full((frames, mice), -1, np.int16), np.zeros((frames, mice), np.int16)
        for frame in range(frames):
            for mouse in range(mice):
                self._decide(mouse, frame)
            self._move(frame)
            for mouse, doing in enumerate(self.doing):
                states[frame, mouse] = self.mice[mouse].state
                if self._shows(mouse, frame):
                    actions[frame, mouse] = ACTIONS.index(doing.action)
                targets[frame, mouse] = mouse if doing.action in SELF_ACTIONS else doing.other
        return states, actions, targets

    def _decide(self, mouse: int, frame: int) -> None:
        """Go on with what the mouse does, or begin something else."""
        doing = self.doing[mouse]
        gap = gap_between(self.mice[mouse], self.mice[doing.other])
        if doing.then and self._reaches(mouse, doing.other, doing.then, gap):
            self._begin(mouse, doing.then, doing.other, frame)
        elif doing.action == "approach" and not doing.then and gap < ARRIVED:
            self._idle(mouse, frame)
        elif doing.action in PAIR_ACTIONS and gap > PAIR_ACTIONS[doing.action].lost:
            self._after_loss(mouse, frame)
        elif frame >= doing.ends:
            self._choose(mouse, frame)

    def _after_loss(self, mouse: int, frame: int) -> None:
        """Chase the victim that flees from an attack, or idle."""
        doing, can_chase = self.doing[mouse], self.drives[self.names.index("chase")] if "chase" in self.names else 0
        victim = self.doing[doing.other]
        flees = doing.action == "attack" and victim.action == "escape" and victim.other == mouse
        if flees and can_chase and self.rng.random() < CHASES_AFTER_ATTACK:
            self._begin(mouse, "chase", doing.other, frame)
        else:
            self._idle(mouse, frame)

    def _choose(self, mouse: int, frame: int) -> None:
        action = self.names[int(self.rng.choice(len(self.names), p=self.drives))]
        if action == NOTHING:
            self._idle(mouse, frame)
        elif action in SELF_ACTIONS:
            self._begin(mouse, action, self._nearest(mouse), frame)
        else:
            self._head_for(mouse, action, self._draw_target(mouse), frame)

    def _head_for(self, mouse: int, action: str, target: int, frame: int) -> None:
        """Begin a pair action, after an approach if the target is out of reach."""
        gap = gap_between(self.mice[mouse], self.mice[target])
        if action != "approach" and self._reaches(mouse, target, action, gap):
            self._begin(mouse, action, target, frame)
        elif action == "approach" and gap < NEAR:
            self._idle(mouse, frame)
        else:
            move = come_behind if action == "mount" else PAIR_ACTIONS["approach"].moves[0]
            then = action if action != "approach" else NOTHING
            self._do(mouse, Doing("approach", move, target, frame, frame + PATIENCE, then=then))

    def _begin(self, mouse: int, action: str, target: int, frame: int) -> None:
        """Begin an action, and let the target answer."""
        kind = action_of(action)
        move = kind.moves[int(self.rng.integers(len(kind.moves)))]
        self._do(mouse, Doing(action, move, target, frame, frame + self._length(kind.seconds)))
        if not kind.answers:
            return
        weights = np.array([answer.weight for answer in kind.answers])
        answer = kind.answers[int(self.rng.choice(len(weights), p=weights / weights.sum()))]
        theirs = self.doing[target]
        is_busy = theirs.action in PAIR_ACTIONS or theirs.then
        if answer.move is None or (is_busy and action not in ("attack", "chase")):
            return
        # The target answers as long as the agent acts, and flees some time longer.
        ends = self.doing[mouse].ends + (self._length(0.4) if answer.action == "escape" else 0)
        self._do(target, Doing(answer.action, answer.move, mouse, frame, ends))

    def _idle(self, mouse: int, frame: int) -> None:
        other = self._nearest(mouse)
        is_near = gap_between(self.mice[mouse], self.mice[other]) < 2 * NEAR
        kinds = IDLE_NEAR if is_near and self.rng.random() < SHARE_NEAR else IDLE_ALONE
        move = kinds[int(self.rng.integers(len(kinds)))]
        self._do(mouse, Doing(NOTHING, move, other, frame, frame + self._length(1.5)))

    def _do(self, mouse: int, doing: Doing) -> None:
        # A mouse that continues its move keeps its plan.
        if doing.move is not self.doing[mouse].move:
            self.mice[mouse].plan_until = 0
        self.doing[mouse] = doing

    def _move(self, frame: int) -> None:
        """Move all mice by one frame, and push apart those that are solid."""
        orders = []
        for mouse, doing in zip(self.mice, self.doing, strict=True):
            order = doing.move(mouse, self.mice[doing.other], frame, self.rng)
            orders.append(order._replace(speed=order.speed * min(1.0, 0.4 + (frame - doing.began) / 10)))
        for mouse, order in zip(self.mice, orders, strict=True):
            mouse.step(order, self.rng.normal(), self.rng.normal())
        for agent in range(len(self.mice)):
            for other in range(agent + 1, len(self.mice)):
                if self._push(agent, other, orders):
                    push_apart(self.mice[agent], self.mice[other])

    def _push(self, agent: int, other: int, orders: list[Order]) -> bool:
        """Return whether two mice push each other apart: a move without solidity concerns its own other only."""
        soft = not orders[agent].solid and self.doing[agent].other == other
        return not (soft or (not orders[other].solid and self.doing[other].other == agent))

    def _shows(self, mouse: int, frame: int) -> bool:
        """Return whether the action of the mouse is visible by now."""
        doing = self.doing[mouse]
        if doing.action != NOTHING and not doing.is_seen:
            doing.is_seen = action_of(doing.action).is_seen(self.mice[mouse], self.mice[doing.other])
            doing.ends = max(doing.ends, frame + SHORTEST_BOUT)
        return doing.is_seen

    def _reaches(self, mouse: int, target: int, action: str, gap: float) -> bool:
        reach = PAIR_ACTIONS[action].reach
        return is_behind(self.mice[mouse], self.mice[target], reach) if action == "mount" else gap < reach

    def _length(self, seconds: float) -> int:
        return max(6, round(FRAME_RATE * seconds * self.rng.lognormal(0, SPREAD)))

    def _gaps(self, mouse: int) -> np.ndarray:
        """Distances from the neck of a mouse to those of all, infinite to its own, px."""
        me = self.mice[mouse]
        gaps = [math.hypot(me.x - other.x, me.y - other.y) for other in self.mice]
        gaps[mouse] = math.inf
        return np.array(gaps)

    def _nearest(self, mouse: int) -> int:
        return int(self._gaps(mouse).argmin())

    def _draw_target(self, mouse: int) -> int:
        weights = np.exp(-self._gaps(mouse) / REACH_OF_SIGHT)
        return int(self.rng.choice(len(weights), p=weights / weights.sum()))
