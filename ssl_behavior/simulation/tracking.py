"""What a pose tracker makes of two bodies: jitter, jumps, low confidence, gaps and swapped identities.

Jitter and confidence follow the real CalMS21 tracks: second differences of a mouse at rest of about 2.3 px,
neighbouring frames correlated; medians of confidence per keypoint, lower where the mice are close. Real CalMS21
tracks have no gaps; those here are chosen so that readers and gap filling are exercised.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from ssl_behavior.simulation.mice import FRAME_RATE, HEIGHT, WIDTH

# Per keypoint, in the skeleton's order.
MEDIAN_CONFIDENCE = np.array([0.71, 0.66, 0.68, 0.84, 0.72, 0.72, 0.91])
JITTER = np.array([1.1, 1.35, 1.35, 1.05, 1.15, 1.15, 1.05])  # px, standard deviation
OCCLUDED_AT = 45.0  # px to the nearest keypoint of the other mouse
JUMPS_PER_MINUTE = 1.2  # per keypoint, in the clear; eight times as many where occluded
GAPS_PER_MINUTE = 0.25  # per keypoint, in the clear; eight times as many where occluded
BLACKOUTS_PER_MINUTE = 0.25  # per mouse: the whole animal unseen
SWAPS_PER_MINUTE = 0.5  # per minute that the mice are close


class Tracks(NamedTuple):
    """Positions (time, mouse, keypoint, 2) in px, NaN where unseen; confidence (time, mouse, keypoint)."""

    positions: np.ndarray
    confidence: np.ndarray


def track(bodies: np.ndarray, rng: np.random.Generator) -> Tracks:
    """Positions and confidence as a tracker would give them of the true ``bodies`` (time, mouse, keypoint, 2)."""
    hidden = _occlusion(bodies)
    quality = rng.normal(1.0, 0.05)
    confidence = _confidence(hidden, quality, rng)
    positions = bodies + _jitter(bodies, confidence, rng)
    _jump(positions, confidence, hidden, rng)
    positions[..., 0].clip(0, WIDTH - 1, out=positions[..., 0])
    positions[..., 1].clip(0, HEIGHT - 1, out=positions[..., 1])
    _lose(positions, confidence, hidden, rng)
    _swap(positions, confidence, hidden, rng)
    return Tracks(positions.astype(np.float32), confidence.astype(np.float32))


def _occlusion(bodies: np.ndarray) -> np.ndarray:
    """How much the other mouse is in the way, 0 to 1, (time, mouse, keypoint)."""
    between = np.linalg.norm(bodies[:, 0, :, None] - bodies[:, 1, None], axis=-1)
    nearest = np.stack([between.min(2), between.min(1)], axis=1)
    return np.asarray(uniform_filter1d(np.clip(1 - nearest / OCCLUDED_AT, 0, 1), 5, axis=0))


def _confidence(hidden: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    noise = _drifts(rng, hidden.shape, 0.88)
    confidence = quality * MEDIAN_CONFIDENCE * (1 - 0.3 * hidden) + 0.06 * noise - 0.05 * np.abs(noise) * (1 + hidden)
    return np.asarray(confidence.clip(0.05, 0.96))


def _jitter(bodies: np.ndarray, confidence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Autocorrelated errors, larger where confidence is low and where the body moves fast."""
    moved = np.linalg.norm(np.diff(bodies, axis=0, prepend=bodies[:1]), axis=-1)
    doubt = (MEDIAN_CONFIDENCE / confidence).clip(0.8, 3.0)
    scale = JITTER * doubt + 0.16 * moved.clip(max=30)
    own = _drifts(rng, bodies.shape, 0.6)
    shared = _drifts(rng, (*bodies.shape[:2], 1, 2), 0.6)
    return np.asarray(scale[..., None] * (0.9 * own + 0.45 * shared))


def _jump(positions: np.ndarray, confidence: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> None:
    """For a few frames a keypoint lands elsewhere on the mouse, on the other mouse, or off both."""
    keypoints = hidden.shape[2]
    for frame, mouse, keypoint in _events(JUMPS_PER_MINUTE * (1 + 7 * hidden), rng):
        span = slice(frame, frame + 1 + int(rng.exponential(2.0)))
        where = rng.random()
        if where < 0.4:
            positions[span, mouse, keypoint] = positions[span, mouse, rng.integers(keypoints)]
        elif where < 0.7 and hidden[frame, mouse, keypoint] > 0:
            positions[span, mouse, keypoint] = positions[span, 1 - mouse, keypoint]
        else:
            positions[span, mouse, keypoint] += rng.normal(0, 30, 2)
        confidence[span, mouse, keypoint] *= rng.uniform(0.3, 0.9)


def _lose(positions: np.ndarray, confidence: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> None:
    for frame, mouse, keypoint in _events(GAPS_PER_MINUTE * (1 + 7 * hidden), rng):
        span = slice(frame, frame + 2 + int(rng.exponential(8.0)))
        positions[span, mouse, keypoint] = np.nan
        confidence[span, mouse, keypoint] = 0.0
    for frame, mouse in _events(np.full(hidden.shape[:2], BLACKOUTS_PER_MINUTE), rng):
        span = slice(frame, frame + 3 + int(rng.exponential(12.0)))
        positions[span, mouse] = np.nan
        confidence[span, mouse] = 0.0


def _swap(positions: np.ndarray, confidence: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> None:
    """Exchange the two mice for a while; it happens where they touch."""
    touching = hidden.max(axis=(1, 2)) > 0.5
    for (frame,) in _events(SWAPS_PER_MINUTE * touching, rng):
        span = slice(frame, frame + 5 + int(rng.exponential(25.0)))
        positions[span] = positions[span, ::-1].copy()
        confidence[span] = confidence[span, ::-1].copy()


def _events(per_minute: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Indices at which an event of that rate begins, in order of time."""
    begins = rng.random(per_minute.shape) < per_minute / (60 * FRAME_RATE)
    return [[int(index) for index in indices] for indices in np.argwhere(begins)]


def _drifts(rng: np.random.Generator, shape: tuple[int, ...], keep: float) -> np.ndarray:
    return np.asarray(lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=shape), axis=0))
