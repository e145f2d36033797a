"""Animations of skeletons: a few seconds of a pair around a bout, for the page's player and for filmstrips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.atlas.video import EmbeddedVideo

DURATION_S = 3.0
_UNITS_PER_BODY_LENGTH = 100
"""Coordinates are whole numbers, which keeps the page small; a hundredth of a body is finer than a pixel there."""


@dataclass(frozen=True)
class Animation:
    """A few seconds of a pair, ready to draw.

    Attributes:
        video: video id.
        agent: name of the agent, drawn first.
        target: name of the target, drawn second; the agent again if it is alone.
        start_frame: first frame of the bout, in the recording's own frames.
        stop_frame: the frame after the last of the bout, in the recording's own frames.
        start_s: seconds from the start of the recording to the bout.
        frame_rate: frame rate of the tracks in Hz.
        tracks: frame -> animal -> x, y of each landmark in hundredths of a body length, None where unknown.
        span: first frame of the tracks that belongs to the bout, and the frame after the last.
    """

    video: str
    agent: str
    target: str
    start_frame: int
    stop_frame: int
    start_s: float
    frame_rate: float
    tracks: list[list[list[int | None]]]
    span: tuple[int, int]


def animate(
    video: EmbeddedVideo, agent: str, target: str, start: int, stop: int, seconds: float = DURATION_S
) -> Animation:
    """Return the frames around a bout as an animation, of equal length for all bouts.

    Args:
        video: video of the bout.
        agent: name of the agent.
        target: name of the target.
        start: first frame of the bout, in frames of the poses.
        stop: the frame after its last.
        seconds: duration of the animation; less if the video is shorter.
    """
    poses = video.poses
    length = min(round(seconds * poses.frame_rate), len(poses.positions))
    low = min(max(0, (start + stop - length) // 2), len(poses.positions) - length)
    names = list(dict.fromkeys([agent, target]))  # a lone animal is drawn once
    positions = poses.positions[low : low + length][:, [poses.individuals.index(name) for name in names]]
    is_known = ~np.isnan(positions[..., 0])
    middle = positions[is_known].mean(0) if is_known.any() else np.zeros(2)
    scaled = np.rint((positions - middle) * _UNITS_PER_BODY_LENGTH)
    tracks = [
        [[None if np.isnan(value) else int(value) for value in animal.ravel()] for animal in frame] for frame in scaled
    ]
    native = np.append(poses.native_frames, poses.frames)
    return Animation(
        video=video.id,
        agent=agent,
        target=target,
        start_frame=int(native[start]),
        stop_frame=int(native[stop]),
        start_s=float(native[start] / poses.native_rate),
        frame_rate=poses.frame_rate,
        tracks=tracks,
        span=(max(0, start - low), min(length, stop - low)),
    )
