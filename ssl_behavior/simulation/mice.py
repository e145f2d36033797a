"""A mouse that moves: its state, and one step of its kinematics.

The head leads and the body follows. The neck moves where the head points, and the hips trail the neck at body length.
The head turns no further from the body than the neck bends: a larger turn swings the forehand around the hips, as in a
mouse that turns on the spot. Turning rate and speed follow the order with inertia.

Units are seconds and the pixels of CalMS21 (1024 x 570, about 140 of them from neck to tail base). Limits are chosen so
that speeds, turning rates and head angles spread as in the real tracks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 1024.0, 570.0
FRAME_RATE = 30.0
NOSE, TRUNK, RUMP = 75.0, 84.0, 61.0  # neck to nose, neck to the middle of the hips, from there to the tail base; px
NECK_BEND = math.radians(50)
STATES = ("x", "y", "heading", "hip_x", "hip_y", "speed", "stretch", "head")
WALL = 14.0  # smallest distance of the nose from the edge of the image, px; that of the hips is three times as large


class Order(NamedTuple):
    """The goal of a mouse in one frame.

    Attributes:
        x: goal of the nose, px.
        y: goal of the nose, px.
        speed: greatest speed, px/s.
        agility: factor on turning rate and acceleration.
        stretch: trunk length relative to the relaxed one.
        head: distance from nose to neck relative to the relaxed one (a lowered head looks shorter from above).
        axis: direction of the trunk in radians, or None if it just trails the head.
        solid: whether the mice push each other apart.
    """

    x: float
    y: float
    speed: float
    agility: float = 1.0
    stretch: float = 1.0
    head: float = 1.0
    axis: float | None = None
    solid: bool = True


@dataclass(slots=True)
class Mouse:
    """The state of one mouse.

    Attributes:
        x: position of the neck, px.
        y: position of the neck, px.
        heading: direction of the head, radians.
        size: size relative to a typical resident.
        pace: factor on the speed of roaming.
        hip_x: position of the middle of the hips, px.
        hip_y: position of the middle of the hips, px.
        speed: speed of the neck along the heading, px/s.
        turning: turning rate of the head, rad/s.
        stretch: trunk length relative to the relaxed one.
        head: distance from nose to neck relative to the relaxed one.
        plan: numbers that the present move remembers.
        plan_until: frame at which the move makes another plan.
    """

    x: float
    y: float
    heading: float
    size: float
    pace: float
    hip_x: float = 0.0
    hip_y: float = 0.0
    speed: float = 0.0
    turning: float = 0.0
    stretch: float = 1.0
    head: float = 1.0
    plan: tuple[float, ...] = field(default=())
    plan_until: int = 0

    def __post_init__(self) -> None:
        self.hip_x = self.x - TRUNK * self.size * math.cos(self.heading)
        self.hip_y = self.y - TRUNK * self.size * math.sin(self.heading)

    @property
    def axis(self) -> float:
        """Direction from the hips to the neck, radians."""
        return math.atan2(self.y - self.hip_y, self.x - self.hip_x)

    @property
    def state(self) -> tuple[float, ...]:
        """Numbers that place the keypoints, as named in ``STATES``."""
        return self.x, self.y, self.heading, self.hip_x, self.hip_y, self.speed, self.stretch, self.head

    @property
    def nose(self) -> tuple[float, float]:
        """Tip of the nose, px."""
        reach = NOSE * self.size * self.head
        return self.x + reach * math.cos(self.heading), self.y + reach * math.sin(self.heading)

    @property
    def flank(self) -> tuple[float, float]:
        """Middle of the trunk, px."""
        return (self.x + self.hip_x) / 2, (self.y + self.hip_y) / 2

    @property
    def tail(self) -> tuple[float, float]:
        """Base of the tail, px."""
        ratio = RUMP / TRUNK
        return self.hip_x + ratio * (self.hip_x - self.x), self.hip_y + ratio * (self.hip_y - self.y)

    @property
    def rump(self) -> tuple[float, float]:
        """Middle between the hips and the base of the tail, px."""
        tail_x, tail_y = self.tail
        return (self.hip_x + tail_x) / 2, (self.hip_y + tail_y) / 2

    def step(self, order: Order, turn_noise: float, speed_noise: float) -> None:
        """Move by one frame.

        Args:
            order: goal of this frame.
            turn_noise: standard normal number that disturbs the turning rate.
            speed_noise: standard normal number that disturbs speed and stretch.
        """
        self.stretch += 0.1 * (order.stretch + 0.0007 * abs(self.speed) - self.stretch) + 0.022 * speed_noise
        self.stretch = min(max(self.stretch, 0.5), 1.35)
        self.head += 0.2 * (order.head - self.head)
        reach = NOSE * self.size * self.head
        away = math.hypot(order.x - self.x, order.y - self.y)
        # Close to its goal a mouse would spin to face it exactly, so it stops turning.
        error = wrap(math.atan2(order.y - self.y, order.x - self.x) - self.heading) if away > 0.35 * reach else 0.0
        max_turning = (5.0 + 0.006 * self.speed) * order.agility
        wanted_turning = min(max(7.0 * order.agility * error, -max_turning), max_turning)
        self.turning += 0.3 * (wanted_turning - self.turning) + (0.45 + 0.0007 * abs(self.speed)) * turn_noise
        wanted_speed = min(max(8.0 * (away - reach), -120.0), order.speed) * max(0.05, math.cos(0.9 * error))
        push = 0.2 * order.agility
        self.speed += min(push, 0.6) * (wanted_speed - self.speed) + (3.0 + 0.06 * abs(self.speed)) * speed_noise
        self.heading = wrap(self.heading + self.turning / FRAME_RATE)
        self.x += self.speed / FRAME_RATE * math.cos(self.heading)
        self.y += self.speed / FRAME_RATE * math.sin(self.heading)
        self._draw_hips(order.axis)
        self._stay_inside()

    def _draw_hips(self, wanted_axis: float | None) -> None:
        """Let the hips trail the neck at the trunk's length, and keep the neck from bending too far."""
        axis = self.axis
        bend = wrap(self.heading - axis)
        # A bent trunk straightens on its own, faster when it runs.
        axis += bend * (0.05 + min(0.0003 * abs(self.speed), 0.15))
        if wanted_axis is not None:
            axis += 0.1 * wrap(wanted_axis - axis)
        trunk = TRUNK * self.size * self.stretch
        self.hip_x, self.hip_y = self.x - trunk * math.cos(axis), self.y - trunk * math.sin(axis)
        excess = abs(wrap(self.heading - axis)) - NECK_BEND
        if excess > 0:
            axis += math.copysign(excess, wrap(self.heading - axis))
            # Three quarters of the swing move the forehand around the hips, the rest the hips around the neck.
            swung_x, swung_y = self.hip_x + trunk * math.cos(axis), self.hip_y + trunk * math.sin(axis)
            self.x += 0.75 * (swung_x - self.x)
            self.y += 0.75 * (swung_y - self.y)
            self.hip_x, self.hip_y = self.x - trunk * math.cos(axis), self.y - trunk * math.sin(axis)

    def _stay_inside(self) -> None:
        nose_x, nose_y = self.nose
        self.shift(_back_inside(nose_x, WALL, WIDTH), _back_inside(nose_y, WALL, HEIGHT))
        self.hip_x += _back_inside(self.hip_x, 3 * WALL, WIDTH)
        self.hip_y += _back_inside(self.hip_y, 3 * WALL, HEIGHT)

    def shift(self, x: float, y: float) -> None:
        """Move the whole body by some pixels, without turning it."""
        self.x, self.y, self.hip_x, self.hip_y = self.x + x, self.y + y, self.hip_x + x, self.hip_y + y


def put_mouse(rng: np.random.Generator, size: float, pace: float) -> Mouse:
    """Put a mouse anywhere in the arena, away from the walls."""
    x, y = rng.uniform(150, WIDTH - 150), rng.uniform(150, HEIGHT - 150)
    return Mouse(x, y, rng.uniform(-math.pi, math.pi), size, pace)


def gap_between(agent: Mouse, target: Mouse) -> float:
    """Distance from the agent's nose to the nearest of four points of the target, px."""
    x, y = agent.nose
    points = (target.nose, target.flank, target.tail, (target.x, target.y))
    return min(math.hypot(x - point[0], y - point[1]) for point in points)


def is_behind(agent: Mouse, target: Mouse, distance: float) -> bool:
    """Return whether the agent's nose is within a distance (px) of the target's rump, and points the same way."""
    x, y = agent.nose
    rump_x, rump_y = target.rump
    return math.cos(agent.heading - target.axis) > 0.0 and math.hypot(x - rump_x, y - rump_y) < distance


def push_apart(first: Mouse, second: Mouse) -> None:
    """Move two overlapping mice away from each other; each trunk counts as two discs, at the neck and at the hips."""
    distance = 31.0 * (first.size + second.size)
    for ax, ay in ((first.x, first.y), (first.hip_x, first.hip_y)):
        for bx, by in ((second.x, second.y), (second.hip_x, second.hip_y)):
            gap = math.hypot(ax - bx, ay - by)
            if 0 < gap < distance:
                push = 0.12 * (distance - gap) / gap
                first.shift(push * (ax - bx), push * (ay - by))
                second.shift(push * (bx - ax), push * (by - ay))


def wrap(angle: float) -> float:
    """The same angle within -pi to pi."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _back_inside(value: float, margin: float, size: float) -> float:
    """The shift that brings a coordinate back between the margins; 0 if it is there already."""
    return max(margin - value, 0.0) + min(size - margin - value, 0.0)
