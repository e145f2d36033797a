"""Write a recording as an analysis file of SLEAP (.analysis.h5), in the order of axes that SLEAP itself writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.atomic import write_atomically

ENDING = ".analysis.h5"
HOLDS = frozenset({"frame rates", "edges of the skeleton", "symmetries", "the name of a lone individual"})
_AXES = {
    "tracks": ("track", "xy", "node", "frame"),
    "point_scores": ("track", "node", "frame"),
    "instance_scores": ("track", "frame"),
    "tracking_scores": ("track", "frame"),
    "track_occupancy": ("frame", "track"),
}
_OURS = ("frame", "track", "node", "xy")
_SURE = 1.0
"""Score of a keypoint in a recording without confidence."""


def require_writable(recording: Recording) -> None:
    """Accept every recording: names are texts in UTF-8."""


def write(path: Path, recording: Recording) -> None:
    """Write a recording of a plane to one file, whole or not at all.

    Args:
        path: the file, which ends in ``.analysis.h5``.
        recording: the recording. Unknown confidence becomes a score of 1.

    Raises:
        OSError: the file cannot be written.
    """
    skeleton = recording.skeleton
    edges = [[skeleton.keypoints.index(name) for name in edge] for edge in skeleton.edges]
    with write_atomically(path) as temporary, h5py.File(temporary, "w") as file:
        for name, values in _arrays(recording).items():
            axes = tuple(axis for axis in _OURS if axis in _AXES[name])
            ordered = values.transpose([axes.index(axis) for axis in _AXES[name]])
            file.create_dataset(name, data=ordered, compression="gzip", compression_opts=1)
            file[name].attrs["dims"] = json.dumps(_AXES[name])
        file["track_names"] = _texts(recording.individuals)
        file["node_names"] = _texts(skeleton.keypoints)
        file["edge_names"] = _texts([name for edge in skeleton.edges for name in edge]).reshape(-1, 2)
        file["edge_inds"] = np.array(edges, np.int64).reshape(-1, 2)
        file["video_path"], file["video_ind"], file["labels_path"] = f"{recording.id}.mp4", 0, ""
        file["provenance"] = json.dumps({"written_by": "ssl_behavior", "source": recording.source})
        file.attrs["format"], file.attrs["preset"] = "analysis", "matlab"
        file.attrs["skeleton_name"] = "skeleton"
        file.attrs["skeleton_symmetries"] = json.dumps(_symmetries(recording))
        # sleap-io keeps here what it knows of the video.
        about = {} if recording.frame_rate_is_assumed else {"fps": recording.frame_rate}
        file.attrs["video_backend_metadata"] = json.dumps(about)


def _arrays(recording: Recording) -> dict[str, np.ndarray]:
    """Return the arrays of numbers, each with its axes in the order of ``_OURS``."""
    seen = np.isfinite(recording.positions).all(-1)
    scores = np.where(seen, _SURE if recording.confidence is None else recording.confidence, np.nan)
    of_pose = np.nansum(scores, 2) / np.maximum(seen.sum(2), 1)
    return {
        "tracks": np.where(seen[..., None], recording.positions, np.nan).astype(float),
        "point_scores": scores.astype(float),
        "instance_scores": np.where(seen.any(2), of_pose, np.nan),
        "tracking_scores": np.where(seen.any(2), 0.0, np.nan),
        "track_occupancy": seen.any(2).astype(np.uint8),
    }


def _symmetries(recording: Recording) -> list[list[str]]:
    """Return the pairs of keypoints that mirror each other, as far as the recording's file stated them."""
    pairs = recording.metadata.get("symmetries", [])
    return [list(pair) for pair in pairs if len(pair) == 2 and set(pair) <= set(recording.skeleton.keypoints)]


def _texts(names: Sequence[str]) -> np.ndarray:
    """Return names as HDF5's texts of one length, as SLEAP writes them."""
    return np.array([name.encode() for name in names], dtype=np.bytes_)
