"""One encounter of two mice, frame by frame: the ethogram calls the acts, the acts move the mice.

A label says what is being done in that very frame. A scored behaviour begins when the resident has come close enough
to do it, so the ``other`` before it ends in an approach, and an approach that fails stays ``other``; a behaviour that
loses its contact ends there. That, and not a drawn boundary, is what makes the labels exact.
"""

from __future__ import annotations

import math

import numpy as np

from ssl_behavior.simulation.acts import APPROACHES, Act, choose_act
from ssl_behavior.simulation.ethogram import ATTACK, INVESTIGATION, MOUNT, OTHER, Disposition
from ssl_behavior.simulation.mice import FRAME_RATE, HEIGHT, WIDTH, Mouse, push_apart

NEAR = 110.0  # px from the resident's nose to the intruder's body
REACHED = {ATTACK: 48.0, INVESTIGATION: 42.0, MOUNT: 55.0}
LOST = {ATTACK: 190.0, INVESTIGATION: 125.0, MOUNT: 150.0}
PATIENCE = int(5 * FRAME_RATE)
STATES = ("x", "y", "heading", "hip_x", "hip_y", "speed", "stretch", "head")


class Encounter:
    """Two mice and what they are at."""

    def __init__(self, disposition: Disposition, rng: np.random.Generator) -> None:
        self.disposition, self.rng = disposition, rng
        self.resident = _put_mouse(rng, size=rng.normal(1.0, 0.05), pace=rng.lognormal(0.0, 0.3))
        self.intruder = _put_mouse(rng, size=rng.normal(0.89, 0.05), pace=rng.lognormal(-0.15, 0.35))
        self.behaviour, self.ends, self.following = OTHER, 0, OTHER
        self.act, self.act_began, self.act_ends = choose_act(OTHER, False, rng), 0, 0
        self.approaching, self.given_up = False, 0
        self._begin(OTHER, 0)

    def play(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """States (frames, mouse, state) as named in ``STATES``, and the behaviour (frames,)."""
        states, behaviours = np.empty((frames, 2, len(STATES))), np.empty(frames, np.int16)
        noise = self.rng.normal(size=(frames, 4)).tolist()
        for frame in range(frames):
            self._decide(frame)
            behaviours[frame] = self.behaviour
            self._move(frame, noise[frame])
            for row, mouse in zip(states[frame], (self.resident, self.intruder), strict=True):
                row[:] = (
                    mouse.x,
                    mouse.y,
                    mouse.heading,
                    mouse.hip_x,
                    mouse.hip_y,
                    mouse.speed,
                    mouse.stretch,
                    mouse.head,
                )
        return states, behaviours

    def _decide(self, frame: int) -> None:
        gap = self._gap()
        if self.behaviour != OTHER and gap > LOST[self.behaviour] * (1.5 if self.approaching else 1.0):
            self._begin(OTHER, frame)
        elif self.following == OTHER:
            if frame >= self.ends:
                self._begin(OTHER, frame)
        elif frame >= self.ends - self._way(gap):
            self._approach(frame, gap)
        if frame >= self.act_ends and not self.approaching:
            self._take_up(choose_act(self.behaviour, gap < NEAR, self.rng), frame)

    def _approach(self, frame: int, gap: float) -> None:
        if not self.approaching:
            self.approaching, self.given_up = True, frame + PATIENCE
            self._take_up(APPROACHES[self.following], frame)
        if frame >= self.ends and self._has_reached(gap):
            self._begin(self.following, frame)
        elif frame >= self.given_up:
            self._begin(OTHER, frame)

    def _begin(self, behaviour: int, frame: int) -> None:
        self.behaviour, self.approaching = behaviour, False
        self.following = self.disposition.next_behaviour(behaviour, self.rng)
        self.ends = frame + self.disposition.bout_length(behaviour, self.rng)
        self._take_up(choose_act(behaviour, self._gap() < NEAR, self.rng), frame)

    def _take_up(self, act: Act, frame: int) -> None:
        # A move that goes on keeps its plan, so that a mouse does not start afresh because the other does.
        if act.resident is not self.act.resident:
            self.resident.plan_until = 0
        if act.intruder is not self.act.intruder:
            self.intruder.plan_until = 0
        self.act, self.act_began = act, frame
        self.act_ends = frame + max(8, int(FRAME_RATE * act.seconds * self.rng.lognormal(0, 0.5)))

    def _move(self, frame: int, noise: list[float]) -> None:
        order = self.act.resident(self.resident, self.intruder, frame, self.rng)
        # The intruder takes a moment to notice.
        answer = self.act.intruder(self.intruder, self.resident, frame, self.rng)
        eased = min(1.0, 0.4 + (frame - self.act_began) / 10)
        noticed = min(1.0, 0.2 + (frame - self.act_began) / 14)
        self.resident.step(order._replace(speed=eased * order.speed), noise[0], noise[1])
        self.intruder.step(answer._replace(speed=noticed * answer.speed), noise[2], noise[3])
        if order.solid and answer.solid:
            push_apart(self.resident, self.intruder)

    def _gap(self) -> float:
        x, y = self.resident.nose
        intruder = self.intruder
        places = (intruder.nose, intruder.flank, intruder.tail, (intruder.x, intruder.y))
        return min(math.hypot(x - place[0], y - place[1]) for place in places)

    def _way(self, gap: float) -> int:
        """Frames an approach takes from here, from ``other``; the other behaviours are close already."""
        return int(FRAME_RATE * gap / 280.0) if self.behaviour == OTHER else 0

    def _has_reached(self, gap: float) -> bool:
        if self.following != MOUNT:
            return gap < REACHED[self.following]
        x, y = self.resident.nose
        rump_x, rump_y = self.intruder.rump
        aligned = math.cos(self.resident.heading - self.intruder.axis) > 0.0
        return aligned and math.hypot(x - rump_x, y - rump_y) < REACHED[MOUNT]


def _put_mouse(rng: np.random.Generator, size: float, pace: float) -> Mouse:
    x, y = rng.uniform(150, WIDTH - 150), rng.uniform(150, HEIGHT - 150)
    return Mouse(x, y, rng.uniform(-math.pi, math.pi), size, pace)
