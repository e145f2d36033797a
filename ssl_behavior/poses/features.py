"""Invariant kinematics of an ordered pair of animals: the input of the encoder.

Positions are measured in the frames of reference of the animals and in body lengths, so moving or turning the arena
changes nothing. Such features beat raw coordinates on every public benchmark of social behaviour (Sun et al. 2021,
https://arxiv.org/abs/2104.02710); the encoder learns on top of them.

Internally, time is the last dimension, so that differences in time run over contiguous memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssl_behavior.poses.clips import ClipBatch

LAGS = (1, 5)
"""Velocities are differences between this many frames before and after."""
_INDIVIDUALS = ("agent", "target")
# (animal whose landmarks are seen, animal whose frame of reference they are seen in).
_VIEWS = (("agent", "agent"), ("target", "agent"), ("target", "target"), ("agent", "target"))
_VIEW_INDICES = tuple((_INDIVIDUALS.index(animal), _INDIVIDUALS.index(owner)) for animal, owner in _VIEWS)


def feature_names(landmarks: tuple[str, ...]) -> list[str]:
    """Return the name of every feature that ``features`` returns, in order."""
    xy = ("forward", "left")
    names = [f"{animal} {k} in frame of {owner}: {d}" for animal, owner in _VIEWS for k in landmarks for d in xy]
    names += [
        f"{animal} velocity of {k} over {lag}: {d}"
        for lag in LAGS
        for animal in _INDIVIDUALS
        for k in landmarks
        for d in xy
    ]
    names += [f"distance {a} of agent to {b} of target" for a in landmarks for b in landmarks]
    names += [f"{animal} bearing of the other: {d}" for animal in _INDIVIDUALS for d in xy]
    names += ["relative heading: cos", "relative heading: sin", "distance of centres", "closing speed"]
    names += [f"{animal} turning speed" for animal in _INDIVIDUALS]
    return names + [f"{animal} {k} seen" for animal in _INDIVIDUALS for k in landmarks]


def features(clip: ClipBatch, frame_rate: float, trunk: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Compute the invariant kinematics of every frame.

    Lengths and speeds are compressed with asinh: near 0 they keep their scale, and an animal at the other end of the
    arena does not outweigh one that is near.

    Args:
        clip: batch of ordered pairs.
        frame_rate: Hz.
        trunk: indices of the landmarks that turn with the animal (see ``cleaning.trunk_landmarks``).

    Returns:
        Values (batch, time, feature), 0 where unknown; and (batch, time, feature) bool, True where known.
    """
    at, centre, heading = (_planes(vectors) for vectors in (clip.positions, clip.centre, clip.heading))
    lengths = [
        *_views(at, centre, heading),
        *(_velocities(at, heading, lag, frame_rate) for lag in LAGS),
        _length(at[:, 0, :, None] - at[:, 1, None]),
    ]
    speeds = _asinh(_concatenate(_centre_distance(centre, frame_rate)))
    turning, seen = _turning_speed(clip, frame_rate, trunk), _time_last(clip.seen).float()
    values = _concatenate([_asinh(_concatenate(lengths)), *_bearings(centre, heading), speeds, turning, seen])
    known = _known(clip, trunk)
    return _frames_first(values.where(known, 0.0)), _frames_first(known)


def known_features(clip: ClipBatch, trunk: Sequence[int]) -> Tensor:
    """Return (batch, time, feature) bool: which values of ``features`` are known.

    A known value depends on no unknown position, so hidden positions cannot leak into it.
    """
    return _frames_first(_known(clip, trunk))


def own_features(clip: ClipBatch, frame_rate: float, trunk: Sequence[int]) -> Tensor:
    """Compute the last columns of ``features``, whose values depend on which landmarks are known: (batch, time, own).

    All other features are the same in a clip with hidden landmarks, where they are still known.
    """
    return _frames_first(_concatenate([_turning_speed(clip, frame_rate, trunk), _time_last(clip.seen).float()]))


def _known(clip: ClipBatch, trunk: Sequence[int]) -> Tensor:
    """Return (feature, batch, time) bool."""
    known, anchored = _time_last(clip.known), _time_last(clip.anchored)
    both = anchored.all(0)
    vectors = [known[i] & anchored[j] for i, j in _VIEW_INDICES]
    vectors += [_known_change(known, lag) & anchored[:, None] for lag in LAGS]
    return _concatenate(
        [
            *(mask.unsqueeze(-3).expand(*mask.shape[:-2], 2, *mask.shape[-2:]) for mask in vectors),
            known[0, :, None] & known[1],
            both.expand(7, *both.shape),  # two bearings (x, y), relative heading (cos, sin), distance of centres
            _known_change(both, LAGS[-1])[None],
            _known_change(anchored, LAGS[-1]) & (_known_change(known[:, trunk], LAGS[-1]).sum(1) > 1),
            torch.ones_like(known),
        ]
    )


def _time_last(x: Tensor) -> Tensor:
    """(batch, time, ...) -> (..., batch, time)."""
    return x.movedim((0, 1), (-2, -1)).contiguous()


def _planes(vectors: Tensor) -> Tensor:
    """(batch, time, ..., 2) -> (2, ..., batch, time)."""
    return _time_last(vectors).movedim(-3, 0).contiguous()


def _frames_first(x: Tensor) -> Tensor:
    """(feature, batch, time) -> (batch, time, feature)."""
    return x.movedim(0, -1).contiguous()


def _concatenate(parts: Sequence[Tensor]) -> Tensor:
    """(..., batch, time) each -> (feature, batch, time)."""
    return torch.cat([part.flatten(0, -3) for part in parts])


def _asinh(x: Tensor) -> Tensor:
    """Compute asinh. ``torch.asinh`` is not vectorised on CPUs and takes many times as long."""
    size = x.abs()
    return torch.copysign(torch.log1p(size + size * size / (1 + (1 + size * size).sqrt())), x)


def _components(vectors: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
    """Return the components of ``vectors`` (2, ...) along ``heading`` and to its left, each (...)."""
    (x, y), (ahead_x, ahead_y) = vectors, heading
    return x * ahead_x + y * ahead_y, y * ahead_x - x * ahead_y


def _in_frame(vectors: Tensor, heading: Tensor) -> Tensor:
    """Return both ``_components`` in one tensor (..., 2, batch, time)."""
    return torch.stack(_components(vectors, heading), -3)


def _length(vectors: Tensor) -> Tensor:
    """Return the lengths (...) of vectors (2, ...)."""
    x, y = vectors
    # The square root has no gradient at 0.
    return (x * x + y * y).clamp(min=1e-8).sqrt()


def _shifted(values: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    """Return the values ``lag`` frames earlier and later; past the ends, the first and the last value."""
    edge = (*values.shape[:-1], lag)
    longer = torch.cat([values[..., :1].expand(edge), values, values[..., -1:].expand(edge)], -1)
    return longer[..., : -2 * lag], longer[..., 2 * lag :]


def _change(values: Tensor, lag: int) -> Tensor:
    earlier, later = _shifted(values, lag)
    return later - earlier


def _known_change(known: Tensor, lag: int) -> Tensor:
    earlier, later = _shifted(known, lag)
    change = earlier & later
    # Within a lag of the ends, it would be the change of less time.
    change[..., :lag], change[..., -lag:] = False, False
    return change


def _views(at: Tensor, centre: Tensor, heading: Tensor) -> list[Tensor]:
    return [_in_frame(at[:, i] - centre[:, j, None], heading[:, j, None]) for i, j in _VIEW_INDICES]


def _velocities(at: Tensor, heading: Tensor, lag: int, frame_rate: float) -> Tensor:
    return _in_frame(_change(at, lag) * (frame_rate / (2 * lag)), heading[:, :, None])


def _centre_distance(centre: Tensor, frame_rate: float) -> tuple[Tensor, Tensor]:
    """Return the distance of the centres, and the speed at which it decreases."""
    distance, lag = _length(centre[:, 1] - centre[:, 0])[None], LAGS[-1]
    return distance, -_change(distance, lag) * (frame_rate / (2 * lag))


def _bearings(centre: Tensor, heading: Tensor) -> tuple[Tensor, Tensor]:
    """Return the direction of the other animal in the frame of each, and the target's heading in the agent's frame."""
    offset, (agent, target) = centre[:, 1] - centre[:, 0], heading.unbind(1)
    toward = offset / _length(offset)
    return torch.stack([_in_frame(toward, agent), _in_frame(-toward, target)]), _in_frame(target, agent)


def _turning_speed(clip: ClipBatch, frame_rate: float, trunk: Sequence[int]) -> Tensor:
    """Return the compressed turning speeds (animal, batch, time), positive to the left.

    An animal turns as the rotation does that fits best to the landmarks of its trunk that are known both earlier and
    later. Its heading would also jump when the landmark that it is measured from is lost or found.
    """
    at, known = _planes(clip.positions[..., trunk, :]), _time_last(clip.known[..., trunk])
    both = _known_change(known, LAGS[-1])
    earlier, later = (_centred(landmarks, both) for landmarks in _shifted(at, LAGS[-1]))
    forward, left = _components(later, earlier)
    speed = torch.atan2(left.sum(1), forward.sum(1)) * (frame_rate / (2 * LAGS[-1]))  # radians per second
    return _asinh(speed / 3)


def _centred(landmarks: Tensor, known: Tensor) -> Tensor:
    """Move the mean of an animal's known landmarks (2, animal, landmark, batch, time) to 0; the others are 0."""
    mean = landmarks.where(known, 0.0).sum(2, keepdim=True) / known.sum(1, keepdim=True).clamp(min=1)
    return (landmarks - mean).where(known, 0.0)
