"""Invariant kinematics of an ordered pair of animals: what the encoder sees.

Everything is measured in the animals' own frames and in body lengths, so moving or turning the arena changes nothing.
Hand-made features of this kind beat raw coordinates on every public benchmark of social behaviour (Sun et al. 2021,
https://arxiv.org/abs/2104.02710); the encoder learns on top of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssl_behavior.poses.clips import Clip

LAGS = (1, 5)
"""Frames before and after over which velocities are taken."""


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
    at, centre, heading = (_planes(vectors) for vectors in (clip.positions, clip.centre, clip.heading))
    lengths = [
        *_own_frames(at, centre, heading),
        *(_velocities(at, heading, lag, frame_rate) for lag in LAGS),
        _length(at[:, 0, :, None] - at[:, 1, None]),
    ]
    speeds = [*_apart(centre, frame_rate), _turning(heading, frame_rate) / 3]
    seen = _time_last(clip.seen).float()
    values = _joined([_asinh(_joined(lengths)), *_bearings(centre, heading), _asinh(_joined(speeds)), seen])
    known = _known(clip)
    return _frames_first(values.where(known, 0.0)), _frames_first(known)


def known_features(clip: Clip) -> Tensor:
    """Which values of ``features`` are known (batch, time, feature); a value depends on nothing that is not."""
    return _frames_first(_known(clip))


def _known(clip: Clip) -> Tensor:
    """(feature, batch, time) bool."""
    known, anchored = _time_last(clip.known), _time_last(clip.anchored)
    both, turning = anchored.all(0), _known_change(anchored, LAGS[-1])
    turning[..., : LAGS[-1]], turning[..., -LAGS[-1] :] = False, False
    vectors = [known[i] & anchored[j] for i, j in _VIEW_INDICES]
    vectors += [_known_change(known, lag) & anchored[:, None] for lag in LAGS]
    return _joined(
        [
            *(mask.unsqueeze(-3).expand(*mask.shape[:-2], 2, *mask.shape[-2:]) for mask in vectors),
            known[0, :, None] & known[1],
            both.expand(7, *both.shape),  # two bearings, the relative heading and the distance of the centres
            _known_change(both, LAGS[-1])[None],
            turning,
            torch.ones_like(known),
        ]
    )


_VIEW_INDICES = tuple((_WHO.index(who), _WHO.index(of)) for who, of in _VIEWS)


def _time_last(x: Tensor) -> Tensor:
    return x.movedim((0, 1), (-2, -1)).contiguous()


def _planes(vectors: Tensor) -> Tensor:
    return _time_last(vectors).movedim(-3, 0).contiguous()


def _frames_first(x: Tensor) -> Tensor:
    """(feature, batch, time) -> (batch, time, feature)."""
    return x.movedim(0, -1).contiguous()


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.flatten(0, -3) for part in parts])


def _asinh(x: Tensor) -> Tensor:
    """As torch's own, which works off one number at a time and takes many times as long."""
    size = x.abs()
    return torch.copysign(torch.log1p(size + size * size / (1 + (1 + size * size).sqrt())), x)


def _turn(vectors: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates forward and left of ``vectors`` in the frame whose forward axis is ``heading``."""
    (x, y), (ahead_x, ahead_y) = vectors, heading
    return x * ahead_x + y * ahead_y, y * ahead_x - x * ahead_y


def _turned(vectors: Tensor, heading: Tensor) -> Tensor:
    """The same with both coordinates beside each other (..., 2, batch, time)."""
    return torch.stack(_turn(vectors, heading), -3)


def _length(vectors: Tensor) -> Tensor:
    x, y = vectors
    return (x * x + y * y).clamp(min=1e-8).sqrt()


def _around(values: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    """Values ``lag`` frames earlier and later; at the ends, the first and the last."""
    edge = (*values.shape[:-1], lag)
    longer = torch.cat([values[..., :1].expand(edge), values, values[..., -1:].expand(edge)], -1)
    return longer[..., : -2 * lag], longer[..., 2 * lag :]


def _change(values: Tensor, lag: int) -> Tensor:
    earlier, later = _around(values, lag)
    return later - earlier


def _known_change(known: Tensor, lag: int) -> Tensor:
    earlier, later = _around(known, lag)
    return earlier & later


def _own_frames(at: Tensor, centre: Tensor, heading: Tensor) -> list[Tensor]:
    return [_turned(at[:, i] - centre[:, j, None], heading[:, j, None]) for i, j in _VIEW_INDICES]


def _velocities(at: Tensor, heading: Tensor, lag: int, frame_rate: float) -> Tensor:
    return _turned(_change(at, lag) * (frame_rate / (2 * lag)), heading[:, :, None])


def _apart(centre: Tensor, frame_rate: float) -> tuple[Tensor, Tensor]:
    """Distance of the centres, and the speed at which it falls."""
    distance, lag = _length(centre[:, 1] - centre[:, 0])[None], LAGS[-1]
    return distance, -_change(distance, lag) * (frame_rate / (2 * lag))


def _bearings(centre: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
    """Where each animal has the other, and the target's heading in the agent's frame."""
    offset, (agent, target) = centre[:, 1] - centre[:, 0], heading.unbind(1)
    toward = offset / _length(offset)
    return torch.stack([_turned(toward, agent), _turned(-toward, target)]), _turned(target, agent)


def _turning(heading: Tensor, frame_rate: float) -> Tensor:
    """Radians per second, to the left above 0."""
    earlier, later = _around(heading, LAGS[-1])
    forward, left = _turn(later, earlier)
    return torch.atan2(left, forward) * (frame_rate / (2 * LAGS[-1]))
