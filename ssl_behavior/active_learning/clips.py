"""Clips of an atlas's videos, each with its mean embedding: those to choose from, and those that are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.recordings.labels import UNSCORED

_LEAST_KNOWN = 0.5
"""Share of a clip's frames in which every animal's place must be known: else a person sees as little as the tracker."""


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips of one or more videos.

    Attributes:
        videos: (clip,) ids.
        starts: (clip,) first frame of the recording.
        stops: (clip,) the frame after the last.
        embeddings: (clip, channel) float32, the mean over frames and pairs.
    """

    videos: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.videos)

    def part(self, places: np.ndarray) -> Clips:
        """Some of the clips, by place or as a mask."""
        return Clips(*(getattr(self, name)[places] for name in ("videos", "starts", "stops", "embeddings")))

    @classmethod
    def joined(cls, parts: Sequence[Clips]) -> Clips:
        """The clips of several videos."""
        names = ("videos", "starts", "stops", "embeddings")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def cut(mask: np.ndarray, length: int, whole: bool = True) -> list[tuple[int, int]]:
    """Clips (start, stop) of ``length`` frames, one after the other, of every stretch of frames that ``mask`` marks.

    Args:
        mask: (time,) bool.
        length: in frames.
        whole: leave out what is left of a stretch at its end; else it is a clip too.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    stretches = zip(edges[::2], edges[1::2], strict=True)
    return [
        (int(start), int(min(start + length, stop)))
        for first, stop in stretches
        for start in range(first, stop, length)
        if start + length <= stop or not whole
    ]


def cut_video(
    video: EmbeddedVideo, labels: np.ndarray, seconds: float, pairs: Iterable[tuple[int, int]]
) -> tuple[Clips, Clips]:
    """The clips to choose from in one video, and those of its labelled frames.

    Args:
        video: of the atlas.
        labels: (frame,) of the recording's own frames, -1 where nobody judged.
        seconds: length of a clip.
        pairs: whose embeddings count.
    """
    poses = video.poses
    length = max(1, round(seconds * poses.frame_rate))
    # A frame of the poses stands for the recording's own up to the next; one labelled among them is enough.
    labelled = np.logical_or.reduceat(labels != UNSCORED, poses.native_frames)
    pairs = tuple(pairs)
    animals = sorted({animal for pair in pairs for animal in pair})
    known = np.isfinite(poses.centre[:, animals]).all((1, 2))
    free = [(start, stop) for start, stop in cut(~labelled, length) if known[start:stop].mean() >= _LEAST_KNOWN]
    return _clips(video, free, pairs), _clips(video, cut(labelled, length, whole=False), pairs)


def _clips(video: EmbeddedVideo, spans: Sequence[tuple[int, int]], pairs: Sequence[tuple[int, int]]) -> Clips:
    poses = video.poses
    bounds = np.append(poses.native_frames, poses.frames)
    spans_array = np.array(spans, np.int64).reshape(-1, 2)
    pooled = np.zeros((len(spans), next(iter(video.embeddings.values())).shape[1]), np.float32)
    for pair in pairs:
        values = video.embeddings[pair]
        for place, (start, stop) in enumerate(spans):
            pooled[place] += np.asarray(values[start:stop], np.float32).mean(0) / len(pairs)
    starts, stops = bounds[spans_array[:, 0]], bounds[spans_array[:, 1]]
    return Clips(np.full(len(spans), video.id, dtype=object), starts, stops, pooled)
