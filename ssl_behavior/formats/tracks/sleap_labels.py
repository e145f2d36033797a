"""SLEAP projects and predictions (.slp) through sleap-io: one recording per video that has instances."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.tracks.corrections import Instance
from ssl_behavior.formats.tracks.instances import assemble
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted.hdf5 import opened
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

_MOST_NAMES = 5
_HIGHEST_FRAME_RATE = 10_000.0
"""Hz; a project that states a higher one is damaged."""


def read(path: Path) -> list[Recording]:
    """Read one recording from each video of an .slp that has instances, in px.

    Raises:
        InputError: sleap-io is not installed, the file is broken, or no video has an instance.
    """
    try:
        import sleap_io
    except ImportError:
        raise InputError(
            f"{path}: reading .slp needs sleap-io; install it (pip install sleap-io) or export an analysis .h5"
        ) from None
    with opened(path, "SLEAP"):  # refuses links to other files, which sleap_io would follow
        pass
    try:
        return _read_videos(sleap_io.load_slp(str(path), open_videos=False), path)
    except InputError:
        raise
    except Exception as error:  # sleap_io lets every kind of error out
        raise InputError(f"{path}: cannot be read as an .slp file ({type(error).__name__}: {error})") from None


def _read_videos(labels: Any, path: Path) -> list[Recording]:
    frames: dict[int, list[Any]] = {id(video): [] for video in labels.videos}
    for frame in labels:
        frames.setdefault(id(frame.video), []).append(frame)
    names = distinct_stems([_filename(video) for video in labels.videos])
    used = {id(instance.track) for frame in labels for instance in frame.instances}
    recordings, without, errors = [], [], []
    for name, video in zip(names, labels.videos, strict=True):
        of_video = frames[id(video)]
        if not any(len(frame.instances) for frame in of_video):
            without.append(name)
            continue
        one = video_id(path) if len(labels.videos) == 1 else f"{video_id(path)}/{name}"
        try:
            recordings.append(_recording(video, of_video, _tracks(labels.tracks, of_video, used), one, path))
        except ValueError as error:  # a damaged video must not cost the others
            errors.append(f"{name} ({error})")
    if not recordings:
        found = f"damaged ones: {list_names(errors, 1)}" if errors else "none"
        raise InputError(
            f"{path}: expected instances in its {count_of(len(labels.videos), 'video')}; found {found}: predict or "
            "label them in SLEAP, then save it again"
        )
    notices = [f"videos without an instance are left out: {list_names(without, _MOST_NAMES)}"] if without else []
    notices += [f"damaged videos are left out: {list_names(errors, _MOST_NAMES)}"] if errors else []
    return [replace(recordings[0], notices=(*recordings[0].notices, *notices)), *recordings[1:]]


def _tracks(tracks: Sequence[Any], frames: Sequence[Any], used: Set[int]) -> list[Any]:
    """Return the tracks of a project that are of one video: those of its frames, and those that no video uses."""
    here = {id(instance.track) for frame in frames for instance in frame.instances}
    return [track for track in tracks if id(track) in here or id(track) not in used]


def _recording(video: Any, frames: Sequence[Any], tracks: Sequence[Any], name: str, path: Path) -> Recording:
    nodes, skeleton, notices = _skeleton(frames)
    names = [track.name for track in tracks]
    length = max(_frame_count(video) or 0, *(int(frame.frame_idx) + 1 for frame in frames))
    parts = assemble(_instances(frames, tracks, nodes), names, len(nodes), length)
    positions = mask_unseen(parts.values[..., :2])
    confidence, scaled = bound_confidence(parts.values[..., 2], positions, f"{path}: {name}")
    frame_rate = _frame_rate(video)
    return Recording(
        name,
        positions,
        parts.individuals,
        skeleton,
        frame_rate or ASSUMED_FRAME_RATE,
        confidence,
        source=str(path),
        frame_rate_is_assumed=frame_rate is None,
        notices=(*notices, *parts.notices, *scaled),
    )


def _skeleton(frames: Sequence[Any]) -> tuple[tuple[str, ...], Skeleton, list[str]]:
    """Return the keypoints and the skeleton that most instances of a video have, and a notice about the others."""
    skeletons: dict[frozenset[str], Any] = {}
    counts: Counter[frozenset[str]] = Counter()
    for frame in frames:
        for instance in frame.instances:
            keypoints = frozenset(instance.skeleton.node_names)
            skeletons.setdefault(keypoints, instance.skeleton)
            counts[keypoints] += 1
    (chosen, _), *others = counts.most_common()
    skeleton = skeletons[chosen]
    nodes = tuple(skeleton.node_names)
    notices = []
    if others:
        names = list_names((str(skeletons[other].name) for other, _ in others), _MOST_NAMES)
        number = count_of(sum(count for _, count in others), "instance")
        notices.append(f"{number} of other skeletons left out ({names}); {skeleton.name!r} has the most instances")
    return nodes, Skeleton(nodes, tuple(map(tuple, skeleton.edge_names))), notices


def _instances(frames: Sequence[Any], tracks: Sequence[Any], nodes: Sequence[str]) -> Iterator[Instance]:
    """Yield the instances of this skeleton; each correction knows its prediction."""
    numbers = {id(track): number for number, track in enumerate(tracks)}
    for frame in frames:
        of_frame: dict[int, Instance] = {}
        # Predictions first, as corrections refer to them; the order of the file is restored afterwards.
        for instance in sorted(frame.instances, key=lambda one: not hasattr(one, "score")):
            names = instance.skeleton.node_names
            if set(names) != set(nodes):
                continue
            stated = getattr(instance, "from_predicted", None)
            track = instance.track if instance.track is not None or stated is None else stated.track
            of_frame[id(instance)] = Instance(
                int(frame.frame_idx),
                _points(instance, [names.index(node) for node in nodes]),
                None if track is None else numbers.get(id(track)),
                by_hand=not hasattr(instance, "score"),
                corrects=of_frame.get(id(stated)),
                score=float(getattr(instance, "score", 0.0) or 0.0),
            )
        yield from (of_frame[id(instance)] for instance in frame.instances if id(instance) in of_frame)


def _points(instance: Any, order: Sequence[int]) -> np.ndarray:
    """Return (node, x y score) float32; only predicted instances have scores."""
    points = np.full((len(order), 3), np.nan, np.float32)
    if hasattr(instance, "score"):
        points[:] = instance.numpy(scores=True)[order]
    else:
        points[:, :2] = instance.numpy()[order]
    return points


def _filename(video: Any) -> str:
    """Return the path of a video; pictures in the .slp itself are named by the video that they come from."""
    while getattr(video, "source_video", None) is not None:
        video = video.source_video
    return str(video.filename if isinstance(video.filename, str) else next(iter(video.filename), ""))


def distinct_stems(filenames: Sequence[str]) -> list[str]:
    """Return the stems of files, with as many of their folders in front as make them differ, or else a number."""
    parts = [PureWindowsPath(name).with_suffix("").parts for name in filenames]  # knows both kinds of slashes
    names = ["/".join(part[-1:]) for part in parts]
    for depth in range(2, max(map(len, parts), default=0) + 1):
        repeated = {name for name, count in Counter(names).items() if count > 1}
        names = ["/".join(p[-depth:]) if name in repeated else name for p, name in zip(parts, names, strict=True)]
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name.replace("\\", "").replace(":", "") + (f" {seen[name]}" if seen[name] > 1 else ""))
    return distinct


def _frame_count(video: Any) -> int | None:
    """Return the number of frames of a video, or None if the file does not know it.

    Pictures in the .slp itself are counted too, but their frames keep the numbers that they have in their video.
    """
    counts = []
    while video is not None:
        shape = video.backend_metadata.get("shape") or [None]
        counts.append(shape[0] if isinstance(shape, list | tuple) and len(shape) else None)
        counts.append(None if isinstance(video.filename, str) else len(video.filename))
        video = getattr(video, "source_video", None)
    return max((count for count in counts if isinstance(count, int) and count > 0), default=None)


def _frame_rate(video: Any) -> float | None:
    """Return the frame rate of a video in Hz, or None if the file does not know it."""
    while video is not None:
        if (rate := stated_frame_rate(video.backend_metadata)) is not None:
            return rate
        video = getattr(video, "source_video", None)
    return None


def stated_frame_rate(about: Mapping[str, Any]) -> float | None:
    """Return the frame rate in Hz that SLEAP's facts about a video state, or None if they state none."""
    fps = about.get("fps")
    if isinstance(fps, int | float) and math.isfinite(fps) and 0 < fps <= _HIGHEST_FRAME_RATE:
        return float(fps)
    return None
