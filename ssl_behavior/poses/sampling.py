"""Recordings -> random batches of clips; never across recordings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.compute import batch_random, devices
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.poses.clips import Clip, clips_at
from ssl_behavior.poses.gpu_tracks import ResidentTracks, resident_bytes
from ssl_behavior.poses.prepare import Poses

_CPU = torch.device("cpu")


def require_length(
    poses: Sequence[Poses], frames: int, skip_short: bool = False, option: str = "--clip-seconds"
) -> list[Poses]:
    """The recordings of at least ``frames`` frames, the length of a clip, which ``option`` sets.

    Raises:
        InputError: a recording is shorter, and ``skip_short`` is off or none is left.
    """
    if frames < 1:
        raise InputError(f"a clip of less than one frame was asked for; choose longer clips ({option})")
    kept = []
    for one in poses:
        if len(one.positions) >= frames:
            kept.append(one)
            continue
        message = (
            f"recording {one.id!r} has {len(one.positions)} frames at {one.frame_rate:g} Hz and a clip takes {frames}"
        )
        if not skip_short:
            raise InputError(f"{message}; leave it out (--skip-bad-files) or choose shorter clips ({option})")
        print(f"skipped: {message}")
    if not kept:
        raise InputError(f"none of {how_many(len(poses), 'recording')} has the {frames} frames of a clip; see {option}")
    return kept


class ClipSampler:
    """Draws clips of any recording and ordered pair, each frame as likely as any other.

    Args:
        poses: one or more recordings.
        pairs: per recording the ordered pairs to draw from; all of them by default.
        weights: per recording (time,) how often clips are to be centred near a frame; all frames alike by default.
        device: of the clips. A GPU that has room for them keeps the tracks, and clips are cut there.
    """

    def __init__(
        self,
        poses: Sequence[Poses],
        pairs: Sequence[Sequence[tuple[int, int]]] | None = None,
        weights: Sequence[np.ndarray] | None = None,
        device: torch.device = _CPU,
    ) -> None:
        self.poses, self.device = list(poses), device
        self.pairs = [list(p) for p in pairs] if pairs else [one.pairs() for one in self.poses]
        self._lengths = np.array([len(one.positions) for one in self.poses])
        self._first = np.concatenate([[0], np.cumsum(self._lengths)])
        self._drawn: list[int] = []
        self._cumulative = torch.from_numpy(np.cumsum(np.concatenate(weights))) if weights else None

    def places(self, batch: int, frames: int, generator: torch.Generator) -> list[tuple[int, int, tuple[int, int]]]:
        """(recording, first frame, pair) of ``batch`` clips of ``frames`` frames."""
        chosen = self._centres(batch_random.rand(batch, generator=generator, dtype=torch.float64))
        recordings = np.searchsorted(self._first, chosen, side="right") - 1
        self._drawn = recordings.tolist()
        offsets = batch_random.randint(0, frames, batch, generator=generator).numpy()
        starts = chosen - self._first[recordings] - offsets
        starts = np.clip(starts, 0, np.maximum(self._lengths[recordings] - frames, 0))
        out = []
        pair_draw = batch_random.rand(batch, generator=generator).tolist()
        for recording, start, draw in zip(self._drawn, starts.tolist(), pair_draw, strict=True):
            pairs = self.pairs[recording]
            out.append((recording, start, pairs[int(draw * len(pairs))]))
        return out

    def drawn(self) -> list[str]:
        """Ids of the recordings that the last batch was drawn from."""
        return [self.poses[recording].id for recording in dict.fromkeys(self._drawn)]

    def _centres(self, at: Tensor) -> np.ndarray:
        """Frames of all recordings that shares (batch,) of the whole weight fall on."""
        if self._cumulative is None:
            return np.minimum((at * int(self._first[-1])).long().numpy(), self._first[-1] - 1)
        chosen = torch.searchsorted(self._cumulative, at * self._cumulative[-1], right=True)
        return chosen.clamp(max=len(self._cumulative) - 1).numpy()

    def clips(self, places: Sequence[tuple[int, int, tuple[int, int]]], frames: int) -> Clip:
        """The clips at these places as one batch; past a recording's end nothing is known."""
        if self._resident is not None:
            return self._resident.clips(places, frames)
        found = clips_at([(self.poses[recording], start, pair) for recording, start, pair in places], frames)
        return found.map(lambda tensor: tensor.to(self.device))

    @cached_property
    def _resident(self) -> ResidentTracks | None:
        """The tracks on the GPU, once clips of them are wanted; heads on frozen encoders want places only."""
        has_room = devices.has_room(self.device, resident_bytes(self.poses))
        return ResidentTracks(self.poses, self.device) if has_room else None

    def draw(self, batch: int, frames: int, generator: torch.Generator) -> Clip:
        """A random batch of clips."""
        return self.clips(self.places(batch, frames, generator), frames)
