"""NWB with poses of the extension ndx-pose, read through h5py: neither pynwb nor movement is needed.

One file may hold several animals, several videos (sleap-io writes one module for each) and several cameras. Animals
that were filmed together make one recording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.instances import distinct
from ssl_behavior.formats.tracks.left_out import with_left_out
from ssl_behavior.formats.tracks.nwb_poses import Container, Series, containers, read_series, video_stem
from ssl_behavior.formats.tracks.times import FrameTimes, frames_of_times
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted.hdf5 import holds, opened
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

NAME = "nwb"
_DIGITS = 6
"""Digits of seconds in which times of one frame agree, whether they come from a rate or are written out."""


def detect(path: Path) -> bool:
    """Return whether the file is NWB."""
    return path.suffix.lower() in (".nwb", ".h5", ".hdf5") and holds(path, attribute="nwb_version")


def read(path: Path) -> list[Recording]:
    """Read one recording from each video or view of an NWB file.

    Raises:
        InputError: the file is broken or holds no poses.
    """
    with opened(path, "NWB") as file:
        scenes: dict[tuple[object, ...], list[Container]] = {}
        for container in containers(file, path):
            scenes.setdefault(container.scene, []).append(container)
        if not scenes:
            raise InputError(
                f"{path}: expected poses of the extension ndx-pose (PoseEstimation); found none in this NWB file: add "
                "them, or give the tracks as the tracking program writes them"
            )
        names = _names(list(scenes.values()))
        recordings, errors = [], []
        for name, scene in zip(names, scenes.values(), strict=True):
            one = video_id(path) if len(scenes) == 1 else f"{video_id(path)}/{name}"
            try:
                recordings.append(_recording(scene, one, path))
            except InputError as error:  # one damaged video must not cost the others
                errors.append(error)
        if not recordings:
            raise errors[0]
    return with_left_out(recordings, errors, path)


def _names(scenes: Sequence[Sequence[Container]]) -> list[str]:
    """Return a name for each video or view: the video's if these differ, else the container's with its module."""
    videos = [video_stem(scene[0].video) for scene in scenes]
    if all(videos) and len(set(videos)) == len(videos):
        return videos
    own = [scene[0].name for scene in scenes]
    if len(set(own)) == len(own):
        return own
    return [f"{scene[0].module.rpartition('/')[2]}/{scene[0].name}" for scene in scenes]


def _recording(scene: Sequence[Container], name: str, path: Path) -> Recording:
    individuals = _individuals(scene)
    keypoints = tuple(scene[0].keypoints)
    series = {
        (animal, part): read_series(container.keypoints[keypoint], path)
        for animal, container in enumerate(scene)
        for part, keypoint in enumerate(keypoints)
    }
    kinds = {(one.positions.shape[1], one.unit) for one in series.values()}
    if len(kinds) > 1:
        raise InputError(
            f"{path}: {name}: expected keypoints in one unit; found {sorted(kinds)}: export the file again"
        )
    ((space, unit),) = kinds
    axis = np.unique(np.concatenate([np.round(one.times, _DIGITS) for one in series.values()]))
    times = _frames(axis, list(series.values()), scene[0], path)
    length = int(times.frames[-1]) + 1 if len(axis) else 0
    shape = (length, len(individuals), len(keypoints))
    stored = sum(one.positions.nbytes for one in series.values())
    if 4 * (space + 1) * math.prod(shape) > most_bytes(stored):
        raise InputError(
            f"{path}: {name}: expected times of one video; found {len(axis):,} times for {length:,} frames: cut the "
            "recording where its times lie apart"
        )
    positions, confidence = np.full((*shape, space), np.nan, np.float32), np.full(shape, np.nan, np.float32)
    for (animal, part), one in series.items():
        frames = times.frames[np.searchsorted(axis, np.round(one.times, _DIGITS))]
        positions[frames, animal, part] = one.positions
        if one.confidence is not None:
            confidence[frames, animal, part] = one.confidence
    positions = mask_unseen(positions)
    has_confidence = any(one.confidence is not None for one in series.values())
    bounded, notices = bound_confidence(confidence, positions, f"{path}: {name}") if has_confidence else (None, ())
    return Recording(
        name,
        positions,
        individuals,
        Skeleton(keypoints, scene[0].edges),
        times.frame_rate or ASSUMED_FRAME_RATE,
        bounded,
        unit=unit,
        source=str(path),
        metadata={"source_software": scene[0].source} if scene[0].source else {},
        frame_rate_is_assumed=times.frame_rate is None,
        notices=(*times.notices, *notices),
    )


def _frames(axis: np.ndarray, series: Sequence[Series], container: Container, path: Path) -> FrameTimes:
    """Return the frame of each time: SLEAP counts from the video's begin, other times are those of the session."""
    where = f"{path}: {container.name}"
    rates = [one.rate for one in series if one.rate is not None]
    is_count = bool((axis % 1 == 0).all()) and all(rate == 1 for rate in rates)
    if container.is_sleap and is_count:
        return frames_of_times(axis, None, where, in_frames=True)
    stated = max(rates, default=None)
    if container.is_sleap:
        return frames_of_times(axis, stated, where)
    times = frames_of_times(axis, stated, where, from_zero=False)
    if len(axis) and axis[0] != 0:
        begin = f"times begin at {axis[0]:.6g} s of the session, which is read as frame 0 of the video"
        times = replace(times, notices=(*times.notices, begin))
    return times


def _individuals(scene: Sequence[Container]) -> tuple[str, ...]:
    """Return the names of the animals: those of SLEAP's tracks, of the subject, or of the containers."""
    named = [re.sub(r"^(track=|PoseEstimation[\W_]*)", "", one.name) for one in scene]
    if len(scene) == 1 and not scene[0].name.startswith("track="):
        return (scene[0].subject or "individual1",)
    if named == ["untracked"]:
        return ("individual1",)
    return distinct([name or one.name for name, one in zip(named, scene, strict=True)])
