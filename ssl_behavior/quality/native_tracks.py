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
