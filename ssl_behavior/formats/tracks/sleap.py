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
from ssl_behavior.formats.tracks import sleap_labels
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted.hdf5 import array, holds, names, opened, text
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
    return sleap_labels.read(path) if path.suffix.lower() == ".slp" else [_read_analysis(path)]


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
