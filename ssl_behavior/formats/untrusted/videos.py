"""Videos that somebody else made: OpenCV decodes them, and one frame at a time is in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError


def require_video_package() -> None:
    """Make sure that OpenCV is installed.

    Raises:
        InputError: it is not.
    """
    # A damaged file is one sentence of our own, without those of the decoder.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    try:
        import cv2  # noqa: F401
    except ImportError:
        raise InputError(
            "--videos: reading videos needs OpenCV; install it with pip install 'ssl_behavior[video]'"
        ) from None


def image_size(path: Path) -> tuple[int, int]:
    """Return the width and height of a video's images in pixels.

    Raises:
        InputError: the file is no video that can be decoded.
    """
    import cv2

    with _opened(path) as video:
        return int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))


def count_frames(path: Path, expected: int) -> int:
    """Return the number of frames of a video.

    The number in a file may be an estimate. If it is not the expected one, the frames are counted, which takes a part
    of the time of decoding them.

    Raises:
        InputError: the file is no video that can be decoded.
    """
    import cv2

    with _opened(path) as video:
        if int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == expected:
            return expected
        count = 0
        while video.grab():
            count += 1
        return count


def grey_images(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a video as grey images (row, column) uint8, one at a time, as far as they can be decoded.

    Raises:
        InputError: the file is no video that can be decoded.
    """
    import cv2

    with _opened(path) as video:
        while True:
            is_read, image = video.read()
            if not is_read:
                return
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import cv2

    # Its other backends would take a name such as frame_%02d.png for many files.
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not video.isOpened() or not video.get(cv2.CAP_PROP_FRAME_WIDTH):
            raise InputError(
                f"{path}: expected a video; found a file that OpenCV cannot decode: convert it to .mp4 (H.264), for "
                "instance with FFmpeg"
            )
        yield video
    finally:
        video.release()
