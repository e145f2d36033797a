"""JABS and the Kumar lab's mouse tracking: ``*_pose_est_v2.h5`` to ``v8``, twelve keypoints of one or several mice.

Version 2 has one mouse. Version 3 has tracklets, each a few seconds of a mouse. From version 4 on, mice keep their
identity over the whole video. Later versions add objects of the arena and segmentation, which are not read.

https://github.com/KumarLabJax/JABS-behavior-classifier
"""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError, count_of
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted.hdf5 import BROKEN, array, names, opened
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

NAME = "jabs"
KEYPOINTS = (
    "NOSE",
    "LEFT_EAR",
    "RIGHT_EAR",
    "BASE_NECK",
    "LEFT_FRONT_PAW",
    "RIGHT_FRONT_PAW",
    "CENTER_SPINE",
    "LEFT_REAR_PAW",
    "RIGHT_REAR_PAW",
    "BASE_TAIL",
    "MID_TAIL",
    "TIP_TAIL",
)
_EDGES = (
    ("NOSE", "BASE_NECK"),
    ("NOSE", "LEFT_EAR"),
    ("NOSE", "RIGHT_EAR"),
    ("BASE_NECK", "CENTER_SPINE"),
    ("CENTER_SPINE", "LEFT_FRONT_PAW"),
    ("CENTER_SPINE", "RIGHT_FRONT_PAW"),
    ("CENTER_SPINE", "BASE_TAIL"),
    ("BASE_TAIL", "LEFT_REAR_PAW"),
    ("BASE_TAIL", "RIGHT_REAR_PAW"),
    ("BASE_TAIL", "MID_TAIL"),
    ("MID_TAIL", "TIP_TAIL"),
)
_POINTS = (len(KEYPOINTS), 2)


def detect(path: Path) -> bool:
    """Return whether the file is an .h5 with points and confidence in a group "poseest"."""
    if path.suffix.lower() not in (".h5", ".hdf5"):
        return False
    try:
        with h5py.File(path, "r") as file:
            link = file.get("poseest", getlink=True)
            return isinstance(link, h5py.HardLink) and {"points", "confidence"} <= set(file["poseest"])
    except BROKEN:
        return False


def read(path: Path) -> list[Recording]:
    """Read the one recording of a file: positions (x, y) in px, unseen where the confidence is 0.

    The mice of versions 4 and later are called ``1``, ``2``, ... by their identity, or as the file names them. The
    tracklets of version 3 are joined in the order in which they begin, each to the first individual that is free.

    Raises:
        InputError: an array is missing, or has a wrong shape.
    """
    with opened(path, "JABS") as file:
        group = file["poseest"]
        points, confidence = array(group, "points", path), array(group, "confidence", path)
        if points.ndim == 3:
            points, confidence = points[:, None], confidence[:, None]
        if points.ndim != 4 or points.shape[2:] != _POINTS or confidence.shape != points.shape[:3]:
            raise InputError(
                f"{path}: expected points (frame, mouse, 12, 2) and a confidence for each; found {points.shape} and "
                f"{confidence.shape}: export the file again"
            )
        individual_of, individuals, notices = _individuals(group, points.shape[:2], path)
        metadata = _metadata(group)
    # The files have (y, x). A confidence of 0 marks a keypoint that was not found.
    positions = points[..., ::-1].astype(np.float32)
    positions[~(confidence > 0)] = np.nan
    count, frames = len(individuals), len(points)
    if frames * count * len(KEYPOINTS) * 12 > most_bytes(points.nbytes):
        raise InputError(f"{path}: expected a few mice; found {count}: track the video again")
    ordered = np.full((frames, count, *_POINTS), np.nan, np.float32)
    scores = np.zeros((frames, count, len(KEYPOINTS)), np.float32)
    at = np.nonzero(individual_of >= 0)
    ordered[at[0], individual_of[at]] = positions[at]
    scores[at[0], individual_of[at]] = confidence[at]
    ordered = mask_unseen(ordered)
    scores, scaled = bound_confidence(scores, ordered, path)
    return [
        Recording(
            video_id(path),
            ordered,
            individuals,
            Skeleton(KEYPOINTS, _EDGES, {"CENTER_SPINE": "centre"}),
            ASSUMED_FRAME_RATE,
            scores,
            source=str(path),
            metadata=metadata,
            frame_rate_is_assumed=True,
            notices=(*notices, *scaled),
        )
    ]


def _individuals(
    group: h5py.Group, shape: tuple[int, ...], path: Path
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Return the number of the individual in each slot (frame, slot), -1 for none; names; and notices."""
    if "instance_embed_id" in group:
        return _by_identity(group, shape, path)
    if "instance_track_id" in group:
        tracks = _slots(group, "instance_track_id", shape, path)
        counts = array(group, "instance_count", path).astype(np.int64)
        if counts.shape != shape[:1]:
            raise InputError(f"{path}: expected an instance_count per frame; found {counts.shape}: export it again")
        tracks[np.arange(shape[1]) >= counts[:, None]] = -1
        numbers, count, joined = _joined(tracks)
        notice = f"the tracklets are joined to {count_of(count, 'animal')}, which may be exchanged where one ends"
        return numbers, _numbered(count), (notice,) if joined else ()
    if shape[1] == 1:
        return np.zeros(shape, np.int64), ("1",), ()
    raise InputError(
        f"{path}: expected instance_track_id or instance_embed_id for {shape[1]} mice; found neither: export the file "
        "again with the identities"
    )


def _by_identity(
    group: h5py.Group, shape: tuple[int, ...], path: Path
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """As ``_individuals`` for version 4 and later: 1 and above are identities, 0 and masked slots hold none."""
    identities = _slots(group, "instance_embed_id", shape, path)
    valid = identities > 0
    if "id_mask" in group:
        valid &= _slots(group, "id_mask", shape, path) == 0
    # Numbers above that of the centres are tracks to which no identity was given.
    centres = group["instance_id_center"].shape[0] if "instance_id_center" in group else 0
    if centres:
        valid &= identities <= centres
    count = int(identities[valid].max(initial=0))
    if not count:
        raise InputError(f"{path}: expected a mouse with an identity; found none: assign identities and export again")
    if count > shape[1] * 100:
        raise InputError(f"{path}: expected identities from 1 on; found {count}: export the file again")
    left_out = (identities > 0) & ~valid
    notices = ("instances without an identity are left out",) if left_out.any() else ()
    external = names(group, "external_identity_mapping", path) if _has_texts(group) else []
    individuals = tuple(external) if len(set(external)) == len(external) == count else _numbered(count)
    return np.where(valid, identities - 1, -1), individuals, notices


def _has_texts(group: h5py.Group) -> bool:
    return "external_identity_mapping" in group and group["external_identity_mapping"].dtype.kind in "OSU"


def _slots(group: h5py.Group, name: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    values = array(group, name, path)
    if values.shape != shape or values.dtype.kind not in "biu":
        raise InputError(f"{path}: expected whole numbers {name} of shape {shape}; found {values.shape}: export again")
    return values.astype(np.int64)


def _joined(tracks: np.ndarray) -> tuple[np.ndarray, int, bool]:
    """Give each tracklet the lowest individual that is free from its first to its last frame.

    Args:
        tracks: (frame, slot) number of the tracklet, -1 for none.

    Returns:
        (frame, slot) number of the individual, -1 for none; the number of individuals; and whether any has several.
    """
    frames, slots = np.nonzero(tracks >= 0)
    ids, inverse = np.unique(tracks[frames, slots], return_inverse=True)
    first, last = np.full(len(ids), len(tracks)), np.full(len(ids), -1)
    np.minimum.at(first, inverse, frames)
    np.maximum.at(last, inverse, frames)
    individual, count = np.zeros(len(ids), np.int64), 0
    busy: list[tuple[int, int]] = []
    free: list[int] = []
    for track in np.argsort(first, kind="stable"):
        while busy and busy[0][0] < first[track]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            individual[track] = heapq.heappop(free)
        else:
            individual[track], count = count, count + 1
        heapq.heappush(busy, (int(last[track]), int(individual[track])))
    numbers = np.full(tracks.shape, -1, np.int64)
    numbers[frames, slots] = individual[inverse]
    return numbers, count, count < len(ids)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, count + 1))


def _metadata(group: h5py.Group) -> dict[str, Any]:
    """Return the size of a pixel and the file's version, where it has them."""
    scale = np.asarray(group.attrs.get("cm_per_pixel", np.nan))
    version = np.asarray(group.attrs.get("version", []))
    metadata: dict[str, Any] = {}
    if scale.dtype.kind in "fiu" and scale.size == 1 and np.isfinite(scale).all():
        metadata["cm_per_pixel"] = float(scale.ravel()[0])
    if version.dtype.kind in "iu" and version.size:
        metadata["version"] = int(version.ravel()[0])
    return metadata
