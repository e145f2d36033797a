"""Invariant kinematics of an ordered pair of animals: what the encoder sees.

Everything is measured in the animals' own frames and in body lengths, so moving or turning the arena changes nothing.
Hand-made features of this kind beat raw coordinates on every public benchmark of social behaviour (Sun et al. 2021,
https://arxiv.org/abs/2104.02710); the encoder learns on top of them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ssl_behavior.poses.prepare import Poses

LAGS = (1, 5)
"""Frames before and after over which velocities are taken."""


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


def pair_clip(poses: Poses, start: int, stop: int, pair: tuple[int, int]) -> Clip:
    """Frames ``start`` to ``stop`` of one ordered pair as a batch of one. A lone animal's target is unknown."""
    frames, individuals = slice(start, stop), list(pair)
    positions = torch.from_numpy(poses.positions[frames][:, individuals])
    seen = torch.from_numpy(poses.seen[frames][:, individuals])
    centre = torch.from_numpy(poses.centre[frames][:, individuals])
    heading = torch.from_numpy(poses.heading[frames][:, individuals])
    known, anchored = ~positions[..., 0].isnan(), ~centre[..., 0].isnan()
    if pair[0] == pair[1]:
        known[:, 1], seen[:, 1], anchored[:, 1] = False, False, False
    clip = Clip(
        positions.where(known[..., None], 0.0),
        known,
        seen & known,
        centre.where(anchored[..., None], 0.0),
        heading.where(anchored[..., None], 0.0),
        anchored,
    )
    return clip.map(lambda tensor: tensor[None])


def feature_names(landmarks: tuple[str, ...]) -> list[str]:
    """The name of every feature that ``features`` returns, in order."""
    xy = ("forward", "left")
    names = [f"{who} {k} in frame of {of}: {d}" for who, of in _VIEWS for k in landmarks for d in xy]
    names += [f"{who} velocity of {k} over {lag}: {d}" for lag in LAGS for who in _WHO for k in landmarks for d in xy]
    names += [f"distance {a} of agent to {b} of target" for a in landmarks for b in landmarks]
    names += [f"{who} bearing of the other: {d}" for who in _WHO for d in xy]
    names += ["relative heading: cos", "relative heading: sin", "distance of centres", "closing speed"]
    names += [f"{who} turning speed" for who in _WHO]
    return names + [f"{who} {k} seen" for who in _WHO for k in landmarks]


_WHO = ("agent", "target")
_VIEWS = (("agent", "agent"), ("target", "agent"), ("target", "target"), ("agent", "target"))


def features(clip: Clip, frame_rate: float) -> tuple[Tensor, Tensor]:
    """Invariant kinematics of every frame.

    Args:
        clip: batch of ordered pairs.
        frame_rate: Hz.

    Returns:
        values (batch, time, feature), 0 where unknown, and known (batch, time, feature) bool. Lengths go through
        asinh, so that an animal across the arena does not drown one that is near.
    """
    pairs = [
        *_own_frames(clip),
        *(_velocities(clip, lag, frame_rate) for lag in LAGS),
        _distances(clip),
        *_relation(clip, frame_rate),
        (clip.seen.float(), torch.ones_like(clip.seen)),
    ]
    values = torch.cat([value.flatten(2) for value, _ in pairs], -1)
    known = torch.cat([mask.flatten(2) for _, mask in pairs], -1)
    return values.where(known, 0.0), known


def _turn(vectors: Tensor, heading: Tensor) -> Tensor:
    """Coordinates (forward, left) of ``vectors`` (..., 2) in the frame whose forward axis is ``heading`` (..., 2)."""
    forward = (vectors * heading).sum(-1)
    left = vectors[..., 1] * heading[..., 0] - vectors[..., 0] * heading[..., 1]
    return torch.stack([forward, left], -1)


def _both(mask: Tensor) -> Tensor:
    return mask[..., None].expand(*mask.shape, 2)


def _own_frames(clip: Clip) -> list[tuple[Tensor, Tensor]]:
    out = []
    for who, of in _VIEWS:
        i, j = _WHO.index(who), _WHO.index(of)
        offset = clip.positions[:, :, i] - clip.centre[:, :, j, None]
        value = _turn(offset, clip.heading[:, :, j, None])
        out.append((value.asinh(), _both(clip.known[:, :, i] & clip.anchored[:, :, j, None])))
    return out


def _change(values: Tensor, lag: int) -> Tensor:
    """Difference over ``lag`` frames to either side; at the ends, over what there is."""
    frames = values.shape[1]
    ahead = torch.arange(frames, device=values.device)
    later, earlier = (ahead + lag).clamp(max=frames - 1), (ahead - lag).clamp(min=0)
    return values[:, later] - values[:, earlier]


def _known_change(known: Tensor, lag: int) -> Tensor:
    frames = known.shape[1]
    ahead = torch.arange(frames, device=known.device)
    return known[:, (ahead + lag).clamp(max=frames - 1)] & known[:, (ahead - lag).clamp(min=0)]


def _velocities(clip: Clip, lag: int, frame_rate: float) -> tuple[Tensor, Tensor]:
    velocity = _change(clip.positions, lag) * (frame_rate / (2 * lag))
    known = _known_change(clip.known, lag) & clip.anchored[..., None]
    return _turn(velocity, clip.heading[..., None, :]).asinh(), _both(known)


def _distances(clip: Clip) -> tuple[Tensor, Tensor]:
    gap = clip.positions[:, :, 0, :, None] - clip.positions[:, :, 1, None]
    known = clip.known[:, :, 0, :, None] & clip.known[:, :, 1, None]
    return gap.square().sum(-1).clamp(min=1e-8).sqrt().asinh(), known


def _relation(clip: Clip, frame_rate: float) -> list[tuple[Tensor, Tensor]]:
    both = clip.anchored.all(-1)
    offset = clip.centre[:, :, 1] - clip.centre[:, :, 0]
    distance = offset.square().sum(-1).clamp(min=1e-8).sqrt()
    toward = offset / distance[..., None]
    bearings = torch.stack([_turn(toward, clip.heading[:, :, 0]), _turn(-toward, clip.heading[:, :, 1])], 2)
    relative = _turn(clip.heading[:, :, 1], clip.heading[:, :, 0])
    lag = LAGS[-1]
    closing = -_change(distance, lag) * (frame_rate / (2 * lag))
    closing_known = _known_change(both, lag)
    before, after = clip.heading.roll(lag, 1), clip.heading.roll(-lag, 1)
    turned = _turn(after, before)
    turning = torch.atan2(turned[..., 1], turned[..., 0]) * (frame_rate / (2 * lag))
    turning_known = clip.anchored.roll(lag, 1) & clip.anchored.roll(-lag, 1)
    turning_known[:, :lag], turning_known[:, -lag:] = False, False
    return [
        (bearings, _both(both[..., None]).expand(*both.shape, 2, 2)),
        (relative, _both(both)),
        (distance.asinh()[..., None], both[..., None]),
        (closing.asinh()[..., None], closing_known[..., None]),
        ((turning / 3).asinh(), turning_known),
    ]
