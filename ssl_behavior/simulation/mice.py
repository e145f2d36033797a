"""A mouse that moves: its state, and one step of its kinematics.

The head leads and the body is drawn along: the neck moves where the head points, the hips trail the neck at body
length, and the head can turn no further from the body than the neck bends; what it turns further swings the forehand
around the hips, as a mouse does that turns on the spot. Turning rate and speed follow what is asked with inertia.
Pixels of CalMS21 (1024 x 570, some 140 of them from neck to tail base) and seconds; the limits are chosen so that
speeds, turning rates and head angles spread as in the real tracks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

WIDTH, HEIGHT = 1024.0, 570.0
FRAME_RATE = 30.0
NOSE, TRUNK, RUMP = 75.0, 84.0, 61.0  # neck to nose, neck to between the hips, from there to the tail base; px
NECK_BEND = math.radians(50)
WALL = 14.0  # the nose gets no closer to the edge of the picture, the hips three times as far


class Order(NamedTuple):
    """What a mouse is asked to do in one frame.

    Attributes:
        x, y: where the nose is to go.
        speed: at most, px/s.
        agility: factor on how fast it turns and accelerates.
        stretch: trunk length asked for, relative to the relaxed one.
        head: nose-to-neck distance asked for, relative to the relaxed one (a lowered head looks shorter from above).
        axis: heading the trunk is to take, radians, or None for wherever it trails.
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
    """The state of one mouse: neck, hips, where the head points, and the plan its present move follows."""

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
        part = RUMP / TRUNK
        return self.hip_x + part * (self.hip_x - self.x), self.hip_y + part * (self.hip_y - self.y)

    @property
    def rump(self) -> tuple[float, float]:
        """Half-way from the hips to the base of the tail, px."""
        tail_x, tail_y = self.tail
        return (self.hip_x + tail_x) / 2, (self.hip_y + tail_y) / 2

    def step(self, order: Order, turn_noise: float, speed_noise: float) -> None:
        """Move by one frame. The noises are standard normal."""
        self.stretch += 0.1 * (order.stretch + 0.0007 * abs(self.speed) - self.stretch) + 0.022 * speed_noise
        self.stretch = min(max(self.stretch, 0.5), 1.35)
        self.head += 0.2 * (order.head - self.head)
        reach = NOSE * self.size * self.head
        away = math.hypot(order.x - self.x, order.y - self.y)
        error = wrap(math.atan2(order.y - self.y, order.x - self.x) - self.heading) if away > 0.35 * reach else 0.0
        most = (5.0 + 0.006 * self.speed) * order.agility
        wanted_turning = min(max(7.0 * order.agility * error, -most), most)
        self.turning += 0.3 * (wanted_turning - self.turning) + (0.45 + 0.0007 * abs(self.speed)) * turn_noise
        wanted = min(max(8.0 * (away - reach), -120.0), order.speed) * max(0.05, math.cos(0.9 * error))
        push = 0.2 * order.agility
        self.speed += min(push, 0.6) * (wanted - self.speed) + (3.0 + 0.06 * abs(self.speed)) * speed_noise
        self.heading = wrap(self.heading + self.turning / FRAME_RATE)
        self.x += self.speed / FRAME_RATE * math.cos(self.heading)
        self.y += self.speed / FRAME_RATE * math.sin(self.heading)
        self._draw_hips(order.axis)
        self._stay_inside()

    def _draw_hips(self, wanted_axis: float | None) -> None:
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
        """Move the whole body sideways by so many pixels."""
        self.x, self.y, self.hip_x, self.hip_y = self.x + x, self.y + y, self.hip_x + x, self.hip_y + y


def push_apart(first: Mouse, second: Mouse) -> None:
    """Move two mice that overlap away from each other, each trunk taken as two discs."""
    room = 31.0 * (first.size + second.size)
    for ax, ay in ((first.x, first.y), (first.hip_x, first.hip_y)):
        for bx, by in ((second.x, second.y), (second.hip_x, second.hip_y)):
            gap = math.hypot(ax - bx, ay - by)
            if 0 < gap < room:
                push = 0.12 * (room - gap) / gap
                first.shift(push * (ax - bx), push * (ay - by))
                second.shift(push * (bx - ax), push * (by - ay))


def wrap(angle: float) -> float:
    """The same angle within -pi to pi."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _back_inside(value: float, margin: float, size: float) -> float:
    return max(margin - value, 0.0) + min(size - margin - value, 0.0)
