"""One video of a laboratory: tracks of a group of mice, and their true actions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ssl_behavior.simulation.actions import ACTIONS
from ssl_behavior.simulation.annotators import Bout
from ssl_behavior.simulation.bodies import keypoints_of
from ssl_behavior.simulation.body_parts import place_parts, tracker_quality
from ssl_behavior.simulation.group import Group
from ssl_behavior.simulation.laboratories import Laboratory
from ssl_behavior.simulation.mice import FRAME_RATE
from ssl_behavior.simulation.tracking import Tracker, track

ARENA_PIXELS_PER_CM = 18.33  # of ``mice``, which has CalMS21's scale


@dataclass(frozen=True)
class ArenaVideo:
    """A video.

    Attributes:
        positions: (time, mouse, part, 2) float32 in px of the laboratory, NaN where not tracked.
        bouts: true bouts.
    """

    positions: np.ndarray
    bouts: tuple[Bout, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.positions)


def simulate_video(laboratory: Laboratory, seconds: float, rng: np.random.Generator) -> ArenaVideo:
    """Simulate a video.

    The mice move at 30 Hz, for which their kinematics are made. Body parts are interpolated to the laboratory's frame
    rate before they are tracked, so the tracker's errors are those of its own frame rate.

    Args:
        laboratory: the laboratory.
        seconds: length.
        rng: random number generator.
    """
    group = Group(laboratory.mice, laboratory.weights, rng)
    states, actions, targets = group.play(max(2, round(seconds * FRAME_RATE)))
    seven = np.stack([keypoints_of(states[:, i], mouse.size, rng) for i, mouse in enumerate(group.mice)], axis=1)
    parts = _at_rate(place_parts(seven, laboratory.parts), laboratory.frame_rate)
    confidence, jitter = tracker_quality(laboratory.parts)
    tracker = Tracker(confidence, laboratory.jitter * jitter, laboratory.frame_rate, laboratory.losses)
    positions = track(parts, rng, tracker).positions * np.float32(laboratory.pixels_per_cm / ARENA_PIXELS_PER_CM)
    scale = laboratory.frame_rate / FRAME_RATE
    return ArenaVideo(positions, tuple(_bouts(actions, targets, scale)))


def _at_rate(parts: np.ndarray, frame_rate: float) -> np.ndarray:
    """Interpolate (time, ...) from 30 Hz to a frame rate."""
    if frame_rate == FRAME_RATE:
        return parts
    times = np.arange(int(len(parts) * frame_rate / FRAME_RATE)) * (FRAME_RATE / frame_rate)
    before = np.minimum(times.astype(int), len(parts) - 2)
    share = (times - before).clip(max=1).reshape(-1, *[1] * (parts.ndim - 1))
    return np.asarray(parts[before] * (1 - share) + parts[before + 1] * share)


def _bouts(actions: np.ndarray, targets: np.ndarray, scale: float) -> list[Bout]:
    """Bouts from the action and the target of each mouse (time, mouse); ``scale`` is frames per frame at 30 Hz."""
    bouts = []
    for mouse in range(actions.shape[1]):
        keys = np.where(actions[:, mouse] >= 0, actions[:, mouse] * 100 + targets[:, mouse], -1)
        edges = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
        for start, stop in itertools.pairwise(edges):
            begin, end = round(start * scale), round(stop * scale)
            if keys[start] >= 0 and begin < end:
                action, target = ACTIONS[keys[start] // 100], int(keys[start] % 100)
                bouts.append(Bout(mouse + 1, target + 1, action, begin, end))
    return sorted(bouts, key=lambda bout: (bout.start, bout.agent))
