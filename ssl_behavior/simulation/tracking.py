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

OCCLUDED_AT = 45.0  # distance to the nearest keypoint of the other mouse, px, below which it occludes
JUMPS_PER_MINUTE = 1.2  # per keypoint that is not occluded
GAPS_PER_MINUTE = 0.25  # per keypoint that is not occluded
OCCLUDED_FACTOR = 8  # on jumps and gaps of a keypoint that is fully occluded
BLACKOUTS_PER_MINUTE = 0.25  # per mouse, of which no keypoint is tracked then
SWAPS_PER_MINUTE = 0.5  # per minute in which the mice touch


class Tracker(NamedTuple):
    """Quality of a tracker.

    Attributes:
        confidence: (keypoint,) median confidence.
        jitter: (keypoint,) standard deviation of the error, px.
        frame_rate: Hz.
        losses: factor on the number of gaps.
    """

    confidence: np.ndarray
    jitter: np.ndarray
    frame_rate: float = FRAME_RATE
    losses: float = 1.0


# In the order of CalMS21's skeleton.
CALMS21 = Tracker(
    np.array([0.71, 0.66, 0.68, 0.84, 0.72, 0.72, 0.91]), np.array([1.1, 1.35, 1.35, 1.05, 1.15, 1.15, 1.05])
)


class Tracks(NamedTuple):
    """Tracks of mice.

    Attributes:
        positions: (time, mouse, keypoint, 2) float32 in px, NaN where not tracked.
        confidence: (time, mouse, keypoint) float32, 0 where not tracked.
    """

    positions: np.ndarray
    confidence: np.ndarray


def track(bodies: np.ndarray, rng: np.random.Generator, tracker: Tracker = CALMS21) -> Tracks:
    """Track the bodies of two or more mice with the errors of a pose tracker.

    Args:
        bodies: (time, mouse, keypoint, 2) true positions in px.
        rng: random number generator.
        tracker: quality of the tracker, and the frame rate of the bodies.
    """
    hidden, nearest = _occlusion(bodies, tracker)
    quality = rng.normal(1.0, 0.05)
    confidence = _confidence(hidden, quality, rng, tracker)
    positions = bodies + _jitter(bodies, confidence, rng, tracker)
    _jump(positions, confidence, hidden, nearest, rng, tracker)
    positions[..., 0].clip(0, WIDTH - 1, out=positions[..., 0])
    positions[..., 1].clip(0, HEIGHT - 1, out=positions[..., 1])
    _lose(positions, confidence, hidden, rng, tracker)
    _swap(positions, confidence, hidden, nearest, rng, tracker)
    return Tracks(positions.astype(np.float32), confidence.astype(np.float32))


def _occlusion(bodies: np.ndarray, tracker: Tracker) -> tuple[np.ndarray, np.ndarray]:
    """Occlusion by other mice (time, mouse, keypoint), from 0 to 1, and the mouse nearest to each (time, mouse)."""
    frames, mice, keypoints = bodies.shape[:3]
    gaps = np.full((mice, frames, mice, keypoints), np.inf)
    for agent in range(mice):
        for other in range(agent + 1, mice):
            between = np.linalg.norm(bodies[:, agent, :, None] - bodies[:, other, None], axis=-1)
            gaps[other, :, agent], gaps[agent, :, other] = between.min(2), between.min(1)
    smoothing = max(1, round(5 * tracker.frame_rate / FRAME_RATE))
    hidden = uniform_filter1d(np.clip(1 - gaps.min(0) / OCCLUDED_AT, 0, 1), smoothing, axis=0)
    return np.asarray(hidden), gaps.min(3).argmin(0)


def _confidence(hidden: np.ndarray, quality: float, rng: np.random.Generator, tracker: Tracker) -> np.ndarray:
    """Confidence (time, mouse, keypoint), lower where a keypoint is occluded; ``quality`` is a factor of the video."""
    noise = _drifts(rng, hidden.shape, 0.88, tracker)
    confidence = quality * tracker.confidence * (1 - 0.3 * hidden) + 0.06 * noise - 0.05 * np.abs(noise) * (1 + hidden)
    return np.asarray(confidence.clip(0.05, 0.96))


def _jitter(bodies: np.ndarray, confidence: np.ndarray, rng: np.random.Generator, tracker: Tracker) -> np.ndarray:
    """Autocorrelated errors (time, mouse, keypoint, 2) in px, larger at low confidence and in fast movement."""
    moved = np.linalg.norm(np.diff(bodies, axis=0, prepend=bodies[:1]), axis=-1) * (tracker.frame_rate / FRAME_RATE)
    doubt = (tracker.confidence / confidence).clip(0.8, 3.0)
    scale = tracker.jitter * doubt + 0.16 * moved.clip(max=30)
    of_keypoint = _drifts(rng, bodies.shape, 0.6, tracker)
    of_body = _drifts(rng, (*bodies.shape[:2], 1, 2), 0.6, tracker)
    return np.asarray(scale[..., None] * (0.9 * of_keypoint + 0.45 * of_body))


def _jump(
    positions: np.ndarray,
    confidence: np.ndarray,
    hidden: np.ndarray,
    nearest: np.ndarray,
    rng: np.random.Generator,
    tracker: Tracker,
) -> None:
    """Move a keypoint elsewhere on the mouse, onto the nearest one, or off both, for a few frames; in place."""
    keypoints = hidden.shape[2]
    for frame, mouse, keypoint in _events(JUMPS_PER_MINUTE * (1 + (OCCLUDED_FACTOR - 1) * hidden), rng, tracker):
        span = _span(frame, 1, 2.0, rng, tracker)
        where = rng.random()
        if where < 0.4:
            positions[span, mouse, keypoint] = positions[span, mouse, rng.integers(keypoints)]
        elif where < 0.7 and hidden[frame, mouse, keypoint] > 0:
            positions[span, mouse, keypoint] = positions[span, nearest[frame, mouse], keypoint]
        else:
            positions[span, mouse, keypoint] += rng.normal(0, 30, 2)
        confidence[span, mouse, keypoint] *= rng.uniform(0.3, 0.9)


def _lose(
    positions: np.ndarray, confidence: np.ndarray, hidden: np.ndarray, rng: np.random.Generator, tracker: Tracker
) -> None:
    """Drop keypoints and whole mice for some frames, in place."""
    gaps = tracker.losses * GAPS_PER_MINUTE * (1 + (OCCLUDED_FACTOR - 1) * hidden)
    for frame, mouse, keypoint in _events(gaps, rng, tracker):
        span = _span(frame, 2, 8.0, rng, tracker)
        positions[span, mouse, keypoint] = np.nan
        confidence[span, mouse, keypoint] = 0.0
    for frame, mouse in _events(np.full(hidden.shape[:2], BLACKOUTS_PER_MINUTE), rng, tracker):
        span = _span(frame, 3, 12.0, rng, tracker)
        positions[span, mouse] = np.nan
        confidence[span, mouse] = 0.0


def _swap(
    positions: np.ndarray,
    confidence: np.ndarray,
    hidden: np.ndarray,
    nearest: np.ndarray,
    rng: np.random.Generator,
    tracker: Tracker,
) -> None:
    """Exchange the most hidden mouse and the one nearest to it for some frames where they touch, in place."""
    touching = hidden.max(axis=(1, 2)) > 0.5
    for (frame,) in _events(SWAPS_PER_MINUTE * touching, rng, tracker):
        span = _span(frame, 5, 25.0, rng, tracker)
        mouse = int(hidden[frame].max(1).argmax())
        pair = [mouse, int(nearest[frame, mouse])]
        positions[span, pair] = positions[span, pair[::-1]]
        confidence[span, pair] = confidence[span, pair[::-1]]


def _span(frame: int, shortest: int, mean: float, rng: np.random.Generator, tracker: Tracker) -> slice:
    """Frames of an error that begins at ``frame``; its ``shortest`` and mean further length are frames at 30 Hz."""
    scale = tracker.frame_rate / FRAME_RATE
    return slice(frame, frame + max(1, int(shortest * scale + int(rng.exponential(mean) * scale))))


def _events(per_minute: np.ndarray, rng: np.random.Generator, tracker: Tracker) -> list[list[int]]:
    """Draw the indices at which events begin, in order of time, from rates (time, ...) per minute."""
    begins = rng.random(per_minute.shape) < per_minute / (60 * tracker.frame_rate)
    return [[int(index) for index in indices] for indices in np.argwhere(begins)]


def _drifts(rng: np.random.Generator, shape: tuple[int, ...], keep: float, tracker: Tracker) -> np.ndarray:
    """Series of unit variance along the first dimension; ``keep`` is the correlation of frames a 30th second apart."""
    keep **= FRAME_RATE / tracker.frame_rate
    return np.asarray(lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=shape), axis=0))
