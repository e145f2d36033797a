"""Tracks that stay in the memory of the device on which clips of them are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.poses.clips import GATHERED, Clip, assembled
from ssl_behavior.poses.prepare import Poses


def resident_bytes(poses: Sequence[Poses]) -> int:
    """What ``ResidentTracks`` of these recordings take."""
    return sum(getattr(one, name).nbytes for one in poses for name in GATHERED)


class ResidentTracks:
    """The tracks of all individuals of some recordings, one after the other, from which clips are cut on the device.

    Args:
        poses: recordings of the same landmarks.
        device: to keep them on.
    """

    def __init__(self, poses: Sequence[Poses], device: torch.device) -> None:
        self.device = device
        self._lengths = np.array([len(one.positions) for one in poses])
        sizes = self._lengths * [one.positions.shape[1] for one in poses]
        self._first = np.cumsum(sizes) - sizes
        self._tracks = [self._placed(name, poses, int(sizes.sum())) for name in GATHERED]

    def _placed(self, name: str, poses: Sequence[Poses], rows: int) -> Tensor:
        """The poses' arrays of this name, individual after individual (row, ...); the last row is nothing."""
        like = getattr(poses[0], name)
        kind, nothing = (torch.bool, False) if like.dtype == bool else (torch.float32, torch.nan)
        placed = torch.full((rows + 1, *like.shape[2:]), nothing, dtype=kind, device=self.device)
        for first, one in zip(self._first, poses, strict=True):
            tracks = np.concatenate([*getattr(one, name).swapaxes(0, 1)])
            placed[first : first + len(tracks)] = torch.from_numpy(tracks)
        return placed

    def clips(self, places: Sequence[tuple[int, int, tuple[int, int]]], frames: int) -> Clip:
        """The clips at these places (recording, first frame, pair) as one batch; past a recording's end is nothing."""
        recordings, starts, pairs = (np.array(values) for values in zip(*places, strict=True))
        at, lengths = starts[:, None] + np.arange(frames), self._lengths[recordings][:, None]
        rows = self._first[recordings][:, None, None] + pairs[:, None] * lengths[..., None] + at[..., None]
        rows = torch.from_numpy(np.where((at < lengths)[..., None], rows, -1)).to(self.device)
        alone = torch.from_numpy(pairs[:, 0] == pairs[:, 1]).to(self.device)
        return assembled((track[rows] for track in self._tracks), alone)
