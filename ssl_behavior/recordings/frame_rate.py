"""The frame rates that a video can have: the one place for their bounds."""

from __future__ import annotations

import numpy as np

from ssl_behavior.errors import InputError

LOWEST_FRAME_RATE, HIGHEST_FRAME_RATE = 0.1, 100_000.0
"""Hz. Behaviour cannot be told from a frame in more than ten seconds, and no camera is faster than the other."""


def require_frame_rate(rate: object, where: str) -> None:
    """Make sure that a number can be the frame rate of a video.

    Args:
        rate: Hz.
        where: beginning of the message, such as the file.

    Raises:
        InputError: no video has such a rate, or it is no number.
    """
    is_number = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
    if not is_number or not LOWEST_FRAME_RATE <= rate <= HIGHEST_FRAME_RATE:  # type: ignore[operator]
        raise InputError(
            f"{where}: frame rate must be a positive number of Hz, from {LOWEST_FRAME_RATE:g} to "
            f"{HIGHEST_FRAME_RATE:,.0f}; got {rate!r:.40}: correct it with --frame-rate"
        )
