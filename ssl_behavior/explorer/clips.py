"""Moments to be drawn: the poses of a pair around a frame, as small whole numbers."""

from __future__ import annotations

import numpy as np

from ssl_behavior.poses.prepare import Poses

RESOLUTION = 100
"""Whole numbers to a body length."""
UNSEEN = -32768


def tracks(
    poses: Poses, pair: tuple[int, int], frames: np.ndarray, length: int, others: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Clips around some frames of a pair.

    Args:
        poses: of a video.
        pair: agent and target, who come first.
        frames: (clip,) which the clips are around; near an end of the video, a clip is moved to lie within it.
        length: of a clip in frames; a shorter video is followed by frames in which nothing is seen.
        others: with the other individuals of the video.

    Returns:
        (clip, time, individual, landmark, 2) int16 in hundredths of a body length from the middle of the clip, -32768
        where unknown; a lone animal comes once; and (clip,) which frame of its clip each of ``frames`` is.
    """
    whole = poses.positions
    names = list(dict.fromkeys(pair)) + [i for i in range(whole.shape[1]) if others and i not in pair]
    first = np.clip(frames - length // 2, 0, max(0, len(whole) - length))
    places = first[:, None] + np.arange(length)
    values = whole[np.minimum(places, len(whole) - 1)][:, :, names].astype(np.float32)
    values[places >= len(whole)] = np.nan
    known = ~np.isnan(values[..., :1])
    spread = (1, 2, 3)
    middle = np.where(known, values, 0).sum(spread) / np.maximum(known.sum(spread), 1)
    scaled = np.rint((values - middle[:, None, None, None]) * RESOLUTION)
    is_far = np.isnan(scaled) | (np.abs(scaled) > -UNSEEN - 1)
    return np.where(is_far, UNSEEN, scaled).astype(np.int16), (frames - first).astype(np.int32)
