"""SLEAP: analysis .h5 in every axis order, .slp through sleap-io, and tables.

Pereira et al. 2022, "SLEAP: A deep learning system for multi-animal pose tracking", doi:10.1038/s41592-022-01426-1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError, count_of
from ssl_behavior.formats.tracks import sleap_csv, sleap_labels
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted.hdf5 import array, attribute_text, holds, names, opened
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

NAME = "sleap"
_AXES = ("frame", "track", "node", "xy")

# The order of axes in files from before SLEAP wrote ``dims`` or ``preset``; it suits Matlab.
_LEGACY = {
    "tracks": ("track", "xy", "node", "frame"),
    "point_scores": ("track", "node", "frame"),
    "track_occupancy": ("frame", "track"),
}


def detect(path: Path) -> bool:
    """Return whether the file is an .slp, an .h5 with ``tracks`` and ``node_names``, or a table of SLEAP."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".gz"):
        return sleap_csv.detect(path)
    if suffix not in (".slp", ".h5", ".hdf5"):
        return False
    return holds(path, "metadata") if suffix == ".slp" else holds(path, "tracks", "node_names")


def read(path: Path) -> list[Recording]:
    """Read one recording from an analysis file, or one per video from an .slp or a table, in px.

    Raises:
        InputError: the file is broken, its axes do not fit its names, or sleap-io is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".gz"):
        return sleap_csv.read(path)
    return sleap_labels.read(path) if suffix == ".slp" else [_read_analysis(path)]


def _read_analysis(path: Path) -> Recording:
    with opened(path, "SLEAP") as file:
        nodes = tuple(names(file, "node_names", path))
        tracks = _in_order(file, "tracks", path)
        individuals = names(file, "track_names", path) if "track_names" in file else []
        scores = _in_order(file, "point_scores", path) if "point_scores" in file else None
        edges = array(file, "edge_inds", path).reshape(-1, 2) if "edge_inds" in file else np.empty((0, 2), int)
        symmetries = _json(file, "skeleton_symmetries", "[]")
        occupied = _occupied(file, path)
        frame_rate = _frame_rate(file)
    _require_fitting(nodes, tracks, scores, edges, path)
    skeleton = Skeleton(nodes, tuple((nodes[int(a)], nodes[int(b)]) for a, b in edges))
    metadata = {"symmetries": symmetries} if symmetries else {}
    positions = mask_unseen(tracks)
    confidence, scaled = (None, ()) if scores is None else bound_confidence(scores, positions, path)
    return Recording(
        video_id(path),
        positions,
        _individuals(individuals, tracks.shape[1]),
        skeleton,
        frame_rate or ASSUMED_FRAME_RATE,
        confidence,
        source=str(path),
        metadata=metadata,
        frame_rate_is_assumed=frame_rate is None,
        notices=(*_notices(individuals, occupied, positions), *scaled),
    )


def _require_fitting(
    nodes: Sequence[str], tracks: np.ndarray, scores: np.ndarray | None, edges: np.ndarray, path: Path
) -> None:
    """Make sure that tracks (frame, track, node, xy), scores (frame, track, node) and edges (edge, 2) fit the nodes.

    Raises:
        InputError: they do not.
    """
    if tracks.shape[2] != len(nodes) or tracks.shape[3] not in (2, 3):
        raise InputError(
            f"{path}: expected tracks of {len(nodes)} nodes and 2 coordinates; found the shape {tracks.shape} "
            f"(frame, track, node, xy): state the order of the axes in the attribute 'dims'"
        )
    if len(set(nodes)) < len(nodes):
        raise InputError(f"{path}: expected nodes of different names; found {list(nodes)}: rename them in SLEAP")
    if edges.size and not (edges.dtype.kind in "iu" and edges.min() >= 0 and edges.max() < len(nodes)):
        raise InputError(
            f"{path}: expected edges between its {len(nodes)} nodes; found nodes beyond these: export it again"
        )
    if not tracks.shape[1]:
        raise InputError(f"{path}: expected a track or more; found none: track the video in SLEAP, then export again")
    if scores is not None and scores.shape != tracks.shape[:3]:
        raise InputError(
            f"{path}: expected point_scores of shape {tracks.shape[:3]}; found {scores.shape}: export it again"
        )


def _notices(individuals: Sequence[str], occupied: np.ndarray | None, positions: np.ndarray) -> Iterator[str]:
    """Yield what the file leaves open: animals without tracks, and positions where it says that there are none."""
    if not individuals and positions.shape[1] == 1:
        yield (
            "the file names no track, as SLEAP writes it for a single animal; of several untracked animals it holds "
            "one per frame: track these in SLEAP, then export again"
        )
    if individuals and _individuals(individuals, positions.shape[1]) != tuple(individuals):
        yield (
            f"its {count_of(len(individuals), 'track name')} cannot tell {positions.shape[1]} tracks apart: the "
            "animals are numbered"
        )
    if occupied is not None and occupied.shape == positions.shape[:2]:
        seen = np.isfinite(positions[..., 0]).any(2)
        if added := int((seen & (occupied == 0)).sum()):
            yield (
                f"{added:,} of {int(seen.sum()):,} poses are in frames that track_occupancy leaves empty, as if they "
                "were filled in: they are used"
            )


def _occupied(file: h5py.File, path: Path) -> np.ndarray | None:
    """Return (frame, track), not 0 where a track has an instance; None if the file does not say it plainly."""
    try:
        return _in_order(file, "track_occupancy", path) if "track_occupancy" in file else None
    except InputError:
        return None


def _frame_rate(file: h5py.File) -> float | None:
    """Return the frame rate in Hz that sleap-io keeps among its facts about the video, or None if there is none."""
    try:
        about = _json(file, "video_backend_metadata", "{}")
    except ValueError:
        return None
    return sleap_labels.stated_frame_rate(about) if isinstance(about, dict) else None


def _in_order(file: h5py.File, name: str, path: Path) -> np.ndarray:
    """Return a dataset as (frame, track, node[, xy]): ``dims``, ``preset`` or the legacy order gives its axes."""
    values = array(file, name, path)
    axes = tuple(axis for axis in _AXES if axis in _LEGACY[name])
    if "dims" in file[name].attrs:
        dims = tuple(map(str, _json(file[name], "dims")))
    else:
        dims = axes if attribute_text(file, "preset") == "standard" else _LEGACY[name]
    if sorted(dims) != sorted(axes) or values.ndim != len(axes):
        raise InputError(
            f"{path}: expected {name} with the axes {', '.join(axes)}; found {dims}, {values.shape}: export it again"
        )
    return values.transpose([dims.index(axis) for axis in axes])


def _json(item: h5py.HLObject, name: str, default: str = "") -> Any:
    try:
        return json.loads(attribute_text(item, name, default))
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply") from None


def _individuals(names: Sequence[str], tracks: int) -> tuple[str, ...]:
    """Return the names of the tracks, or numbered names for an untracked file, which has none."""
    if len(names) == tracks and len(set(names)) == tracks:
        return tuple(names)
    return tuple(f"individual{i + 1}" for i in range(tracks))
