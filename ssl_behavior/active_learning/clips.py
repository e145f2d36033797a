"""Clips of an atlas's videos, each with its mean embedding: unlabelled ones to choose from, and labelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.recordings.labels import UNSCORED

_MIN_LOCATED = 0.5
"""Share of a clip's frames in which all animals must be located. A person cannot label what the tracker lost."""


@dataclass(frozen=True, eq=False)
class ClipEmbeddings:
    """Clips of one or more videos with their embeddings.

    Attributes:
        videos: (clip,) video ids.
        starts: (clip,) first frame, in the recording's own frames.
        stops: (clip,) the frame after the last, in the recording's own frames.
        embeddings: (clip, channel) float32 means over frames and pairs.
    """

    videos: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.videos)

    @classmethod
    def concatenate(cls, each: Sequence[ClipEmbeddings]) -> ClipEmbeddings:
        """Join the clips of several videos."""
        names = ("videos", "starts", "stops", "embeddings")
        return cls(*(np.concatenate([getattr(clips, name) for clips in each]) for name in names))


def split_into_clips(mask: np.ndarray, length: int, keep_rest: bool = False) -> list[tuple[int, int]]:
    """Split every run of marked frames into clips of ``length`` frames.

    Args:
        mask: (time,) bool.
        length: frames of a clip.
        keep_rest: keep the shorter clip at the end of a run too.

    Returns:
        First frame of each clip, and the frame after its last.

    Examples:
        >>> split_into_clips(np.array([True, True, True, False, True]), 2)
        [(0, 2)]
        >>> split_into_clips(np.array([True, True, True, False, True]), 2, keep_rest=True)
        [(0, 2), (2, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return [
        (int(start), int(min(start + length, run_stop)))
        for run_start, run_stop in runs
        for start in range(run_start, run_stop, length)
        if keep_rest or start + length <= run_stop
    ]


def video_clips(
    video: EmbeddedVideo, labels: np.ndarray, seconds: float, pairs: Sequence[tuple[int, int]]
) -> tuple[ClipEmbeddings, ClipEmbeddings]:
    """Return the unlabelled clips of a video and its labelled ones.

    Unlabelled clips have no labelled frame, and the animals are located in most of their frames.

    Args:
        video: a video of the atlas.
        labels: (frame,) labels of the recording's own frames, -1 where unscored.
        seconds: duration of a clip.
        pairs: pairs whose embeddings are averaged.
    """
    poses = video.poses
    length = max(1, round(seconds * poses.frame_rate))
    # A frame of the poses spans the recording's frames up to the next one. It is labelled if any of them is.
    is_labelled = np.logical_or.reduceat(labels != UNSCORED, poses.native_frames)
    animals = sorted({animal for pair in pairs for animal in pair})
    is_located = np.isfinite(poses.centre[:, animals]).all((1, 2))
    unlabelled = [
        (start, stop)
        for start, stop in split_into_clips(~is_labelled, length)
        if is_located[start:stop].mean() >= _MIN_LOCATED
    ]
    labelled = split_into_clips(is_labelled, length, keep_rest=True)
    return _pool_embeddings(video, unlabelled, pairs), _pool_embeddings(video, labelled, pairs)


def _pool_embeddings(
    video: EmbeddedVideo, spans: Sequence[tuple[int, int]], pairs: Sequence[tuple[int, int]]
) -> ClipEmbeddings:
    """Average the embeddings over each span of frames of the poses and over pairs."""
    poses = video.poses
    native = np.append(poses.native_frames, poses.frames)
    pooled = np.zeros((len(spans), next(iter(video.embeddings.values())).shape[1]), np.float32)
    for pair in pairs:
        values = video.embeddings[pair]
        for clip, (start, stop) in enumerate(spans):
            pooled[clip] += np.asarray(values[start:stop], np.float32).mean(0) / len(pairs)
    starts, stops = native[np.array(spans, np.int64).reshape(-1, 2)].T
    return ClipEmbeddings(np.full(len(spans), video.id, dtype=object), starts, stops, pooled)
