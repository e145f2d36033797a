"""Containers of poses in an NWB file (ndx-pose 0.1 to 0.4): where they are, whose they are, and their series.

A ``PoseEstimation`` holds one animal in one view, with a ``PoseEstimationSeries`` (row, space) per keypoint. A linked
``Skeleton`` names its keypoints, or its own ``nodes`` in files from before ndx-pose 0.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted.hdf5 import array, attribute_number, attribute_text, names, single_text

_SERIES = "PoseEstimationSeries"
_VIEW = re.compile(r"cam(era)?([\W_\d]|$)|view", re.IGNORECASE)
_PIXELS = {"px", "pixel", "pixels"}


@dataclass(frozen=True)
class Container:
    """One animal in one view.

    Attributes:
        group: its HDF5 group.
        name: of the container.
        module: the path of the group that holds it.
        views: it holds points in space, and its own containers are the cameras' views of the same animal.
        keypoints: keypoint -> its series, in the order of the skeleton.
        edges: pairs of keypoints.
        video: the path of its video; "" if the file does not say.
        source: the program that tracked the animal.
        subject: the animal's name; "" if the file does not say.
    """

    group: h5py.Group
    name: str
    module: str
    views: bool
    keypoints: dict[str, h5py.Group]
    edges: tuple[tuple[str, str], ...]
    video: str
    source: str
    subject: str

    @property
    def scene(self) -> tuple[object, ...]:
        """The times and the skeleton that animals share if they were filmed together."""
        camera = self.name if _VIEW.search(self.name) else ""
        return self.module, self.video, _cameras(self.group), camera, frozenset(self.keypoints)

    @property
    def is_sleap(self) -> bool:
        """Tell whether SLEAP wrote it, whose times are numbers of frames unless a person gave it others."""
        return "SLEAP_VIDEO" in self.module or "sleap" in self.source.lower()


def containers(file: h5py.File, path: Path) -> list[Container]:
    """Return the containers of poses that hold a series, without the views of those that hold points in space."""
    found = [_container(group, path) for group in _groups(file)]
    found = [one for one in found if one.keypoints]
    spatial = {one.group.name for one in found if one.views}
    return [one for one in found if one.module not in spatial]


def is_of_type(item: object, kind: str) -> bool:
    """Return whether an item of the file is a group of this type of NWB."""
    return isinstance(item, h5py.Group) and attribute_text(item, "neurodata_type") == kind


def _groups(file: h5py.File) -> Iterator[h5py.Group]:
    """Yield the groups of poses. Follows no link, so each comes once."""
    unvisited, visited = [file], set()
    while unvisited:
        group = unvisited.pop(0)
        if (address := h5py.h5o.get_info(group.id).addr) in visited:
            continue  # hard links may form circles
        visited.add(address)
        if is_of_type(group, "PoseEstimation") or is_of_type(group, "MultiCameraPoseEstimation"):
            yield group
        own = [group[name] for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
        unvisited += [item for item in own if isinstance(item, h5py.Group)]


def _container(group: h5py.Group, path: Path) -> Container:
    series = {name: group[name] for name in group if is_of_type(group.get(name), _SERIES)}
    skeleton = next((group[name] for name in group if is_of_type(group.get(name), "Skeleton")), group)
    nodes = names(skeleton, "nodes", path) if "nodes" in skeleton else []
    keypoints = _by_node(series, nodes)
    edges = array(skeleton, "edges", path).reshape(-1, 2) if "edges" in skeleton and nodes else np.empty((0, 2), int)
    known = [(int(a), int(b)) for a, b in edges if 0 <= int(a) < len(nodes) and 0 <= int(b) < len(nodes)]
    subject = skeleton.get("subject") if skeleton is not group else None
    return Container(
        group,
        group.name.rpartition("/")[2],
        group.parent.name,
        is_of_type(group, "MultiCameraPoseEstimation"),
        keypoints,
        tuple((nodes[a], nodes[b]) for a, b in known if nodes[a] in keypoints and nodes[b] in keypoints),
        _video(group, path),
        _text(group, "source_software"),
        _text(subject, "subject_id") or _text(group.file.get("general/subject"), "subject_id"),
    )


def _by_node(series: dict[str, h5py.Group], nodes: Sequence[str]) -> dict[str, h5py.Group]:
    """Return keypoint -> series, named and ordered as the nodes if each series is of one, else by the series' names."""
    by_plain = {_plain(name): group for name, group in series.items()}
    named = {node: by_plain[_plain(node)] for node in nodes if _plain(node) in by_plain}
    if len(named) == len(series):
        return named
    return {name.removeprefix(_SERIES) or name: group for name, group in series.items()}


def _plain(name: str) -> str:
    """Return a name as it can be compared: programs write "left ear" as "PoseEstimationSeriesLeftEar"."""
    return re.sub(r"[\W_]", "", name.removeprefix(_SERIES)).lower()


def _video(group: h5py.Group, path: Path) -> str:
    """Return the path of the video that a container states, or the name of the video in the file."""
    if "original_videos" in group and len(listed := names(group, "original_videos", path)) > 0:
        return listed[0]
    return _target(group, "source_video") if group.get("source_video") is not None else ""


def video_stem(video: str) -> str:
    """Return the name of a video without its folders, in whichever system they are, and its ending."""
    return PureWindowsPath(video).stem


def _cameras(group: h5py.Group) -> tuple[str, ...]:
    """Return the names in the file of the cameras that a container links to."""
    kinds = {name: group.get(name) for name in group}
    cameras = [n for n, one in kinds.items() if is_of_type(one, "Device") or is_of_type(one, "CalibratedCamera")]
    return tuple(_target(group, name) for name in cameras)


def _target(group: h5py.Group, name: str) -> str:
    """Return the name in the file of an item that a group links to; h5py names it as if the group held it."""
    link = group.get(name, getlink=True)
    return str(link.path) if isinstance(link, h5py.SoftLink) else f"{group.name}/{name}"


def _text(group: object, name: str) -> str:
    """Return a single text of a group; "" if there is none."""
    return single_text(group, name) if isinstance(group, h5py.Group) else ""


@dataclass(frozen=True)
class Series:
    """The positions of one keypoint.

    Attributes:
        positions: (row, space) float32 in ``unit``.
        confidence: (row,) float32; None if the file states none.
        times: (row,) s.
        rate: Hz, if the times come from it; else None.
        unit: "px", or that of the positions.
    """

    positions: np.ndarray
    confidence: np.ndarray | None
    times: np.ndarray
    rate: float | None
    unit: str


def read_series(group: h5py.Group, path: Path) -> Series:
    """Read the series of a keypoint.

    Raises:
        InputError: its arrays are no numbers or differ in length, or its rate is not positive.
    """
    name = group.name.rpartition("/")[2]
    values = array(group, "data", path)
    if values.ndim != 2 or values.shape[1] not in (2, 3):
        raise InputError(
            f"{path}: series {name!r}: expected positions (row, 2 or 3); found {values.shape}: export again"
        )
    conversion, offset = (attribute_number(group["data"], *one) for one in (("conversion", 1), ("offset", 0)))
    with np.errstate(over="ignore"):
        positions = (values * conversion + offset if (conversion, offset) != (1, 0) else values).astype(np.float32)
    confidence = array(group, "confidence", path) if "confidence" in group else None
    rate = None
    if "timestamps" in group:
        times = array(group, "timestamps", path).astype(float)
    else:
        start = group.get("starting_time")
        rate = attribute_number(start, "rate", 0.0) if start is not None else 0.0
        if not 0 < rate < np.inf:
            raise InputError(
                f"{path}: series {name!r}: expected times or a positive rate in Hz; found a rate of {rate:g}: write "
                "the NWB file with timestamps (video_timestamps in sleap-io)"
            )
        times = float(array(group, "starting_time", path)) + np.arange(len(values)) / rate
    if times.shape != (len(values),) or (confidence is not None and confidence.shape != (len(values),)):
        raise InputError(
            f"{path}: series {name!r}: expected a time and a confidence for each of {len(values):,} rows; found times "
            f"{times.shape}, confidence {None if confidence is None else confidence.shape}: export the file again"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise InputError(f"{path}: series {name!r}: expected times that rise from row to row: export the file again")
    unit = attribute_text(group["data"], "unit", "pixels")
    return Series(positions, confidence, times, rate, "px" if unit.lower() in _PIXELS else unit)
