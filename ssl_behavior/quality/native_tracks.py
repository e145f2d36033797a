"""Tracks of a recording at its own frames, as faults between two frames show only there."""

from __future__ import annotations

import numpy as np

from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.recordings.recording import Recording

_MOST_KEYPOINTS = 3
"""Keypoints that are looked at: the median of three ignores one that the tracker lost, and more would take longer."""


def native_tracks(recording: Recording, poses: Poses) -> np.ndarray:
    """Return the positions of the keypoints that are seen most, without resampling, filling of gaps, or cleaning.

    Args:
        recording: recording with positions in the plane.
        poses: the same recording, prepared.

    Returns:
        (keypoint, time, individual, 2) float32 in body lengths, NaN where unseen or of too low confidence; at most
        three keypoints.
    """
    positions, confidence = recording.positions, recording.confidence
    seen = np.isfinite(positions[::10, ..., 0]).mean((0, 1))
    if confidence is not None:
        seen = seen * (confidence[::10] >= Preparation().min_confidence).mean((0, 1))
    tracks = []
    for keypoint in np.sort(np.argsort(-seen, kind="stable")[:_MOST_KEYPOINTS]):
        track = positions[:, :, keypoint] / np.float32(poses.body_length)
        if confidence is not None:
            track[confidence[:, :, keypoint] < Preparation().min_confidence] = np.nan
        track[~np.isfinite(track[..., 0] + track[..., 1])] = np.nan
        tracks.append(track)
    return np.stack(tracks)


def middle(values: np.ndarray) -> np.ndarray:
    """Return the median along the first dimension of the values that are known, NaN where none is.

    As ``np.nanmedian``, which takes ten times as long for three values.

    Args:
        values: (at most 3, ...), NaN where unknown.
    """
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if len(values) < 3:
        return np.asarray((low + high) / 2)
    # With all three known, the median is what remains without the least and the greatest; with two, it is their mean.
    # With one, both are that one.
    total = values[0] + values[1] + values[2]
    return np.asarray(np.where(np.isnan(total), (low + high) / 2, total - low - high))


def length(vectors: np.ndarray) -> np.ndarray:
    """Return the lengths (...) of vectors (..., 2), in a third of the time of ``np.linalg.norm``."""
    return np.asarray(np.hypot(vectors[..., 0], vectors[..., 1]))


def runs(is_true: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """Return start and stop of every stretch of at least ``shortest`` True values.

    Args:
        is_true: (time,) bool.
        shortest: frames.
    """
    changes = np.flatnonzero(np.diff(is_true.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return [(int(start), int(stop)) for start, stop in changes if stop - start >= shortest]
