"""SLEAP: analysis .h5 in every axis order, and .slp through sleap-io.

Pereira et al. 2022, "SLEAP: A deep learning system for multi-animal pose tracking", doi:10.1038/s41592-022-01426-1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted.hdf5 import array, holds, names, opened, text
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.paths import video_id

NAME = "sleap"
_AXES = ("frame", "track", "node", "xy")

# The order of axes in files from before SLEAP wrote ``dims`` or ``preset``; it suits Matlab.
_LEGACY = {"tracks": ("track", "xy", "node", "frame"), "point_scores": ("track", "node", "frame")}


def detect(path: Path) -> bool:
    """Return whether the file is an .slp, or an .h5 with ``tracks`` and ``node_names``."""
    suffix = path.suffix.lower()
    if suffix not in (".slp", ".h5", ".hdf5"):
        return False
    return holds(path, "metadata") if suffix == ".slp" else holds(path, "tracks", "node_names")


def read(path: Path) -> list[Recording]:
    """Read one recording from an analysis file, or one per video from an .slp, in px.

    Raises:
        InputError: the file is broken, its axes do not fit its names, or sleap-io is not installed.
    """
    return _read_labels(path) if path.suffix.lower() == ".slp" else [_read_analysis(path)]


def _read_analysis(path: Path) -> Recording:
    with opened(path, "SLEAP") as file:
        nodes = tuple(names(file, "node_names", path))
        tracks = _in_order(file, "tracks", nodes, path)
        individuals = names(file, "track_names", path) if "track_names" in file else []
        scores = _in_order(file, "point_scores", nodes, path) if "point_scores" in file else None
        edges = array(file, "edge_inds", path).reshape(-1, 2) if "edge_inds" in file else np.empty((0, 2), int)
        symmetries = _json(file.attrs, "skeleton_symmetries", "[]")
    if tracks.shape[2] != len(nodes) or tracks.shape[3] not in (2, 3):
        raise InputError(
            f"{path}: expected tracks of {len(nodes)} nodes and 2 coordinates; found the shape {tracks.shape} "
            f"(frame, track, node, xy): state the order of the axes in the attribute 'dims'"
        )
    if len(set(nodes)) < len(nodes):
        raise InputError(f"{path}: expected nodes of different names; found {list(nodes)}")
    if edges.size and not (edges.dtype.kind in "iu" and edges.min() >= 0 and edges.max() < len(nodes)):
        raise InputError(f"{path}: expected edges between its {len(nodes)} nodes; found nodes beyond these")
    skeleton = Skeleton(nodes, tuple((nodes[int(a)], nodes[int(b)]) for a, b in edges))
    metadata = {"symmetries": symmetries} if symmetries else {}
    return _recording(
        video_id(path), tracks, scores, _individuals(individuals, tracks.shape[1]), skeleton, path, metadata
    )


def _in_order(file: h5py.File, name: str, nodes: Sequence[str], path: Path) -> np.ndarray:
    """Return a dataset as (frame, track, node[, xy]): ``dims``, ``preset`` or the legacy order gives its axes."""
    values = array(file, name, path)
    axes = _AXES[: len(_LEGACY[name])]
    if "dims" in file[name].attrs:
        dims = tuple(map(str, _json(file[name].attrs, "dims")))
    else:
        dims = axes if text(file.attrs.get("preset", "")) == "standard" else _LEGACY[name]
    if sorted(dims) != sorted(axes) or values.ndim != len(axes):
        raise InputError(f"{path}: expected {name} with the axes {', '.join(axes)}; found {dims}, {values.shape}")
    return values.transpose([dims.index(axis) for axis in axes])


def _json(attributes: h5py.AttributeManager, name: str, default: str = "") -> Any:
    try:
        return json.loads(text(attributes.get(name, default)))
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply") from None


def _individuals(names: Sequence[str], tracks: int) -> tuple[str, ...]:
    """Return the names of the tracks, or numbered names for an untracked file, which has none."""
    if len(names) == tracks and len(set(names)) == tracks:
        return tuple(names)
    return tuple(f"individual{i + 1}" for i in range(tracks))


def _recording(
    name: str,
    tracks: np.ndarray,
    scores: np.ndarray | None,
    individuals: tuple[str, ...],
    skeleton: Skeleton,
    path: Path,
    metadata: dict[str, Any],
) -> Recording:
    positions = mask_unseen(tracks)
    if scores is not None and scores.shape != positions.shape[:3]:
        raise InputError(f"{path}: expected point_scores of shape {positions.shape[:3]}; found {scores.shape}")
    confidence = None if scores is None else bound_confidence(scores, positions)
    return Recording(
        name,
        positions,
        individuals,
        skeleton,
        ASSUMED_FRAME_RATE,
        confidence,
        source=str(path),
        metadata=metadata,
        frame_rate_is_assumed=True,
    )


def _read_labels(path: Path) -> list[Recording]:
    try:
        import sleap_io
    except ImportError:
        raise InputError(
            f"{path}: reading .slp needs sleap-io; install it (pip install sleap-io) or export an analysis .h5"
        ) from None
    with opened(path, "SLEAP"):  # refuses links to other files, which sleap_io would follow
        pass
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
        return [_read_video(labels, video, path) for video in labels.videos]
    except InputError:
        raise
    except Exception as error:  # sleap_io lets every kind of error out
        raise InputError(f"{path}: cannot be read as an .slp file ({type(error).__name__}: {error})") from None


def _read_video(labels: Any, video: Any, path: Path) -> Recording:
    frames = [frame for frame in labels if frame.video is video]
    if not frames or len(labels.skeletons) != 1:
        raise InputError(
            f"{path}: expected frames of {video.filename} and one skeleton; "
            f"found {len(frames)} frames and {len(labels.skeletons)} skeletons"
        )
    skeleton = Skeleton(tuple(labels.skeletons[0].node_names), tuple(map(tuple, labels.skeletons[0].edge_names)))
    individuals, values = _tracks(labels, frames, len(skeleton.keypoints))
    name = video_id(path)
    if len(labels.videos) > 1:
        stem = Path(video.filename if isinstance(video.filename, str) else video.filename[0]).stem
        name = f"{name}/{stem}"
    return _recording(name, values[..., :2], values[..., 2], individuals, skeleton, path, {})


def _tracks(labels: Any, frames: Sequence[Any], nodes: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the individuals' names and values (frame, individual, node, x y score), frames numbered as in the video.

    A corrected instance takes precedence over the predicted one of its track. Without tracks, the instances of a frame
    are numbered in their order.
    """
    tracks = list(labels.tracks)
    individuals = len(tracks) or max(len(frame.instances) for frame in frames)
    length, first = max(frame.frame_idx for frame in frames) + 1, min(frame.frame_idx for frame in frames)
    frame_bytes = individuals * nodes * 3 * np.dtype(np.float32).itemsize
    if first < 0 or length * frame_bytes > most_bytes(len(frames) * frame_bytes):
        raise ValueError(f"{len(frames)} frames are numbered {first} to {length - 1}")
    values = np.full((length, individuals, nodes, 3), np.nan, np.float32)
    for frame in frames:
        # Only predicted instances have a score. Corrected ones come last, so they overwrite the predicted ones.
        by_hand_last = sorted(frame.instances, key=lambda instance: not hasattr(instance, "score"))
        for i, instance in enumerate(frame.instances if not tracks else by_hand_last):
            if tracks and instance.track is None:
                continue
            row = tracks.index(instance.track) if tracks else i
            points = instance.numpy(scores=True) if hasattr(instance, "score") else instance.numpy()
            values[frame.frame_idx, row, :, : points.shape[1]] = points
            values[frame.frame_idx, row, :, points.shape[1] :] = np.nan
    return _individuals([track.name for track in tracks], individuals), values
