"""Clips that show a cluster: its most central bouts, and bouts of it that differ most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ssl_behavior.atlas.clusters import directions
from ssl_behavior.atlas.video import EmbeddedVideo

CLIP_S = 3.0
_LONG_ENOUGH_S = 0.5
_RESOLUTION = 100
"""Whole numbers to a body length."""


@dataclass(frozen=True)
class Clip:
    """A few seconds of a pair, to be drawn.

    Attributes:
        video: id.
        agent: drawn first.
        target: drawn second; the agent again if it is alone.
        start_frame: of the recording.
        stop_frame: the frame after the last.
        start_s: seconds from the recording's start.
        frame_rate: of the drawn frames.
        tracks: frame -> animal -> x, y of each landmark in hundredths of a body length, None where unknown.
        span: first and past the last drawn frame that are of the bout itself.
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


def choose(bouts: pd.DataFrame, cluster: int, centre: np.ndarray, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The most central bouts of a cluster and the most different ones.

    Central are those whose pooled embedding points most nearly the cluster's mean way, one of each video as far as
    there are videos. Different are those that lie furthest, one after the other, from all that are chosen already.

    Args:
        bouts: of ``ClusteredAtlas.bouts``, with embeddings.
        cluster: whose.
        centre: (channel,) that directions are taken from.
        count: of either kind; fewer if there are no more bouts.
    """
    own = bouts[bouts["cluster"] == cluster]
    if own.empty:
        return own, own
    if (long := own["seconds"] >= _LONG_ENOUGH_S).any():
        own = own[long]
    pooled = directions(np.stack(own["embedding"].to_list()), centre)
    middle = np.average(pooled, axis=0, weights=own["seconds"])
    nearness = pooled @ middle
    order = np.argsort(-nearness, kind="stable")
    is_repeat = own["video"].iloc[order].duplicated().to_numpy()
    central = np.concatenate([order[~is_repeat], order[is_repeat]])[:count]
    cosine = (pooled @ pooled[central].T).max(1)
    different: list[int] = []
    for _ in range(min(count, len(own) - len(central))):
        cosine[[*central, *different]] = np.inf
        different.append(int(cosine.argmin()))
        cosine = np.maximum(cosine, pooled @ pooled[different[-1]])
    return own.iloc[central], own.iloc[different]


def cut(video: EmbeddedVideo, agent: str, target: str, start: int, stop: int, seconds: float = CLIP_S) -> Clip:
    """The frames around a bout as a clip of the same length for all bouts.

    Args:
        video: that the bout is in.
        agent: name.
        target: name.
        start: first frame of the bout's poses.
        stop: the frame after its last.
        seconds: length of the clip; less where the video is shorter.
    """
    poses = video.poses
    length = min(round(seconds * poses.frame_rate), len(poses.positions))
    first = min(max(0, (start + stop - length) // 2), len(poses.positions) - length)
    names = list(dict.fromkeys([agent, target]))
    positions = poses.positions[first : first + length][:, [poses.individuals.index(name) for name in names]]
    known = ~np.isnan(positions[..., 0])
    middle = positions[known].mean(0) if known.any() else np.zeros(2)
    scaled = np.rint((positions - middle) * _RESOLUTION)
    tracks = [
        [[None if np.isnan(value) else int(value) for value in animal.ravel()] for animal in frame] for frame in scaled
    ]
    frames = np.append(poses.native_frames, poses.frames)
    return Clip(
        *(video.id, agent, target, int(frames[start]), int(frames[stop]), float(frames[start] / poses.native_rate)),
        *(poses.frame_rate, tracks, (max(0, start - first), min(length, stop - first))),
    )
