"""Simulated recordings of a resident and an intruder mouse, with exact labels, for tests, demos and first tries.

Fitted to real data: bout lengths and transitions (``ethogram``), body proportions (``bodies``), and the size of the
tracker's jitter and its confidence (``tracking``). Chosen, and only compared with real tracks: speeds, turning rates,
the moves that make up a behaviour, the behaviours of each video, and the frequency of tracking errors. Scores on these
recordings show that a program works, not how well it does on mice.
"""

from __future__ import annotations

import numpy as np

from ssl_behavior.compute.argument_types import check_arguments
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


@check_arguments
def simulate_recordings(
    videos: int, seed: int = 0, frames: int | tuple[int, int] = (1800, 9000), prefix: str = "video"
) -> list[Recording]:
    """Simulate recordings. Video i depends only on ``seed`` and i.

    Args:
        videos: number of recordings.
        seed: whole number, 0 or above.
        frames: number of frames of each video at 30 Hz, or the least and the greatest number to draw from.
        prefix: beginning of the ids ``<prefix>000``, ``<prefix>001`` ...

    Returns:
        Recordings of ``resident`` and ``intruder`` in px. The channel ``behaviour`` labels the behaviour of the
        resident towards the intruder.

    Raises:
        InputError: a number of videos or frames is below 1, or the seed is negative.

    Examples:
        >>> recordings = simulate_recordings(2, seed=0, frames=1800)
        >>> recordings[0].positions.shape
        (1800, 2, 7, 2)
    """
    if videos < 1:
        raise InputError(f"the number of videos must be at least 1; found {videos}")
    return [simulate_recording(video, seed, frames, f"{prefix}{video:03d}") for video in range(videos)]


def simulate_recording(video: int, seed: int, frames: int | tuple[int, int], video_id: str) -> Recording:
    """Simulate one recording.

    Args:
        video: number of the video.
        seed: as in ``simulate_recordings``.
        frames: as in ``simulate_recordings``.
        video_id: id of the recording.
    """
    fewest, most = (frames, frames) if isinstance(frames, int) else frames
    if seed < 0:
        raise InputError(f"the seed must be 0 or more; found {seed}")
    if not 1 <= fewest <= most:
        raise InputError(
            f"the number of frames must be at least 1, and the least no more than the greatest; found {fewest} to "
            f"{most}"
        )
    rng = np.random.default_rng([seed, video])
    encounter_frames = int(rng.integers(fewest, most + 1))
    encounter = Encounter(Disposition.draw(video, rng), rng)
    states, behaviours = encounter.play(encounter_frames)
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
