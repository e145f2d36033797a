"""Tracks in the memory of the GPU that trains on them: clips are cut there and need no transfer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.poses.clips import CLIP_ARRAYS, ClipBatch, assemble
from ssl_behavior.poses.poses import Poses


def resident_bytes(poses: Sequence[Poses]) -> int:
    """Return the bytes that ``ResidentTracks`` of these recordings take."""
    return sum(getattr(recording, name).nbytes for recording in poses for name in CLIP_ARRAYS)


class ResidentTracks:
    """Tracks of all individuals of all recordings on one device, one after the other, from which clips are cut.

    Args:
        poses: recordings of the same landmarks.
        device: device that holds the tracks.
    """

    def __init__(self, poses: Sequence[Poses], device: torch.device) -> None:
        self.device = device
        self._lengths = np.array([len(recording.positions) for recording in poses])
        rows = self._lengths * [recording.positions.shape[1] for recording in poses]
        self._first_rows = np.cumsum(rows) - rows
        self._tracks = [self._concatenated(name, poses, int(rows.sum())) for name in CLIP_ARRAYS]

    def _concatenated(self, name: str, poses: Sequence[Poses], rows: int) -> Tensor:
        """Return one array of the poses as (row, ...), individual after individual, with a last row that is unknown."""
        like = getattr(poses[0], name)
        dtype, unknown = (torch.bool, False) if like.dtype == bool else (torch.float32, torch.nan)
        tracks = torch.full((rows + 1, *like.shape[2:]), unknown, dtype=dtype, device=self.device)
        for first_row, recording in zip(self._first_rows, poses, strict=True):
            by_individual = np.concatenate([*getattr(recording, name).swapaxes(0, 1)])
            tracks[first_row : first_row + len(by_individual)] = torch.from_numpy(by_individual)
        return tracks

    def clips(self, places: Sequence[tuple[int, int, tuple[int, int]]], frames: int) -> ClipBatch:
        """Cut the clips at these places, as one batch; frames past the end of a recording are unknown.

        Args:
            places: (recording, first frame, pair) of each clip.
            frames: length of the clips.
        """
        recordings, starts, pairs = (np.array(values) for values in zip(*places, strict=True))
        at, lengths = starts[:, None] + np.arange(frames), self._lengths[recordings][:, None]
        rows = self._first_rows[recordings][:, None, None] + pairs[:, None] * lengths[..., None] + at[..., None]
        # Row -1 is the unknown one.
        rows = torch.from_numpy(np.where((at < lengths)[..., None], rows, -1)).to(self.device)
        alone = torch.from_numpy(pairs[:, 0] == pairs[:, 1]).to(self.device)
        return assemble((track[rows] for track in self._tracks), alone)
