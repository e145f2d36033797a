"""Simulated resident and intruder mice: recordings with labels that are exact, for tests, demos and first tries.

What is fitted to real data: bout lengths and transitions (``ethogram``), body proportions (``bodies``), the size of
the tracker's jitter and its confidence (``tracking``). What is chosen, and only compared with real tracks: speeds,
turning rates, the moves that make up a behaviour, which videos show which behaviour, and how often faults occur. Scores
on these recordings say that a program works, not how well it does on mice.
"""

from __future__ import annotations

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21 import CHANNEL, INDIVIDUALS, SKELETON
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.bodies import keypoints_of
from ssl_behavior.simulation.encounter import Encounter
from ssl_behavior.simulation.ethogram import BEHAVIOURS, Disposition
from ssl_behavior.simulation.mice import FRAME_RATE
from ssl_behavior.simulation.tracking import track

__all__ = ["BEHAVIOURS", "CHANNEL", "SKELETON", "simulate_recording", "simulate_recordings"]


def simulate_recordings(
    videos: int, seed: int = 0, frames: int | tuple[int, int] = (1800, 9000), prefix: str = "video"
) -> list[Recording]:
    """Simulate ``videos`` recordings; video i depends on ``seed`` and i only.

    Args:
        videos: how many.
        seed: any whole number from 0.
        frames: frames of each video at 30 Hz, or the least and the most, between which each video's is drawn.
        prefix: of the ids ``<prefix>000``, ``<prefix>001`` ...

    Returns:
        Recordings of ``resident`` and ``intruder`` in px, with labels of what the resident does to the intruder in
        the channel ``behaviour``.

    Raises:
        InputError: no videos, no frames, or a negative seed.
    """
    if videos < 1:
        raise InputError(f"the number of videos must be at least 1; got {videos}")
    return [simulate_recording(video, seed, frames, f"{prefix}{video:03d}") for video in range(videos)]


def simulate_recording(video: int, seed: int, frames: int | tuple[int, int], video_id: str) -> Recording:
    """Simulate the ``video``-th recording of a seed; see ``simulate_recordings``."""
    least, most = (frames, frames) if isinstance(frames, int) else frames
    if seed < 0:
        raise InputError(f"the seed must be 0 or more; got {seed}")
    if not 1 <= least <= most:
        raise InputError(f"frames must be at least 1, the least no more than the most; got {least} to {most}")
    rng = np.random.default_rng([seed, video])
    count = int(rng.integers(least, most + 1))
    encounter = Encounter(Disposition.draw(video, rng), rng)
    states, behaviours = encounter.play(count)
    mice = (encounter.resident, encounter.intruder)
    bodies = np.stack([keypoints_of(states[:, i], mouse.size, rng) for i, mouse in enumerate(mice)], axis=1)
    tracks = track(bodies, rng)
    return Recording(
        id=video_id,
        positions=tracks.positions,
        individuals=INDIVIDUALS,
        skeleton=SKELETON,
        frame_rate=FRAME_RATE,
        confidence=tracks.confidence,
        labels={CHANNEL: Labels(BEHAVIOURS, behaviours, pair=INDIVIDUALS)},
        unit="px",
        source="simulated",
        metadata={"seed": seed, "video": video},
    )
