"""Synthetic videos of two animals that look alike, for tests of optical flow."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

SIZE = (320, 240)
"""Width and height in pixels."""
BODY = np.array([[11.0, 0], [4, 4], [4, -4], [-11, 0]])
"""An animal's keypoints (keypoint, 2) about its centre. It heads to the right."""
GAP = 18.0
"""Distance of two animals side by side; each is 14 pixels wide."""


def chase(frames: int = 60, step: float = 16.0) -> np.ndarray:
    """Centres (time, 2, 2) of two animals side by side that now and then run sideways, almost a gap in a frame."""
    run = np.zeros(frames)
    for start in range(10, frames, 15):
        run[start : start + 4] = step * (-1) ** (start // 15)
    y = 80 + run.cumsum()
    return np.stack([np.full((frames, 2), 160.0), np.stack([y, y + GAP], axis=1)], axis=-1)


def poses(centres: np.ndarray, noise: float = 0.3) -> np.ndarray:
    """Tracks (time, animal, keypoint, 2) of animals with these centres."""
    tracks = centres[:, :, None] + BODY
    return np.asarray(tracks + np.random.default_rng(0).normal(0, noise, tracks.shape))


def images(centres: np.ndarray) -> Iterator[np.ndarray]:
    """Grey images of dark animals with a fur of their own on pale bedding."""
    rng = np.random.default_rng(1)
    bedding = 190 + rng.normal(0, 6, SIZE[::-1])
    furs = [80 + cv2.resize(rng.normal(0, 30, (10, 10)), (32, 32)) for _ in range(centres.shape[1])]
    y, x = np.mgrid[:32, :32] - 16
    body = ((x / 14) ** 2 + (y / 7) ** 2 < 1).astype(float)
    for places in centres:
        image = bedding
        for fur, place in zip(furs, places, strict=True):
            shift = np.array([[1, 0, place[0] - 16], [0, 1, place[1] - 16]])
            cover = cv2.warpAffine(body, shift, SIZE)
            image = image * (1 - cover) + cv2.warpAffine(fur, shift, SIZE) * cover
        yield np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def write_video(path: Path, pictures: Iterator[np.ndarray], codec: str = "MJPG") -> Path:
    """Write grey images to a video."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10.0, SIZE)
    for picture in pictures:
        video.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    video.release()
    return path
