"""Random clips for training: recordings -> batches of clips, each within one recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.compute import batch_random, devices
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.poses.clips import ClipBatch, clips_at
from ssl_behavior.poses.gpu_tracks import ResidentTracks, resident_bytes
from ssl_behavior.poses.poses import Poses

_CPU = torch.device("cpu")


def require_length(
    poses: Sequence[Poses], frames: int, skip_short: bool = False, option: str = "--clip-seconds"
) -> list[Poses]:
    """Return the recordings that are long enough for a clip.

    Args:
        poses: recordings.
        frames: length of a clip.
        skip_short: print which recordings are too short and leave them out.
        option: name of the option that sets the length of a clip, to name in messages.

    Raises:
        InputError: a recording is too short, or with ``skip_short`` all of them are.
    """
    if frames < 1:
        raise InputError(f"expected clips of at least one frame; set {option} to a longer time")
    long_enough = []
    shortest = min((len(recording.positions) / recording.frame_rate for recording in poses), default=0.0)
    shorter = f"give {option} {math.floor(100 * shortest) / 100:g} or less"
    for recording in poses:
        if len(recording.positions) >= frames:
            long_enough.append(recording)
            continue
        message = (
            f"recording {recording.id!r} has {len(recording.positions)} frames at {recording.frame_rate:g} Hz and "
            f"a clip takes {frames}"
        )
        if not skip_short:
            leave_out = ", or leave it out (--skip-bad-files)" if len(poses) > 1 else ""
            raise InputError(f"{message}; {shorter}{leave_out}")
        print(f"skipped: {message}")
    if not long_enough:
        raise InputError(f"none of {count_of(len(poses), 'recording')} has the {frames} frames of a clip; {shorter}")
    return long_enough


class ClipSampler:
    """Draws clips of any recording and ordered pair, by default each frame as likely as any other.

    Args:
        poses: one or more recordings.
        pairs: ordered pairs to draw from, per recording; all pairs by default.
        weights: (time,) per recording, how often clips are centred near each frame; equally often by default.
        device: device of the clips. A GPU with enough memory holds the tracks, and clips are cut there.

    Examples:
        >>> sampler = ClipSampler(poses)
        >>> clip = sampler.draw(batch=16, frames=150, generator=torch.Generator().manual_seed(0))
    """

    def __init__(
        self,
        poses: Sequence[Poses],
        pairs: Sequence[Sequence[tuple[int, int]]] | None = None,
        weights: Sequence[np.ndarray] | None = None,
        device: torch.device = _CPU,
    ) -> None:
        self.poses, self.device = list(poses), device
        self.pairs = [list(p) for p in pairs] if pairs else [recording.pairs() for recording in self.poses]
        self._lengths = np.array([len(recording.positions) for recording in self.poses])
        self._first = np.concatenate([[0], np.cumsum(self._lengths)])
        self._drawn: list[int] = []
        self._cumulative = torch.from_numpy(np.cumsum(np.concatenate(weights))) if weights else None

    def draw(self, batch: int, frames: int, generator: torch.Generator) -> ClipBatch:
        """Draw a batch of ``batch`` clips of ``frames`` frames."""
        return self.clips(self.places(batch, frames, generator), frames)

    def places(self, batch: int, frames: int, generator: torch.Generator) -> list[tuple[int, int, tuple[int, int]]]:
        """Draw (recording, first frame, pair) of ``batch`` clips of ``frames`` frames."""
        centres = self._frames_at(batch_random.rand(batch, generator=generator, dtype=torch.float64))
        recordings = np.searchsorted(self._first, centres, side="right") - 1
        self._drawn = recordings.tolist()
        # The drawn frame lies anywhere in its clip, so that no place within a clip is special.
        offsets = batch_random.randint(0, frames, batch, generator=generator).numpy()
        starts = centres - self._first[recordings] - offsets
        starts = np.clip(starts, 0, np.maximum(self._lengths[recordings] - frames, 0))
        places = []
        pair_shares = batch_random.rand(batch, generator=generator).tolist()
        for recording, start, share in zip(self._drawn, starts.tolist(), pair_shares, strict=True):
            pairs = self.pairs[recording]
            places.append((recording, start, pairs[int(share * len(pairs))]))
        return places

    def clips(self, places: Sequence[tuple[int, int, tuple[int, int]]], frames: int) -> ClipBatch:
        """Cut the clips at these places, as one batch; frames past the end of a recording are unknown."""
        if self._resident is not None:
            return self._resident.clips(places, frames)
        clip = clips_at([(self.poses[recording], start, pair) for recording, start, pair in places], frames)
        return clip.map(lambda tensor: tensor.to(self.device))

    def drawn(self) -> list[str]:
        """Ids of the recordings from which the last batch was drawn."""
        return [self.poses[recording].id for recording in dict.fromkeys(self._drawn)]

    def _frames_at(self, shares: Tensor) -> np.ndarray:
        """Return the frames (batch,), counted over all recordings, at which these shares of the weight are reached."""
        if self._cumulative is None:
            return np.minimum((shares * int(self._first[-1])).long().numpy(), self._first[-1] - 1)
        frames = torch.searchsorted(self._cumulative, shares * self._cumulative[-1], right=True)
        return frames.clamp(max=len(self._cumulative) - 1).numpy()

    @cached_property
    def _resident(self) -> ResidentTracks | None:
        """The tracks on the GPU, loaded with the first clip. A head on a frozen encoder needs no clips, only places."""
        has_room = devices.has_room(self.device, resident_bytes(self.poses))
        return ResidentTracks(self.poses, self.device) if has_room else None
