"""Videos of recordings: which file is whose, whether it fits the tracks, and its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.untrusted.videos import count_frames, grey_images, image_size
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.videos import Videos
from ssl_behavior.storage.paths import expand

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm", ".mts")
"""Endings of the files that are taken from a folder."""

_TOLERANCE = 2
"""Frames by which a video and its tracks may differ: decoders disagree about the last ones."""
_MOST_OUTSIDE = 0.05
"""Part of the keypoints that may lie outside the image: trackers place some beside an animal at its edge."""


def find_video_files(
    paths: Sequence[Path], recordings: Sequence[Recording], notify: Callable[[str], None] = print
) -> dict[str, Path]:
    """Find the video of each recording by its name.

    Args:
        paths: files, folders and globs of videos.
        recordings: recordings whose ids are the videos' names.
        notify: called with a notice about videos that have no recording.

    Returns:
        Id of a recording -> file, for all recordings.

    Raises:
        InputError: a path does not exist, or a recording has no video or several.
    """
    known = Videos.of(recordings)
    files: dict[str, Path] = {}
    others: list[str] = []
    for file in expand(paths, VIDEO_SUFFIXES):
        video = known.find(file).id
        if video not in known:
            others.append(str(file))
        elif video in files:
            raise InputError(
                f"{file}: expected one video of recording {video}; found {files[video]}, too: give one of them"
            )
        else:
            files[video] = file
    if without := [recording.id for recording in recordings if recording.id not in files]:
        raise InputError(
            f"--videos: expected a video of every recording; found none of {list_names(without, 5)}"
            f"{f', and {list_names(others, 5)} without a recording' if others else ''}: name each video after its "
            "recording, or track those without a video in another run"
        )
    if others:
        notify(f"videos without recordings, left out: {list_names(others)}")
    return files


def require_fit(file: Path, recording: Recording) -> Recording:
    """Return a recording once it is certain that a video may be the one whose tracks it holds.

    Raises:
        InputError: it cannot be decoded, its length is another one, or keypoints lie outside its image.
    """
    source = recording.source or recording.id
    if recording.unit != "px" or recording.positions.shape[3] != 2:
        raise InputError(
            f"{source}: expected positions in the pixels of its video, as --videos are given; found "
            f"{recording.positions.shape[3]} coordinates in {recording.unit}: leave out --videos"
        )
    frames = count_frames(file, recording.frames)
    if abs(frames - recording.frames) > _TOLERANCE:
        raise InputError(
            f"{file}: expected {recording.frames:,} frames, as many as the tracks in {source} have; found {frames:,}: "
            "give the whole video that was tracked"
        )
    size = image_size(file)
    seen = recording.positions[np.isfinite(recording.positions).all(-1)]
    outside = ((seen < -1) | (seen > size)).any(-1).mean() if len(seen) else 0.0
    if outside > _MOST_OUTSIDE:
        raise InputError(
            f"{file}: expected the keypoints of {source} within its image of {size[0]} x {size[1]} pixels; found "
            f"{outside:.0%} of them outside: give the video that was tracked, in its original size"
        )
    return recording


def images_of(file: Path, recording: Recording) -> Iterator[np.ndarray]:
    """Yield an image for each frame of a recording, or for all but the last one or two.

    Raises:
        InputError: the video cannot be decoded to its end.
    """
    count = 0
    for count, image in enumerate(grey_images(file), start=1):
        yield image
        if count == recording.frames:
            return
    if count < recording.frames - _TOLERANCE:
        raise InputError(
            f"{file}: expected {recording.frames:,} frames; found damage after frame {count:,}: convert the video "
            "anew, or leave out --videos"
        )
