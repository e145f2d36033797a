"""Optical flow: how the image of a video moves from frame to frame, and animals with it.

Poses are moved along with the image before they are compared, as in Pereira et al., "SLEAP: A deep learning system for
multi-animal pose tracking", Nature Methods 19 (2022), 486-495. The flow is that of Farnebäck, "Two-frame motion
estimation based on polynomial expansion", SCIA (2003), 363-370.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import map_coordinates

LONGEST_SIDE = 256
"""Pixels of the longer side to which images are scaled down: flow is smooth, and its time grows with their area."""


@dataclass(frozen=True, eq=False)
class FlowField:
    """How one image moves to become the next.

    Attributes:
        shifts: (row, column, space) in pixels of this field, x first.
        scale: pixels of the video in a pixel of this field.

    Examples:
        >>> FlowField(np.full((4, 4, 2), [1.0, 0.0]), scale=2.0).at(np.array([3.0, 3.0])).tolist()
        [2.0, 0.0]
    """

    shifts: np.ndarray
    scale: float

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return how far the image moves at points.

        Args:
            points: (..., 2) in pixels of the video, NaN where unknown. A point outside the image moves as its edge.

        Returns:
            (..., 2) in pixels of the video, interpolated between pixels; 0 where a point is unknown.
        """
        # The centre of the first pixel is at 0 in the video and in the field.
        x, y = ((np.nan_to_num(points).reshape(-1, 2) + 0.5) / self.scale - 0.5).T
        shifts = [map_coordinates(self.shifts[..., axis], [y, x], order=1, mode="nearest") for axis in range(2)]
        return np.where(np.isfinite(points), self.scale * np.stack(shifts, axis=-1).reshape(points.shape), 0.0)


def flow_fields(images: Iterable[np.ndarray]) -> Iterator[FlowField]:
    """Yield the flow from each image of a video to the next one; two images at a time are in memory.

    Args:
        images: (row, column) uint8, grey and of one size.
    """
    import cv2

    for (image, scale), (following, _) in pairwise(map(_scaled_down, images)):
        # On synthetic videos, narrower windows saw no far steps, and wider ones did more harm where animals touch.
        shifts = cv2.calcOpticalFlowFarneback(
            image,
            following,
            np.empty((*image.shape, 2), np.float32),
            pyr_scale=0.5,
            levels=3,
            winsize=15,
            iterations=5,
            poly_n=7,
            poly_sigma=1.5,
            flags=0,
        )
        yield FlowField(np.asarray(shifts), scale)


def _scaled_down(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Return an image whose sides are ``LONGEST_SIDE`` at most, and the pixels that became one of its own."""
    import cv2

    scale = max(max(image.shape) / LONGEST_SIDE, 1.0)
    if scale == 1:
        return image, scale
    height, width = (max(round(side / scale), 1) for side in image.shape)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)), scale
