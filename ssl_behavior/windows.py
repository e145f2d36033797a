"""Recordings -> random batches of clips; never across recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssl_behavior import draws
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.poses.features import Clip, pair_clip
from ssl_behavior.poses.prepare import Poses


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
    """

    def __init__(
        self,
        poses: Sequence[Poses],
        pairs: Sequence[Sequence[tuple[int, int]]] | None = None,
        weights: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.poses = list(poses)
        self.pairs = [list(p) for p in pairs] if pairs else [one.pairs() for one in self.poses]
        lengths = [len(one.positions) for one in self.poses]
        weights = weights or [np.ones(length) for length in lengths]
        self._cumulative = torch.from_numpy(np.cumsum(np.concatenate(weights)))
        self._first = np.concatenate([[0], np.cumsum(lengths)])

    def places(self, batch: int, frames: int, generator: torch.Generator) -> list[tuple[int, int, tuple[int, int]]]:
        """(recording, first frame, pair) of ``batch`` clips of ``frames`` frames."""
        total = self._cumulative[-1]
        at = draws.rand(batch, generator=generator, dtype=torch.float64) * total
        chosen = torch.searchsorted(self._cumulative, at, right=True).clamp(max=len(self._cumulative) - 1).numpy()
        offset = draws.randint(0, frames, batch, generator=generator).numpy()
        pair_draw = draws.rand(batch, generator=generator).tolist()
        out = []
        for frame, shift, draw in zip(chosen, offset, pair_draw, strict=True):
            recording = int(np.searchsorted(self._first, frame, side="right")) - 1
            start = int(frame - self._first[recording]) - int(shift)
            last = max(0, len(self.poses[recording].positions) - frames)
            pairs = self.pairs[recording]
            out.append((recording, min(max(start, 0), last), pairs[int(draw * len(pairs))]))
        return out

    def clips(self, places: Sequence[tuple[int, int, tuple[int, int]]], frames: int) -> Clip:
        """The clips at these places as one batch; past a recording's end nothing is known."""
        return batched([pair_clip(self.poses[r], start, start + frames, pair) for r, start, pair in places], frames)

    def draw(self, batch: int, frames: int, generator: torch.Generator) -> Clip:
        """A random batch of clips."""
        return self.clips(self.places(batch, frames, generator), frames)


def batched(clips: Sequence[Clip], frames: int) -> Clip:
    """Clips of a batch of one each as one batch, padded with the unknown to ``frames`` frames."""

    def padded(tensor: Tensor) -> Tensor:
        missing = frames - tensor.shape[1]
        return torch.cat([tensor, tensor.new_zeros(1, missing, *tensor.shape[2:])], 1) if missing else tensor

    return Clip(*(torch.cat([padded(t) for t in tensors]) for tensors in zip(*clips, strict=True)))
