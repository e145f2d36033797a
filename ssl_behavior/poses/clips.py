"""Clips: what an encoder takes in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.poses.prepare import Poses


class Clip(NamedTuple):
    """Ordered pairs of animals over time; index 0 of the animal dimension is the agent, 1 the target.

    Attributes:
        positions: (batch, time, 2, landmark, 2) body lengths, 0 where unknown.
        known: (batch, time, 2, landmark) bool, tracked or filled.
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

    def map(self, function) -> Clip:  # type: ignore[no-untyped-def]
        """The clip with ``function`` applied to every tensor."""
        return Clip(*(function(tensor) for tensor in self))


Place = tuple[Poses, int, tuple[int, int]]
"""Of a clip: whose poses, from which frame on, and of which ordered pair."""


def pair_clip(poses: Poses, start: int, stop: int, pair: tuple[int, int]) -> Clip:
    """Frames ``start`` to ``stop`` of one ordered pair as a batch of one. A lone animal's target is unknown."""
    return clips_at([(poses, start, pair)], min(stop, len(poses.positions)) - start)


def clips_at(places: Sequence[Place], frames: int) -> Clip:
    """The clips of ``frames`` frames at these places as one batch; past a recording's end nothing is known."""
    alone = torch.tensor([agent == target for _, _, (agent, target) in places])
    return assembled((_gathered(name, places, frames) for name in GATHERED), alone)


def assembled(arrays: Iterable[Tensor], alone: Tensor) -> Clip:
    """A batch of the arrays that ``GATHERED`` names, NaN where nothing is known.

    Args:
        arrays: (batch, time, 2, ...) of the agent and the target.
        alone: (batch,) bool, where the target is nobody.
    """
    positions, seen, centre, heading = arrays
    known, anchored = ~positions[..., 0].isnan(), ~centre[..., 0].isnan()
    known[alone, :, 1], anchored[alone, :, 1] = False, False
    return Clip(
        positions.where(known[..., None], 0.0),
        known,
        seen & known,
        centre.where(anchored[..., None], 0.0),
        heading.where(anchored[..., None], 0.0),
        anchored,
    )


GATHERED = ("positions", "seen", "centre", "heading")
"""The arrays of poses that clips are of."""


def _gathered(name: str, places: Sequence[Place], frames: int) -> Tensor:
    """(batch, time, 2, ...) of the poses' arrays of this name; past the end of one, NaN or False."""
    like = getattr(places[0][0], name)
    batch = np.full((len(places), frames, 2, *like.shape[2:]), False if like.dtype == bool else np.nan, like.dtype)
    for row, (poses, start, (agent, target)) in zip(batch, places, strict=True):
        there = getattr(poses, name)[start : start + frames]
        row[: len(there), 0], row[: len(there), 1] = there[:, agent], there[:, target]
    return torch.from_numpy(batch)
