"""Body parts that laboratories track, under the names of MABe-2025, from the seven keypoints of ``bodies``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

from ssl_behavior.simulation.mice import FRAME_RATE
from ssl_behavior.simulation.tracking import CALMS21

_SEVEN = ("nose", "ear_left", "ear_right", "neck", "hip_left", "hip_right", "tail_base")
_TAIL_LENGTHS = {"tail_midpoint": 75.0, "tail_tip": 150.0}  # from the tail base, px
_HEADPIECE = {"front": 22.0, "back": 2.0}  # ahead of the neck, px
_TYPICAL_CONFIDENCE, _TYPICAL_JITTER = 0.75, 1.4
HEADPIECE = tuple(f"headpiece_top{end}{side}" for end in ("back", "front") for side in ("left", "right"))


def place_parts(seven: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Place the body parts of a laboratory.

    Args:
        seven: (time, mouse, 7, 2) keypoints at 30 Hz, as ``bodies.keypoints_of`` places them.
        names: body parts.

    Returns:
        (time, mouse, part, 2) positions.
    """
    return np.stack([_part(seven, name) for name in names], axis=2)


def tracker_quality(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Median confidence and jitter in px (part,), as of CalMS21's tracker where it tracks the part."""
    known = {name: (CALMS21.confidence[i], CALMS21.jitter[i]) for i, name in enumerate(_SEVEN)}
    both = [known.get(name, (_TYPICAL_CONFIDENCE, _TYPICAL_JITTER)) for name in names]
    return np.array([confidence for confidence, _ in both]), np.array([jitter for _, jitter in both])


def _part(seven: np.ndarray, name: str) -> np.ndarray:
    """Positions (time, mouse, 2) of one part."""
    nose, _, _, neck, left_hip, right_hip, tail_base = (seven[:, :, i] for i in range(7))
    hips = (left_hip + right_hip) / 2
    centre = 0.45 * neck + 0.55 * hips
    if name in _SEVEN:
        return np.asarray(seven[:, :, _SEVEN.index(name)])
    if name == "body_center":
        return np.asarray(centre)
    if name in ("lateral_left", "lateral_right"):
        return np.asarray(centre + (-1 if name.endswith("left") else 1) * 34 * _across(neck - hips))
    if name in _TAIL_LENGTHS:
        return np.asarray(tail_base + _TAIL_LENGTHS[name] * _unit(_lagging(tail_base - hips, _TAIL_LENGTHS[name])))
    end, side = ("front" if "front" in name else "back"), (-1 if name.endswith("left") else 1)
    return np.asarray(neck + _HEADPIECE[end] * _unit(nose - neck) + side * 9 * _across(nose - neck))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9))


def _across(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors to the right of a direction: the y axis of an image points down."""
    unit = _unit(vectors)
    return np.stack([-unit[..., 1], unit[..., 0]], -1)


def _lagging(directions: np.ndarray, distance: float) -> np.ndarray:
    """Directions that follow with a lag, which grows with the distance along the tail: the tail swings behind."""
    keep = 1 - min(1.0, 60.0 / (distance * FRAME_RATE / 6))
    smooth, _ = lfilter([1 - keep], [1, -keep], directions, axis=0, zi=keep * directions[:1])
    return np.asarray(smooth)
