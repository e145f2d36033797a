"""Write a recording as a SLEAP project (.slp): predicted instances with tracks, through sleap-io.

sleap-io writes the file without poses: skeleton, video, tracks, and the types of its tables. The poses then fill these
tables all at once, as sleap-io itself takes about 0.1 ms for the object of each pose.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.atomic import write_atomically

ENDING = ".slp"
HOLDS = frozenset({"frame rates", "edges of the skeleton", "the name of a lone individual"})
_PREDICTED = 1
"""Type of an instance that no person set."""
_SURE = 1.0
"""Score of a keypoint in a recording without confidence."""


def require_writable(recording: Recording) -> None:
    """Accept every recording: the texts of an .slp are JSON."""


def write(path: Path, recording: Recording) -> None:
    """Write a recording of a plane to one file, whole or not at all.

    The video is called after the recording's id, as its file is not known; SLEAP asks where it lies.

    Args:
        path: the file, which ends in ``.slp``.
        recording: an animal without a seen keypoint has no instance in a frame.

    Raises:
        OSError: the file cannot be written.
    """
    import sleap_io  # takes a second

    seen = np.isfinite(recording.positions).all(-1)
    with write_atomically(path) as temporary:
        sleap_io.save_slp(_without_poses(recording), str(temporary), verbose=False)
        with h5py.File(temporary, "r+") as file:
            for name, rows in _tables(file, recording, seen).items():
                del file[name]
                file[name] = rows


def _without_poses(recording: Recording) -> Any:
    """Return sleap-io's labels of the recording, without its instances."""
    import sleap_io

    # Nothing is known of the pictures but their number. The other keys are those that SLEAP writes for any video file.
    about: dict[str, Any] = {"type": "MediaVideo", "shape": [recording.frames, None, None, None]}
    about |= {"filename": f"{recording.id}.mp4", "bgr": True, "dataset": "", "input_format": ""}
    if not recording.frame_rate_is_assumed:
        about["fps"] = recording.frame_rate
    video = sleap_io.Video(about["filename"], backend_metadata=about, open_backend=False)
    skeleton = sleap_io.Skeleton(list(recording.skeleton.keypoints), list(recording.skeleton.edges), name="skeleton")
    return sleap_io.Labels(
        videos=[video],
        skeletons=[skeleton],
        tracks=[sleap_io.Track(name) for name in recording.individuals],
        provenance={"written_by": "ssl_behavior"},
    )


def _tables(file: h5py.File, recording: Recording, seen: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rows of frames, instances and points, in the types of the file.

    Args:
        file: has these tables, without rows.
        recording: the recording.
        seen: (time, individual, keypoint).
    """
    frames, animals = np.nonzero(seen.any(2))
    keypoints = seen.shape[2]
    scores = np.where(seen, _SURE if recording.confidence is None else recording.confidence, 0.0)[frames, animals]

    points = np.zeros(scores.size, file["pred_points"].dtype)
    positions = np.where(seen[..., None], recording.positions, np.nan)
    points["x"], points["y"] = positions[frames, animals].reshape(-1, 2).T
    points["visible"] = seen[frames, animals].ravel()
    points["score"] = scores.ravel()

    instances = np.zeros(len(frames), file["instances"].dtype)
    instances["instance_id"] = np.arange(len(frames))
    instances["instance_type"] = _PREDICTED
    numbers, first, count = np.unique(frames, return_index=True, return_counts=True)
    instances["frame_id"] = np.repeat(np.arange(len(numbers)), count)
    instances["track"] = animals
    instances["from_predicted"] = -1
    instances["score"] = scores.sum(1) / seen[frames, animals].sum(1)
    instances["point_id_start"] = np.arange(len(frames)) * keypoints
    instances["point_id_end"] = instances["point_id_start"] + keypoints

    rows = np.zeros(len(numbers), file["frames"].dtype)
    rows["frame_id"] = np.arange(len(numbers))
    rows["frame_idx"] = numbers
    rows["instance_id_start"], rows["instance_id_end"] = first, first + count
    return {"frames": rows, "instances": instances, "pred_points": points}
