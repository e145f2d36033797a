"""Moves of one mouse by itself, or at some distance from the other.

A move is a function of the mouse itself, the other mouse, the frame and the random number generator. It returns the
``Order`` of that frame. It keeps numbers to remember, such as a waypoint or a distance, in ``me.plan`` until the frame
``me.plan_until``. Speeds, distances and durations are chosen, and compared with their spread in the real CalMS21
tracks.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ssl_behavior.simulation.mice import HEIGHT, NOSE, WIDTH, Mouse, Order, wrap

Move = Callable[[Mouse, Mouse, int, np.random.Generator], Order]
Point = tuple[float, float]


def roam(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Explore: walk or run to a point, often along a wall, stop, look around, rear."""
    if frame >= me.plan_until:
        x, y = me.nose
        if rng.random() < 0.45:
            turn = me.heading + rng.normal(0, 0.9)
            rears = rng.random() < 0.15
            me.plan = (me.x + NOSE * math.cos(turn), me.y + NOSE * math.sin(turn), 50.0, 0.6 if rears else 0.84)
            me.plan_until = frame + int(rng.lognormal(3.2, 0.7))
        else:
            goal_x, goal_y = _next_corner(me, rng) if rng.random() < 0.75 else _random_point(rng)
            speed = min(me.pace * rng.lognormal(5.9, 0.55), 850.0)
            me.plan = (goal_x, goal_y, speed, 0.95)
            me.plan_until = frame + int(30 * math.hypot(goal_x - x, goal_y - y) / speed * rng.uniform(0.4, 1.2)) + 8
    x, y, speed, stretch = me.plan
    return Order(x, y, speed, stretch=stretch)


def rest(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Stay in place, and turn the head now and then."""
    if frame >= me.plan_until:
        turn = me.heading + rng.normal(0, 0.5)
        me.plan = (me.x + NOSE * math.cos(turn), me.y + NOSE * math.sin(turn), rng.uniform(0.74, 0.9))
        me.plan_until = frame + int(rng.lognormal(3.2, 0.7))
    x, y, stretch = me.plan
    return Order(x, y, 30.0, agility=0.5, stretch=stretch)


def groom(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Groom: curl up, lower the head and move it from side to side."""
    if frame >= me.plan_until:
        me.plan = (me.x, me.y, me.axis, rng.choice((-0.6, 0.0, 0.6)), rng.uniform(0.2, 0.5))
        me.plan_until = frame + int(rng.lognormal(3.6, 0.5))
    x, y, axis, side, rate = me.plan
    turn = axis + side + 0.25 * math.sin(rate * frame)
    return Order(x + NOSE * math.cos(turn), y + NOSE * math.sin(turn), 40.0, agility=0.8, stretch=0.68, head=0.85)


def follow(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Run after the other without touching it."""
    if frame >= me.plan_until:
        me.plan = (rng.uniform(35, 130), rng.uniform(350, 700))
        me.plan_until = frame + int(rng.uniform(20, 60))
    gap, speed = me.plan
    x, y = other.tail
    axis = other.axis
    return Order(x - gap * math.cos(axis), y - gap * math.sin(axis), speed, agility=1.3, stretch=1.05)


def flee(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Run away along the walls."""
    if frame >= me.plan_until:
        goals = [*_corners(rng), _random_point(rng), _random_point(rng)]
        goal_x, goal_y = max(goals, key=lambda goal: _safety(me, other, goal))
        me.plan = (goal_x, goal_y, rng.uniform(380, 780))
        me.plan_until = frame + int(rng.uniform(12, 40))
    x, y, speed = me.plan
    return Order(x, y, speed, agility=1.5, stretch=1.05)


def evade(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Walk on slowly in about the present direction, with stops."""
    if frame >= me.plan_until:
        turn = me.heading + rng.normal(0, 0.5)
        me.plan = (
            min(max(me.x + 300 * math.cos(turn), 60), WIDTH - 60),
            min(max(me.y + 260 * math.sin(turn), 60), HEIGHT - 60),
            rng.choice((20.0, 80.0, 150.0, 260.0)),
        )
        me.plan_until = frame + int(rng.uniform(15, 60))
    x, y, speed = me.plan
    return Order(x, y, speed, stretch=0.92)


def pass_by(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Walk or run past the other, close to it, to a point beyond."""
    if frame >= me.plan_until:
        x, y = other.flank
        angle = math.atan2(y - me.y, x - me.x)
        beside, beyond = rng.choice((-1, 1)) * rng.uniform(75, 120), rng.uniform(120, 320)
        me.plan = (
            min(max(x + beyond * math.cos(angle) - beside * math.sin(angle), 40), WIDTH - 40),
            min(max(y + beyond * math.sin(angle) + beside * math.cos(angle), 40), HEIGHT - 40),
            rng.uniform(140, 520),
        )
        me.plan_until = frame + int(30 * (math.hypot(x - me.x, y - me.y) + beyond) / me.plan[2]) + 10
    x, y, speed = me.plan
    return Order(x, y, speed)


def climb_over(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Walk straight across the other's back without stopping."""
    if frame >= me.plan_until:
        x, y = other.flank
        angle = math.atan2(y - me.y, x - me.x)
        me.plan = (x + 230 * math.cos(angle), y + 230 * math.sin(angle), rng.uniform(150, 300))
        me.plan_until = frame + int(30 * (math.hypot(x - me.x, y - me.y) + 230) / me.plan[2]) + 6
    x, y, speed = me.plan
    return Order(x, y, speed, stretch=0.9, solid=False)


def stand_beside(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Stand beside the other, parallel or head to tail, and look elsewhere."""
    if frame >= me.plan_until:
        me.plan = (
            rng.choice((-1.0, 1.0)) * rng.uniform(64, 105),
            rng.uniform(-40, 60),
            rng.choice((0.0, 0.0, math.pi)),
        )
        me.plan_until = frame + int(rng.uniform(40, 120))
    side, along, turned = me.plan
    x, y = other.flank
    axis = other.axis
    x, y = x + along * math.cos(axis) - side * math.sin(axis), y + along * math.sin(axis) + side * math.cos(axis)
    ahead = axis + turned
    return Order(x + 95 * math.cos(ahead), y + 95 * math.sin(ahead), 160.0, stretch=0.88, axis=ahead)


def face(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Stand at some distance and look at the other."""
    if frame >= me.plan_until:
        me.plan = (rng.uniform(55, 120), rng.uniform(0.8, 1.1))
        me.plan_until = frame + int(rng.uniform(20, 80))
    gap, stretch = me.plan
    x, y = other.nose
    near = gap / (math.hypot(me.x - x, me.y - y) + 1e-6)
    return Order(x + near * (me.x - x), y + near * (me.y - y), 150.0, stretch=stretch)


def turn_away(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Turn away from the other, take a step or two, and stand."""
    if frame >= me.plan_until:
        x, y = other.flank
        turn = math.atan2(me.y - y, me.x - x) + rng.normal(0, 0.7)
        reach = rng.uniform(70, 190)
        me.plan = (me.x + reach * math.cos(turn), me.y + reach * math.sin(turn), rng.uniform(80, 380))
        me.plan_until = frame + int(rng.uniform(25, 90))
    x, y, speed = me.plan
    return Order(x, y, speed, stretch=0.9)


def wander(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Explore as ``roam`` does, without runs and rears."""
    order = roam(me, other, frame, rng)
    return order._replace(speed=min(order.speed, 230.0), stretch=max(order.stretch, 0.84))


def run(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Run straight to a far point ahead."""
    if frame >= me.plan_until:
        goals = [_random_point(rng) for _ in range(6)]
        far = [goal for goal in goals if math.hypot(goal[0] - me.x, goal[1] - me.y) > 260] or goals
        goal_x, goal_y = min(far, key=lambda goal: abs(wrap(math.atan2(goal[1] - me.y, goal[0] - me.x) - me.heading)))
        me.plan = (goal_x, goal_y, rng.uniform(600, 900))
        me.plan_until = frame + int(rng.uniform(20, 45))
    x, y, speed = me.plan
    return Order(x, y, speed, agility=1.3, stretch=1.08)


def rear(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Stand on the hind legs: seen from above, trunk and head shorten."""
    if frame >= me.plan_until:
        turn = me.heading + rng.normal(0, 0.4)
        me.plan = (me.x + NOSE * math.cos(turn), me.y + NOSE * math.sin(turn), rng.uniform(0.45, 0.6))
        me.plan_until = frame + int(rng.lognormal(3.2, 0.5))
    x, y, stretch = me.plan
    return Order(x, y, 25.0, agility=0.7, stretch=stretch, head=0.55)


def curl_up(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Lie still with the head at the flank."""
    if frame >= me.plan_until:
        turn = me.axis + rng.choice((-0.75, 0.75))
        me.plan = (me.x + NOSE * math.cos(turn), me.y + NOSE * math.sin(turn))
        me.plan_until = frame + int(rng.uniform(150, 600))
    x, y = me.plan
    return Order(x, y, 6.0, agility=0.4, stretch=0.62, head=0.9)


def dig(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Dig in place: the head is low, and the body jerks forward and back."""
    if frame >= me.plan_until:
        me.plan = (me.x, me.y, me.axis + rng.normal(0, 0.2), rng.uniform(0.55, 0.85))
        me.plan_until = frame + int(rng.lognormal(3.4, 0.4))
    x, y, axis, rate = me.plan
    reach = 0.72 * NOSE + 32 * math.sin(rate * frame)
    turn = axis + 0.12 * math.sin(0.5 * rate * frame)
    return Order(x + reach * math.cos(turn), y + reach * math.sin(turn), 240.0, agility=2.0, stretch=0.95, head=0.66)


def _random_point(rng: np.random.Generator) -> Point:
    return rng.uniform(90, WIDTH - 90), rng.uniform(80, HEIGHT - 80)


def _corners(rng: np.random.Generator) -> list[Point]:
    """Four points near the corners, in order around the arena."""
    aside, above = rng.uniform(70, 150), rng.uniform(60, 120)
    left, right, top, bottom = aside, WIDTH - aside, above, HEIGHT - above
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _next_corner(me: Mouse, rng: np.random.Generator) -> Point:
    """A corner next to the nearest one, the one that lies more ahead: a mouse follows the walls."""
    corners = _corners(rng)
    nearest = min(range(4), key=lambda i: math.hypot(corners[i][0] - me.x, corners[i][1] - me.y))
    candidates = [corners[i % 4] for i in (nearest - 1, nearest, nearest + 1)]
    far = [corner for corner in candidates if math.hypot(corner[0] - me.x, corner[1] - me.y) > 170]
    return min(far, key=lambda corner: abs(wrap(math.atan2(corner[1] - me.y, corner[0] - me.x) - me.heading)))


def _safety(me: Mouse, other: Mouse, goal: Point) -> float:
    """Rate a goal to flee to: far from the other, away from its direction, and ahead."""
    x, y = goal
    towards = math.atan2(y - me.y, x - me.x)
    threat = math.atan2(other.y - me.y, other.x - me.x)
    return math.hypot(x - other.x, y - other.y) - 150 * math.cos(towards - threat) + 80 * math.cos(towards - me.heading)
