"""Peaks: points in which a bottom-up network found a keypoint of some animal, and the limbs that may join them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssl_behavior.recordings.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Peaks:
    """The peaks of one video, in any order.

    Attributes:
        id: the video id.
        skeleton: the keypoints, and the edges along which peaks are joined.
        frame: (peak,) int64, from 0.
        keypoint: (peak,) int64, the place of its keypoint in the skeleton.
        positions: (peak, 2) float32 in pixels; NaN where there is no peak after all.
        confidence: (peak,) float32 in 0..1, or None.
        frames: number of frames of the video.
        frame_rate: Hz, or None if the file does not state it.
        source: the file that they were read from.
        notices: what the reader changed, a sentence each.
    """

    id: str
    skeleton: Skeleton
    frame: np.ndarray
    keypoint: np.ndarray
    positions: np.ndarray
    confidence: np.ndarray | None
    frames: int
    frame_rate: float | None = None
    source: str = ""
    notices: tuple[str, ...] = ()

    @property
    def edges(self) -> list[tuple[int, int]]:
        """The places in the skeleton of the two ends of each edge."""
        place = {name: i for i, name in enumerate(self.skeleton.keypoints)}
        return [(place[source], place[target]) for source, target in self.skeleton.edges]

    @property
    def is_found(self) -> np.ndarray:
        """(peak,) whether it has a position."""
        return np.asarray(np.isfinite(self.positions).all(1))


@dataclass(frozen=True, eq=False)
class Limbs:
    """Candidate limbs: pairs of peaks of one frame that an edge of the skeleton may join.

    Attributes:
        edge: (limb,) int64, the place of its edge in the skeleton.
        source: (limb,) int64, a peak of the edge's first keypoint.
        target: (limb,) int64, a peak of its second keypoint, of the same frame.
        affinity: (limb,) float64; the higher, the likelier both peaks are of one animal.
    """

    edge: np.ndarray
    source: np.ndarray
    target: np.ndarray
    affinity: np.ndarray

    def __len__(self) -> int:
        return len(self.edge)

    def subset(self, which: np.ndarray) -> Limbs:
        """The limbs that a mask or an array of places chooses."""
        return Limbs(self.edge[which], self.source[which], self.target[which], self.affinity[which])
