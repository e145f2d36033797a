"""Augmentations: the same behaviour, as if another tracker, camera or animal had produced it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ssl_behavior.cli.validators import AtLeast, AtMost, Share
from ssl_behavior.compute import batch_random
from ssl_behavior.poses.clips import ClipBatch


@dataclass(frozen=True)
class Augmentation:
    """How strongly clips are varied; 0 switches a variation off.

    Attributes:
        reflect: probability of a mirror image (left and right landmarks change places).
        rotate: largest rotation of the arena, in degrees. The kinematics do not depend on it, so it is off.
        scale: largest relative error of the body length.
        jitter: standard deviation of tracking noise, in body lengths.
        warp: largest relative change of tempo.
        drop_landmarks: probability that a landmark of an animal is unseen for a span of the clip.
        drop_animals: probability that an animal is unseen for a span of the clip.
        swap_identities: probability that the tracker confuses the two animals for a span of the clip.
    """

    reflect: Annotated[float, AtLeast(0), AtMost(1)] = 0.5
    rotate: Annotated[float, AtLeast(0)] = 0.0
    scale: Annotated[float, Share()] = 0.1
    jitter: Annotated[float, AtLeast(0)] = 0.02
    warp: Annotated[float, Share()] = 0.15
    drop_landmarks: Annotated[float, AtLeast(0), AtMost(1)] = 0.1
    drop_animals: Annotated[float, AtLeast(0), AtMost(1)] = 0.05
    swap_identities: Annotated[float, AtLeast(0), AtMost(1)] = 0.05

    def frames_needed(self, frames: int) -> int:
        """Return the number of frames to draw so that ``warp`` can return ``frames`` of them."""
        return math.ceil(frames * (1 + self.warp)) + 1


def augment(clip: ClipBatch, mirror: Sequence[int], settings: Augmentation, generator: torch.Generator) -> ClipBatch:
    """Vary each clip of a batch independently, in everything but its tempo (see ``warp``).

    Args:
        clip: batch of clips.
        mirror: for each landmark, the index of its mirror image (see ``landmarks.mirror``).
        settings: strength of each variation.
        generator: generator of the random numbers, on the CPU.
    """
    (batch, frames), device = clip.positions.shape[:2], clip.positions.device

    def uniform(*shape: int) -> Tensor:
        return batch_random.rand(batch, *shape, generator=generator).to(device)

    clip = reflect(clip, uniform() < settings.reflect, mirror)
    if settings.rotate:
        clip = rotate(clip, (uniform() * 2 - 1) * math.radians(settings.rotate))
    if settings.scale:
        clip = scale(clip, 1 + (uniform() * 2 - 1) * settings.scale)
    if settings.swap_identities:
        swap = spans(batch, frames, settings.swap_identities, generator).to(device)
        clip = clip.map(lambda x: x.where(~swap.reshape(*swap.shape, *[1] * (x.ndim - 2)), x.flip(2)))
    if settings.jitter:
        noise = batch_random.randn(*clip.positions.shape, generator=generator).to(device) * settings.jitter
        clip = clip._replace(positions=clip.positions + noise * clip.known[..., None])
    if settings.drop_landmarks:
        shape = clip.known.shape[2:]
        dropped = spans(batch * shape.numel(), frames, settings.drop_landmarks, generator).to(device)
        clip = hide(clip, dropped.reshape(batch, *shape, frames).movedim(-1, 1))
    if settings.drop_animals:
        dropped = spans(batch * 2, frames, settings.drop_animals, generator).to(device)
        clip = hide_animals(clip, dropped.reshape(batch, 2, frames).movedim(-1, 1))
    return clip


def spans(rows: int, frames: int, probability: float, generator: torch.Generator) -> Tensor:
    """Draw spans of time: (rows, frames) bool, with at most one run of True in a row, which may cover all of it.

    A row is given a span with ``probability``; its length is uniform up to ``frames``, and it may reach past the ends.
    """
    chosen = batch_random.rand(rows, 1, generator=generator) < probability
    length = batch_random.rand(rows, 1, generator=generator) * frames
    start = batch_random.rand(rows, 1, generator=generator) * (frames + length) - length
    time = torch.arange(frames)
    return chosen & (time >= start) & (time < start + length)


def warp(clip: ClipBatch, frames: int, strength: float, generator: torch.Generator) -> tuple[ClipBatch, Tensor]:
    """Change the tempo of each clip by up to ``strength``; a point between two frames is known if it is known in both.

    Returns:
        Clips of ``frames`` frames, and (batch, frames) the old frame nearest to each new one, to look up labels.
    """
    batch, total = clip.positions.shape[:2]
    tempo = 1 + (batch_random.rand(batch, 1, generator=generator) * 2 - 1) * strength
    first = batch_random.rand(batch, 1, generator=generator) * (total - 1 - (frames - 1) * tempo).clamp(min=0)
    if strength == 0:
        first = first.floor()  # whole frames, which need no interpolation
    at = (first + torch.arange(frames) * tempo).clamp(max=total - 1).to(clip.positions.device)
    low = at.floor().long().clamp(max=max(total - 2, 0))
    weight = at - low
    rows = torch.arange(batch, device=at.device)[:, None]

    def between(values: Tensor) -> Tensor:
        a, b = values[rows, low], values[rows, (low + 1).clamp(max=total - 1)]
        share = weight.reshape(*weight.shape, *[1] * (values.ndim - 2))
        if values.dtype == torch.bool:
            return (a | (share == 1)) & (b | (share == 0))
        return a + (b - a) * share

    warped = clip.map(between)
    heading = torch.nn.functional.normalize(warped.heading, dim=-1)
    return _zero_unknown(warped._replace(heading=heading)), at.round().long()


def _zero_unknown(clip: ClipBatch) -> ClipBatch:
    """Set values that are unknown to 0, as ``ClipBatch`` promises."""
    return clip._replace(
        positions=clip.positions * clip.known[..., None],
        centre=clip.centre * clip.anchored[..., None],
        heading=clip.heading * clip.anchored[..., None],
    )


def reflect(clip: ClipBatch, chosen: Tensor, mirror: Sequence[int]) -> ClipBatch:
    """Mirror the chosen (batch,) clips: y changes sign, left and right landmarks are exchanged."""
    order = torch.as_tensor(mirror, device=clip.positions.device)
    sign = torch.tensor([1.0, -1.0], device=clip.positions.device)
    mirrored = ClipBatch(
        clip.positions[:, :, :, order] * sign,
        clip.known[..., order],
        clip.seen[..., order],
        clip.centre * sign,
        clip.heading * sign,
        clip.anchored,
    )
    return ClipBatch(
        *(new.where(chosen.reshape(-1, *[1] * (new.ndim - 1)), old) for new, old in zip(mirrored, clip, strict=True))
    )


def rotate(clip: ClipBatch, angle: Tensor) -> ClipBatch:
    """Rotate the arena of each clip by its ``angle`` (batch,) in radians, anticlockwise."""
    matrix = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).reshape(-1, 2, 2)
    turn = {
        name: torch.einsum("bij,b...j->b...i", matrix, getattr(clip, name))
        for name in ("positions", "centre", "heading")
    }
    return clip._replace(**turn)


def scale(clip: ClipBatch, factor: Tensor) -> ClipBatch:
    """Multiply the lengths of each clip by its ``factor`` (batch,)."""
    return clip._replace(
        positions=clip.positions * factor[:, None, None, None, None], centre=clip.centre * factor[:, None, None, None]
    )


def hide(clip: ClipBatch, hidden: Tensor) -> ClipBatch:
    """Make landmarks unknown where ``hidden`` (batch, time, 2, landmark) is True."""
    return _zero_unknown(clip._replace(known=clip.known & ~hidden, seen=clip.seen & ~hidden))


def hide_animals(clip: ClipBatch, hidden: Tensor) -> ClipBatch:
    """Make animals unknown where ``hidden`` (batch, time, 2) is True: their landmarks, centre and heading."""
    return hide(clip._replace(anchored=clip.anchored & ~hidden), hidden[..., None].expand_as(clip.known))
