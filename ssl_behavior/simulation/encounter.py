"""One encounter of two mice, frame by frame: the ethogram chooses the acts, and the acts move the mice.

The label of a frame is the behaviour that the mice are doing in that frame. A scored behaviour begins when the resident
is close enough to do it: the ``other`` before it ends in an approach, and an approach that fails stays ``other``. A
behaviour that loses contact ends there. The labels are therefore exact: no boundary is drawn in advance.
"""

from __future__ import annotations

import numpy as np

from ssl_behavior.simulation.acts import APPROACHES, Act, choose_act
from ssl_behavior.simulation.ethogram import ATTACK, INVESTIGATION, MOUNT, OTHER, Disposition
from ssl_behavior.simulation.mice import FRAME_RATE, STATES, gap_between, is_behind, push_apart, put_mouse

# Distances in px from the resident's nose to the intruder's body.
NEAR = 110.0  # mice below it are near each other
REACHED = {ATTACK: 48.0, INVESTIGATION: 42.0, MOUNT: 55.0}  # a behaviour begins below it
LOST = {ATTACK: 190.0, INVESTIGATION: 125.0, MOUNT: 150.0}  # a behaviour ends above it
APPROACH_SPEED = 280.0  # px/s
PATIENCE = int(5 * FRAME_RATE)  # frames after which an approach is given up


class Encounter:
    """Two mice, the behaviour that they are doing, and the one that comes next.

    Args:
        disposition: tendencies of the resident.
        rng: random number generator.
    """

    def __init__(self, disposition: Disposition, rng: np.random.Generator) -> None:
        self.disposition, self.rng = disposition, rng
        self.resident = put_mouse(rng, size=rng.normal(1.0, 0.05), pace=rng.lognormal(0.0, 0.3))
        self.intruder = put_mouse(rng, size=rng.normal(0.89, 0.05), pace=rng.lognormal(-0.15, 0.35))
        self.behaviour, self.bout_ends, self.next_behaviour = OTHER, 0, OTHER
        self.act, self.act_began, self.act_ends = choose_act(OTHER, False, rng), 0, 0
        self.is_approaching, self.gives_up_at = False, 0
        self._begin_bout(OTHER, 0)

    def play(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Simulate some frames.

        Returns:
            States (time, mouse, state) as named in ``mice.STATES``, and behaviours (time,) as indices into
            ``ethogram.BEHAVIOURS``.
        """
        states, behaviours = np.empty((frames, 2, len(STATES))), np.empty(frames, np.int16)
        noise = self.rng.normal(size=(frames, 4)).tolist()
        for frame in range(frames):
            self._decide(frame)
            behaviours[frame] = self.behaviour
            self._move(frame, noise[frame])
            for row, mouse in zip(states[frame], (self.resident, self.intruder), strict=True):
                row[:] = mouse.state
        return states, behaviours

    def _decide(self, frame: int) -> None:
        """Begin, continue or end the behaviour, the approach and the act of this frame."""
        gap = self._gap()
        if self.behaviour != OTHER and gap > LOST[self.behaviour] * (1.5 if self.is_approaching else 1.0):
            self._begin_bout(OTHER, frame)
        elif self.next_behaviour == OTHER:
            if frame >= self.bout_ends:
                self._begin_bout(OTHER, frame)
        elif frame >= self.bout_ends - self._approach_frames(gap):
            self._approach(frame, gap)
        if frame >= self.act_ends and not self.is_approaching:
            self._begin_act(choose_act(self.behaviour, gap < NEAR, self.rng), frame)

    def _approach(self, frame: int, gap: float) -> None:
        if not self.is_approaching:
            self.is_approaching, self.gives_up_at = True, frame + PATIENCE
            self._begin_act(APPROACHES[self.next_behaviour], frame)
        if frame >= self.bout_ends and self._has_reached(gap):
            self._begin_bout(self.next_behaviour, frame)
        elif frame >= self.gives_up_at:
            self._begin_bout(OTHER, frame)

    def _begin_bout(self, behaviour: int, frame: int) -> None:
        self.behaviour, self.is_approaching = behaviour, False
        self.next_behaviour = self.disposition.next_behaviour(behaviour, self.rng)
        self.bout_ends = frame + self.disposition.bout_length(behaviour, self.rng)
        self._begin_act(choose_act(behaviour, self._gap() < NEAR, self.rng), frame)

    def _begin_act(self, act: Act, frame: int) -> None:
        # A mouse that continues its move keeps its plan when only the other one changes.
        if act.resident is not self.act.resident:
            self.resident.plan_until = 0
        if act.intruder is not self.act.intruder:
            self.intruder.plan_until = 0
        self.act, self.act_began = act, frame
        self.act_ends = frame + max(8, int(FRAME_RATE * act.seconds * self.rng.lognormal(0, 0.5)))

    def _move(self, frame: int, noise: list[float]) -> None:
        order = self.act.resident(self.resident, self.intruder, frame, self.rng)
        answer = self.act.intruder(self.intruder, self.resident, frame, self.rng)
        # Both accelerate over some frames, and the intruder takes a moment to notice.
        eased = min(1.0, 0.4 + (frame - self.act_began) / 10)
        noticed = min(1.0, 0.2 + (frame - self.act_began) / 14)
        self.resident.step(order._replace(speed=eased * order.speed), noise[0], noise[1])
        self.intruder.step(answer._replace(speed=noticed * answer.speed), noise[2], noise[3])
        if order.solid and answer.solid:
            push_apart(self.resident, self.intruder)

    def _gap(self) -> float:
        """Distance from the resident's nose to the nearest of four points of the intruder, px."""
        return gap_between(self.resident, self.intruder)

    def _approach_frames(self, gap: float) -> int:
        """Frames that an approach takes; none from scored behaviours, in which the mice are close already."""
        return int(FRAME_RATE * gap / APPROACH_SPEED) if self.behaviour == OTHER else 0

    def _has_reached(self, gap: float) -> bool:
        """Return whether the resident is close enough for the next behaviour, and behind the intruder for a mount."""
        if self.next_behaviour != MOUNT:
            return gap < REACHED[self.next_behaviour]
        return is_behind(self.resident, self.intruder, REACHED[MOUNT])
