"""The frame rate at which times in seconds become frames of a video."""

from __future__ import annotations

from math import inf
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import Video


def frame_rate_of(video: Video, stated: float | None, path: str | Path) -> float:
    """Return the frame rate of a video in Hz.

    Args:
        video: what is known of the video.
        stated: the rate that the annotations state, in Hz; it counts where the tracks give none.
        path: the file of annotations, for the error.

    Raises:
        InputError: the stated rate is not positive and finite.
    """
    if stated is not None and not 0 < stated < inf:
        raise InputError(f"{path}: frame rate of {video.id!r}: expected a positive number of Hz; found {stated}")
    return video.frame_rate or stated or ASSUMED_FRAME_RATE
