"""Clips: batches of consecutive frames of ordered pairs, which encoders take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.poses.poses import Poses

CLIP_ARRAYS = ("positions", "seen", "centre", "heading")
"""The arrays of ``Poses`` from which clips are cut."""

Place = tuple[Poses, int, tuple[int, int]]
"""Where a clip is: poses, first frame, and ordered pair (agent, target)."""


class ClipBatch(NamedTuple):
    """A batch of clips of ordered pairs; index 0 of the animal dimension is the agent, 1 the target.

    Attributes:
        positions: (batch, time, 2, landmark, 2) body lengths, 0 where unknown.
        known: (batch, time, 2, landmark) bool, tracked or filled in.
        seen: (batch, time, 2, landmark) bool, tracked.
        centre: (batch, time, 2, 2) body lengths, 0 where unknown.
        heading: (batch, time, 2, 2) unit vectors, 0 where unknown.
        anchored: (batch, time, 2) bool, whether centre and heading are known.
    """

    positions: Tensor
    known: Tensor
    seen: Tensor
    centre: Tensor
    heading: Tensor
    anchored: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> ClipBatch:
        """Apply a function to every tensor."""
        return ClipBatch(*(function(tensor) for tensor in self))


def pair_clip(poses: Poses, start: int, stop: int, pair: tuple[int, int]) -> ClipBatch:
    """Cut frames ``start`` to ``stop`` of one ordered pair, as a batch of one clip.

    The clip ends with the recording. A lone animal is paired with itself; its target is unknown.
    """
    return clips_at([(poses, start, pair)], min(stop, len(poses.positions)) - start)


def clips_at(places: Sequence[Place], frames: int) -> ClipBatch:
    """Cut clips of ``frames`` frames at these places, as one batch; frames past the end of a recording are unknown."""
    alone = torch.tensor([agent == target for _, _, (agent, target) in places])
    return assemble((_cut(name, places, frames) for name in CLIP_ARRAYS), alone)


def assemble(arrays: Iterable[Tensor], alone: Tensor) -> ClipBatch:
    """Make a batch of clips of the arrays that ``CLIP_ARRAYS`` names.

    Args:
        arrays: (batch, time, 2, ...) of the agent and the target, NaN where unknown.
        alone: (batch,) bool, True where there is no target.
    """
    positions, seen, centre, heading = arrays
    known, anchored = ~positions[..., 0].isnan(), ~centre[..., 0].isnan()
    known[alone, :, 1], anchored[alone, :, 1] = False, False
    return ClipBatch(
        positions.where(known[..., None], 0.0),
        known,
        seen & known,
        centre.where(anchored[..., None], 0.0),
        heading.where(anchored[..., None], 0.0),
        anchored,
    )


def _cut(name: str, places: Sequence[Place], frames: int) -> Tensor:
    """Return (batch, time, 2, ...) of one array of the poses, NaN or False past the end of a recording."""
    like = getattr(places[0][0], name)
    batch = np.full((len(places), frames, 2, *like.shape[2:]), False if like.dtype == bool else np.nan, like.dtype)
    for row, (poses, start, (agent, target)) in zip(batch, places, strict=True):
        values = getattr(poses, name)[start : start + frames]
        row[: len(values), 0], row[: len(values), 1] = values[:, agent], values[:, target]
    return torch.from_numpy(batch)
