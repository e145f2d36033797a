"""Moves that touch the other mouse: sniffing, mounting, fighting. ``moves`` explains what a move is."""

from __future__ import annotations

import math

import numpy as np

from ssl_behavior.simulation.mice import NOSE, Mouse, Order
from ssl_behavior.simulation.moves import Move, Point


def sniff(part: str, speed: float = 260.0) -> Move:
    """Make a move that keeps the nose at a body part of the other mouse.

    Args:
        part: ``nose``, ``flank``, ``tail``, or ``any`` of them in turn.
        speed: greatest speed relative to the other mouse, px/s.
    """

    def move(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
        if frame >= me.plan_until:
            me.plan = (float(rng.integers(4)), rng.normal(0, 11), rng.normal(0, 11), rng.uniform(0.84, 1.08))
            me.plan_until = frame + int(rng.lognormal(3.1, 0.5))
        choice, aside_x, aside_y, stretch = me.plan
        x, y = _part(other, part if part != "any" else ("nose", "flank", "tail", "tail")[int(choice)])
        # The nose stops at the fur, some px before the keypoint inside the body.
        near = 24.0 * other.size / (math.hypot(me.x - x, me.y - y) + 1e-6)
        return Order(
            x + near * (me.x - x) + aside_x,
            y + near * (me.y - y) + aside_y,
            speed + 1.1 * abs(other.speed),
            agility=1.15,
            stretch=stretch,
        )

    return move


def come_behind(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Go to the other's rump, around its body if it is in the way."""
    x, y = other.tail
    axis = other.axis
    if math.cos(math.atan2(y - me.y, x - me.x) - axis) < 0.1:
        x, y = x - 140 * math.cos(axis), y - 140 * math.sin(axis)
        side = math.sin(math.atan2(me.y - other.y, me.x - other.x) - axis)
        x, y = x - math.copysign(40, side) * math.sin(axis), y + math.copysign(40, side) * math.cos(axis)
    return Order(x, y, 330.0 + abs(other.speed), agility=1.3, stretch=0.95)


def mount(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Hold the other from behind, trunk on trunk, with thrusts."""
    if frame >= me.plan_until:
        me.plan = (rng.uniform(0.9, 1.7), rng.normal(0, 0.35), rng.uniform(1.1, 2.4), rng.choice((0.0, 5.0, 8.0)))
        me.plan_until = frame + int(rng.lognormal(3.3, 0.4))
    depth, aside, rate, thrust = me.plan
    axis = other.axis
    depth = depth * 70 * other.size + thrust * math.sin(rate * frame)
    x = other.hip_x + depth * math.cos(axis + aside)
    y = other.hip_y + depth * math.sin(axis + aside)
    return Order(x, y, 240 + 1.2 * abs(other.speed), agility=1.2, stretch=0.76, axis=axis, solid=False)


def lunge(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Bite flank, tail base or neck at high speed, again and again."""
    if frame >= me.plan_until:
        me.plan = (
            float(rng.integers(4)),
            rng.normal(0, 45),
            rng.normal(0, 45),
            rng.uniform(300, 900),
            rng.uniform(0.7, 1.1),
        )
        me.plan_until = frame + int(rng.uniform(4, 16))
    choice, aside_x, aside_y, speed, stretch = me.plan
    x, y = _part(other, ("flank", "tail", "neck", "flank")[int(choice)])
    # Aim beyond the target, as a mouse that stops at it would look gentle.
    beyond = 55.0 / (math.hypot(x - me.x, y - me.y) + 1e-6)
    x, y = x + beyond * (x - me.x), y + beyond * (y - me.y)
    return Order(x + aside_x, y + aside_y, speed + abs(other.speed), agility=2.2, stretch=stretch, solid=False)


def hold_bite(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Hold on with the teeth and jerk: an attack at hardly any speed."""
    if frame >= me.plan_until:
        me.plan = (rng.normal(0, 14), rng.normal(0, 14))
        me.plan_until = frame + int(rng.uniform(4, 14))
    x, y = other.flank
    aside_x, aside_y = me.plan
    return Order(x + aside_x, y + aside_y, 200 + abs(other.speed), agility=1.7, stretch=0.8, solid=False)


def wrestle(me: Mouse, other: Mouse, frame: int, rng: np.random.Generator) -> Order:
    """Roll and kick, turning around the attacker."""
    if frame >= me.plan_until:
        x, y = other.flank
        turn = math.atan2(y - me.y, x - me.x) + rng.normal(0, 1.4)
        me.plan = (turn, rng.uniform(150, 850), rng.uniform(0.6, 1.0))
        me.plan_until = frame + int(rng.uniform(4, 14))
    turn, speed, stretch = me.plan
    reach = NOSE + 0.2 * speed
    x, y = me.x + reach * math.cos(turn), me.y + reach * math.sin(turn)
    return Order(x, y, speed, agility=2.2, stretch=stretch, solid=False)


def _part(mouse: Mouse, name: str) -> Point:
    """Position of a body part, px."""
    if name == "neck":
        return mouse.x, mouse.y
    return {"nose": mouse.nose, "flank": mouse.flank, "tail": mouse.tail}[name]
