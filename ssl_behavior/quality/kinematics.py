"""Simple kinematics of animals, to compare labels with."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np

from ssl_behavior.poses.poses import Poses


def kinematics(poses: Poses) -> np.ndarray:
    """Distances, speeds and relative headings of every two animals; speed, turning and posture of a lone one.

    Args:
        poses: a prepared recording.

    Returns:
        (time, feature) with mean 0 and standard deviation 1, NaN where an animal is not tracked, and everywhere if a
        feature never changes.
    """
    pairs = [*combinations(range(len(poses.individuals)), 2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        columns = [column for pair in pairs for column in _of_pair(poses, pair)] or _of_lone_animal(poses)
        values = np.stack(columns, axis=1).astype(np.float64)
        deviation = np.nanstd(values, axis=0)
        return (values - np.nanmean(values, axis=0)) / np.where(deviation > 0, deviation, np.nan)


def _velocities(values: np.ndarray, frame_rate: float) -> np.ndarray:
    """Change per second from the frame before to the frame after; NaN at both ends."""
    velocities = np.full_like(values, np.nan)
    velocities[1:-1] = (values[2:] - values[:-2]) * (frame_rate / 2)
    return velocities


def _of_pair(poses: Poses, pair: tuple[int, int]) -> list[np.ndarray]:
    centre, heading = poses.centre[:, pair], poses.heading[:, pair]
    speed = np.linalg.norm(_velocities(centre, poses.frame_rate), axis=-1)
    offset = centre[:, 1] - centre[:, 0]
    distance = np.linalg.norm(offset, axis=-1)
    toward = offset / distance[:, None]
    return [
        np.log(distance + 0.1),
        np.log(speed.max(1) + 0.1),
        np.log(speed.min(1) + 0.1),
        (heading[:, 0] * toward).sum(-1),
        -(heading[:, 1] * toward).sum(-1),
        (heading[:, 0] * heading[:, 1]).sum(-1),
    ]


def _of_lone_animal(poses: Poses) -> list[np.ndarray]:
    centre, heading = poses.centre[:, 0], poses.heading[:, 0]
    velocity = _velocities(centre, poses.frame_rate)
    speed = np.linalg.norm(velocity, axis=-1)
    turning = np.linalg.norm(_velocities(heading, poses.frame_rate), axis=-1)
    offsets = poses.positions[:, 0] - centre[:, None]
    ahead = (offsets * heading[:, None]).sum(-1)
    within = np.nanmedian(np.linalg.norm(_velocities(offsets, poses.frame_rate), axis=-1), axis=1)
    return [
        np.log(speed + 0.1),
        (velocity * heading).sum(-1) / (speed + 0.3),
        np.log(turning + 0.1),
        np.log(np.nanmax(ahead, axis=1) - np.nanmin(ahead, axis=1) + 0.1),
        np.log(within + 0.1),
    ]
