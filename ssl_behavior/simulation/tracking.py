"""Errors of a pose tracker: jitter, jumps, low confidence, gaps and swapped identities.

Jitter and confidence follow the real CalMS21 tracks: second differences of a resting mouse of about 2.3 px, correlated
between neighbouring frames, and medians of confidence per keypoint, lower where the mice are close. Real CalMS21 tracks
have no gaps; the gaps here are chosen so that readers and gap filling are exercised.
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
OCCLUDED_AT = 45.0  # distance to the nearest keypoint of the other mouse, px, below which it occludes
JUMPS_PER_MINUTE = 1.2  # per keypoint that is not occluded
GAPS_PER_MINUTE = 0.25  # per keypoint that is not occluded
OCCLUDED_FACTOR = 8  # on jumps and gaps of a keypoint that is fully occluded
BLACKOUTS_PER_MINUTE = 0.25  # per mouse, of which no keypoint is tracked then
SWAPS_PER_MINUTE = 0.5  # per minute in which the mice touch


class Tracks(NamedTuple):
    """Tracks of two mice.

    Attributes:
        positions: (time, mouse, keypoint, 2) float32 in px, NaN where not tracked.
        confidence: (time, mouse, keypoint) float32, 0 where not tracked.
    """

    positions: np.ndarray
    confidence: np.ndarray


def track(bodies: np.ndarray, rng: np.random.Generator) -> Tracks:
    """Track two bodies with the errors of a pose tracker.

    Args:
        bodies: (time, mouse, keypoint, 2) true positions in px.
        rng: random number generator.
    """
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
    """Occlusion by the other mouse (time, mouse, keypoint), from 0 to 1."""
    between = np.linalg.norm(bodies[:, 0, :, None] - bodies[:, 1, None], axis=-1)
    nearest = np.stack([between.min(2), between.min(1)], axis=1)
    return np.asarray(uniform_filter1d(np.clip(1 - nearest / OCCLUDED_AT, 0, 1), 5, axis=0))


def _confidence(hidden: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """Confidence (time, mouse, keypoint), lower where a keypoint is occluded; ``quality`` is a factor of the video."""
    noise = _drifts(rng, hidden.shape, 0.88)
    confidence = quality * MEDIAN_CONFIDENCE * (1 - 0.3 * hidden) + 0.06 * noise - 0.05 * np.abs(noise) * (1 + hidden)
    return np.asarray(confidence.clip(0.05, 0.96))


def _jitter(bodies: np.ndarray, confidence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Autocorrelated errors (time, mouse, keypoint, 2) in px, larger at low confidence and in fast movement."""
    moved = np.linalg.norm(np.diff(bodies, axis=0, prepend=bodies[:1]), axis=-1)
    doubt = (MEDIAN_CONFIDENCE / confidence).clip(0.8, 3.0)
    scale = JITTER * doubt + 0.16 * moved.clip(max=30)
    of_keypoint = _drifts(rng, bodies.shape, 0.6)
    of_body = _drifts(rng, (*bodies.shape[:2], 1, 2), 0.6)
    return np.asarray(scale[..., None] * (0.9 * of_keypoint + 0.45 * of_body))


def _jump(positions: np.ndarray, confidence: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> None:
    """Move a keypoint elsewhere on the mouse, onto the other mouse, or off both, for a few frames; in place."""
    keypoints = hidden.shape[2]
    for frame, mouse, keypoint in _events(JUMPS_PER_MINUTE * (1 + (OCCLUDED_FACTOR - 1) * hidden), rng):
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
    """Drop keypoints and whole mice for some frames, in place."""
    for frame, mouse, keypoint in _events(GAPS_PER_MINUTE * (1 + (OCCLUDED_FACTOR - 1) * hidden), rng):
        span = slice(frame, frame + 2 + int(rng.exponential(8.0)))
        positions[span, mouse, keypoint] = np.nan
        confidence[span, mouse, keypoint] = 0.0
    for frame, mouse in _events(np.full(hidden.shape[:2], BLACKOUTS_PER_MINUTE), rng):
        span = slice(frame, frame + 3 + int(rng.exponential(12.0)))
        positions[span, mouse] = np.nan
        confidence[span, mouse] = 0.0


def _swap(positions: np.ndarray, confidence: np.ndarray, hidden: np.ndarray, rng: np.random.Generator) -> None:
    """Exchange the two mice for some frames where they touch, in place."""
    touching = hidden.max(axis=(1, 2)) > 0.5
    for (frame,) in _events(SWAPS_PER_MINUTE * touching, rng):
        span = slice(frame, frame + 5 + int(rng.exponential(25.0)))
        positions[span] = positions[span, ::-1].copy()
        confidence[span] = confidence[span, ::-1].copy()


def _events(per_minute: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Draw the indices at which events begin, in order of time, from rates (time, ...) per minute."""
    begins = rng.random(per_minute.shape) < per_minute / (60 * FRAME_RATE)
    return [[int(index) for index in indices] for indices in np.argwhere(begins)]


def _drifts(rng: np.random.Generator, shape: tuple[int, ...], keep: float) -> np.ndarray:
    """Series of unit variance along the first dimension; ``keep`` is the correlation of neighbouring frames."""
    return np.asarray(lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=shape), axis=0))
