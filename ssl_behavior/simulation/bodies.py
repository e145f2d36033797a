"""Seven keypoints on a deformable body, from the states of a mouse.

Proportions are those of CalMS21's mice (medians over a whole real video: 75 px from nose to neck, 68 px between the
ears, 83 px between the hips, 140 px from neck to tail base). The trunk lengthens with speed and shortens at rest. The
pelvis lags behind the turns of the trunk, so the body curves. The stride sways hips and shoulders against each other,
and the head bobs as the mouse sniffs.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from ssl_behavior.simulation.mice import FRAME_RATE, NOSE, RUMP, STATES

EAR = 37.0  # neck to ear, px
EAR_ANGLE = np.radians(66)  # between the head's direction and an ear
HALF_HIPS = 40.0  # middle to either hip, px
STRIDE = 190.0  # distance per stride, px
MAX_BEND = np.radians(32)  # of the pelvis against the trunk


def keypoints_of(states: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """Place CalMS21's keypoints on the body of a mouse.

    Args:
        states: (time, state) as named in ``mice.STATES``.
        size: size of the mouse relative to a typical resident.
        rng: random number generator of the small movements of the body.

    Returns:
        (time, keypoint, 2) positions in px.
    """
    x, y, heading, hip_x, hip_y, speed, stretch, head = (states[:, STATES.index(name)] for name in STATES)
    frames = len(states)
    neck, hips = np.stack([x, y], -1), np.stack([hip_x, hip_y], -1)
    axis = np.unwrap(np.arctan2(y - hip_y, x - hip_x))
    pelvis = axis + (1.2 * (_smooth(axis, 0.75) - axis)).clip(-MAX_BEND, MAX_BEND)

    phase = 2 * np.pi * np.cumsum(np.abs(speed)) / (STRIDE * FRAME_RATE)
    sway = np.minimum(0.012 * np.abs(speed), 4.5) * np.sin(phase) * size
    hips = hips + sway[:, None] * _across(axis)
    neck = neck - 0.5 * sway[:, None] * _across(axis)
    head_turn = heading + 0.012 * sway + 0.05 * _drift(rng, frames, 0.97)
    reach = NOSE * size * head * (1 + 0.035 * _drift(rng, frames, 0.97))
    # Seen from above, a shortened trunk is a rounder one.
    half_hips = size * HALF_HIPS * (1 + 0.2 * (1 - stretch)) * (1 + 0.04 * _drift(rng, frames, 0.985))
    rump = RUMP * size * stretch * (1 + 0.06 * _drift(rng, frames, 0.985))
    ear = EAR * size * (0.25 + 0.75 * head)

    return np.stack(
        [
            neck + reach[:, None] * _along(head_turn),
            neck + ear[:, None] * _along(head_turn - EAR_ANGLE),
            neck + ear[:, None] * _along(head_turn + EAR_ANGLE),
            neck,
            hips - half_hips[:, None] * _across(pelvis),
            hips + half_hips[:, None] * _across(pelvis),
            hips - rump[:, None] * _along(2 * pelvis - axis),
        ],
        axis=1,
    )


def _along(angle: np.ndarray) -> np.ndarray:
    """Unit vectors (..., 2) in the direction of the angle."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def _across(angle: np.ndarray) -> np.ndarray:
    """Unit vectors (..., 2) to the mouse's right: the y axis of an image points down."""
    return np.stack([-np.sin(angle), np.cos(angle)], -1)


def _smooth(values: np.ndarray, keep: float) -> np.ndarray:
    """Exponential moving average (time,), which lags behind the values."""
    return np.asarray(lfilter([1 - keep], [1, -keep], values, zi=[keep * values[0]])[0])


def _drift(rng: np.random.Generator, frames: int, keep: float) -> np.ndarray:
    """An autocorrelated series (time,) of unit variance; ``keep`` is the correlation of neighbouring frames."""
    return np.asarray(lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=frames)))
