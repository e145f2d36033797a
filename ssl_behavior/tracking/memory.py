"""Memories of animals, and the costs of matching instances to them; compiled, as every frame depends on the last one.

A memory is the pose as it was seen last. Keypoints that were unseen then moved along with the others. Prediction adds a
part of the last velocity, which fades with the time since the animal was seen.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

_VELOCITY = 0.4
"""Part of the last velocity that a prediction trusts."""
_FADING = 0.8
"""Factor of the velocity for each further frame without the animal."""
_SMOOTHING = 0.5
"""Weight of the newest step in the velocity."""
_GROWTH = 0.5
"""Power of the frames since an animal was seen with which the variance of its place grows; 1 is a random walk."""
_SMALLEST_STEP = 1e-3
"""Smallest typical step, as a part of the extent of all positions: animals that stand still have none."""
_SAMPLED_FRAMES = 5_000


class MotionScale(NamedTuple):
    """How far the animals of a recording move.

    Attributes:
        step: typical distance between an animal's places in two frames.
        extent: diagonal of the area in which animals are seen.
    """

    step: float
    extent: float


class Memories(NamedTuple):
    """The last pose of each animal, how it moved, and how long ago that was.

    Attributes:
        pose: (individual, keypoint, space) last pose; NaN for keypoints that were never seen.
        velocity: (individual, space) per frame.
        age: (individual,) frames since the animal was seen.
        known: (individual,) whether it was ever seen.
        scale: how far the animals move.
    """

    pose: np.ndarray
    velocity: np.ndarray
    age: np.ndarray
    known: np.ndarray
    scale: MotionScale

    @classmethod
    def empty(cls, individuals: int, shape: tuple[int, ...], scale: MotionScale) -> Memories:
        """Return memories of animals that were never seen, whose poses have this shape (keypoint, space)."""
        return cls(
            np.full((individuals, *shape), np.nan),
            np.zeros((individuals, shape[-1])),
            np.ones(individuals, np.int64),
            np.zeros(individuals, np.bool_),
            scale,
        )


def motion_scale(positions: np.ndarray, is_seen: np.ndarray) -> MotionScale:
    """Measure the median distance from an instance to the nearest one of the frame before, and the extent.

    Args:
        positions: (time, instance, keypoint, space) float64.
        is_seen: (time, instance).
    """
    frames = np.unique(np.linspace(1, max(len(positions) - 1, 1), _SAMPLED_FRAMES, dtype=np.int64))
    steps = _nearest_steps(positions, is_seen, frames[frames < len(positions)])
    step = float(np.median(steps)) if len(steps) else 0.0
    flat = positions.reshape(-1, positions.shape[-1])
    seen = flat[np.isfinite(flat).all(1)]
    extent = float(np.linalg.norm(np.ptp(seen, axis=0))) if len(seen) else 0.0
    extent = max(extent, float(np.finfo(np.float32).tiny))
    return MotionScale(max(step, _SMALLEST_STEP * extent), extent)


@njit(cache=True)
def _nearest_steps(positions: np.ndarray, is_seen: np.ndarray, frames: np.ndarray) -> np.ndarray:
    steps = np.empty(len(frames) * positions.shape[1])
    none = np.zeros(positions.shape[3])
    count = 0
    for t in frames:
        for j in range(positions.shape[1]):
            nearest = np.inf
            if is_seen[t, j]:
                for i in range(positions.shape[1]):
                    if is_seen[t - 1, i]:
                        nearest = min(nearest, _squared_distance(positions[t, j], positions[t - 1, i], none))
            if nearest < np.inf:
                steps[count] = math.sqrt(nearest)
                count += 1
    return steps[:count]


@njit(cache=True)
def _squared_distance(pose: np.ndarray, memory: np.ndarray, shift: np.ndarray) -> float:
    """Mean over the keypoints that both have; between the centroids if they share none."""
    total, common = 0.0, 0
    for k in range(pose.shape[0]):
        squared = 0.0
        for d in range(pose.shape[1]):
            squared += (pose[k, d] - memory[k, d] - shift[d]) ** 2
        if not math.isnan(squared):
            total += squared
            common += 1
    if common:
        return total / common
    for d in range(pose.shape[1]):
        total += (_centroid(pose, d) - _centroid(memory, d) - shift[d]) ** 2
    return total


@njit(cache=True)
def _centroid(pose: np.ndarray, d: int) -> float:
    total, count = 0.0, 0
    for k in range(pose.shape[0]):
        if not math.isnan(pose[k, d]):
            total += pose[k, d]
            count += 1
    return total / count if count else math.nan


@njit(cache=True)
def match_cost(seen: np.ndarray, memories: Memories, animal: int, age: int) -> float:
    """Return the cost of a match of an animal's memory with a pose (keypoint, space), so many frames after it."""
    step, extent = memories.scale
    if not memories.known[animal]:
        return 2 * math.log(extent / step)  # it may be anywhere
    variance = step**2 * age**_GROWTH
    reach = _VELOCITY * _FADING * (1 - _FADING**age) / (1 - _FADING)
    squared = _squared_distance(seen, memories.pose[animal], reach * memories.velocity[animal])
    return math.log1p(squared / variance) + math.log(variance / step**2)


@njit(cache=True)
def costs(poses: np.ndarray, is_seen: np.ndarray, memories: Memories, cost: np.ndarray) -> None:
    """Compute the cost of every match of a memory with an instance of a frame.

    Args:
        poses: (instance, keypoint, space).
        is_seen: (instance,).
        memories: memories of the animals.
        cost: (individual, instance), which is filled; 0 for an instance that is not seen.
    """
    for i in range(len(memories.age)):
        for j in range(poses.shape[0]):
            cost[i, j] = match_cost(poses[j], memories, i, memories.age[i]) if is_seen[j] else 0.0


@njit(cache=True)
def record(poses: np.ndarray, matches: np.ndarray, memories: Memories) -> None:
    """Put the poses of a frame into the memories, and let the frame pass for the others.

    Args:
        poses: (instance, keypoint, space).
        matches: (instance,) the animal of each, or a negative number.
        memories: memories of the animals.
    """
    pose, velocity, age, known, _ = memories
    age += 1
    for j in range(len(matches)):
        if matches[j] >= 0:
            i = matches[j]
            _remember(poses[j], pose[i], velocity[i], age[i] - 1, known[i])
            known[i] = True
            age[i] = 1


@njit(cache=True)
def _remember(seen: np.ndarray, pose: np.ndarray, velocity: np.ndarray, age: int, known: bool) -> None:
    """Put a pose (keypoint, space) into one memory, in place."""
    for d in range(pose.shape[1]):
        if not known:
            pose[:, d] = seen[:, d]
            continue
        shift, common = 0.0, 0
        for k in range(pose.shape[0]):
            moved = seen[k, d] - pose[k, d]
            if not math.isnan(moved):
                shift += moved
                common += 1
        shift = shift / common if common else _centroid(seen, d) - _centroid(pose, d)
        for k in range(pose.shape[0]):
            pose[k, d] = pose[k, d] + shift if math.isnan(seen[k, d]) else seen[k, d]
        velocity[d] += _SMOOTHING * (shift / age - velocity[d])


@njit(cache=True)
def advance(frame: int, positions: np.ndarray, is_seen: np.ndarray, memories: Memories, identities: np.ndarray) -> int:
    """Assign instances, frame by frame, as long as no two of them fit the same memory best.

    Args:
        frame: first frame to assign.
        positions: (time, instance, keypoint, space).
        is_seen: (time, instance).
        memories: memories of the animals.
        identities: (time, instance), which is filled.

    Returns:
        The first frame in which two do, or that has more instances than animals; or the number of frames.
    """
    individuals, places = len(memories.pose), positions.shape[1]
    cost = np.empty((individuals, places))
    best = np.empty(places, np.int64)
    while frame < len(positions):
        costs(positions[frame], is_seen[frame], memories, cost)
        if is_seen[frame].sum() > individuals:
            return frame
        for j in range(places):
            best[j] = np.argmin(cost[:, j]) if is_seen[frame, j] else -1
            if best[j] >= 0 and (best[:j] == best[j]).any():
                return frame
        identities[frame] = best
        record(positions[frame], best, memories)
        frame += 1
    return frame
