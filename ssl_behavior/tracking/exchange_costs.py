"""Costs of exchanges of two animals, by their motion."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ssl_behavior.tracking.association import seen_instances
from ssl_behavior.tracking.memory import Memories, MotionScale, match_cost, record


def exchange_costs(pair: np.ndarray, scale: MotionScale, drift: np.ndarray | None = None) -> np.ndarray:
    """Return what it would cost that two animals change names at each frame, and keep them afterwards.

    It is the difference of two costs: that each animal's memory matches the next pose of the other, and its own.

    Args:
        pair: (time, 2, keypoint, space), NaN where unseen.
        scale: how far the animals move, in the same unit.
        drift: (time, 2, keypoint, space) of their last poses, if the flow of the video is known.

    Returns:
        (time,) nats, negative where an exchange fits better; infinite before both were seen and where neither is.
    """
    positions = np.ascontiguousarray(pair, np.float64)
    is_seen = seen_instances(positions)
    frames = np.arange(len(positions))[:, None]
    # The frame in which each is seen next, this one included; the number of frames where it is not seen again.
    following = np.where(is_seen, frames, len(positions))
    following = np.minimum.accumulate(following[::-1])[::-1]
    carried = np.zeros_like(positions) if drift is None else np.cumsum(drift, axis=0)
    return _exchange_costs(positions, is_seen, following, carried, Memories.empty(2, positions.shape[2:], scale))


@njit(cache=True)
def _exchange_costs(
    positions: np.ndarray, is_seen: np.ndarray, following: np.ndarray, carried: np.ndarray, memories: Memories
) -> np.ndarray:
    found = np.full(len(positions), math.inf)
    own = np.arange(2)
    for t in range(len(positions)):
        if t:
            memories.pose[:] += carried[t] - carried[t - 1]
        if memories.known.all() and is_seen[t].any():
            found[t] = 0.0
            for j in range(2):
                later = following[t, j]
                if later < len(positions):
                    for animal in range(2):
                        # The image carries the last pose of an animal until it is seen again.
                        further = carried[min(later, following[t, animal]), animal] - carried[t, animal]
                        age = memories.age[animal] + later - t
                        cost = match_cost(positions[later, j] - further, memories, animal, age)
                        found[t] += -cost if animal == j else cost
        record(positions[t], np.where(is_seen[t], own, -1), memories)
    return found


def motion_cost(pair: np.ndarray, is_exchanged: np.ndarray, scale: MotionScale) -> float:
    """Return what the motion of two animals costs, if they have each other's names in some frames.

    Args:
        pair: (time, 2, keypoint, space), NaN where unseen.
        is_exchanged: (time,) bool.
        scale: how far the animals move, in the same unit.

    Returns:
        Nats, of which only differences between two sets of names mean something.
    """
    positions = np.ascontiguousarray(pair, np.float64)
    is_seen = seen_instances(positions)
    return float(_motion_cost(positions, is_seen, is_exchanged, Memories.empty(2, positions.shape[2:], scale)))


@njit(cache=True)
def _motion_cost(positions: np.ndarray, is_seen: np.ndarray, is_exchanged: np.ndarray, memories: Memories) -> float:
    total = 0.0
    animals = np.empty(2, np.int64)
    for t in range(len(positions)):
        for j in range(2):
            animals[j] = (1 - j if is_exchanged[t] else j) if is_seen[t, j] else -1
            if animals[j] >= 0:
                total += match_cost(positions[t, j], memories, animals[j], memories.age[animals[j]])
        record(positions[t], animals, memories)
    return total
