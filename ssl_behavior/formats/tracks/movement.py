"""``movement``: its datasets, and the files that only it reads: NWB (ndx-pose), Anipose, and its own netCDF.

Files need the extra ``movement``. DeepLabCut, LightningPose (whose tables are DeepLabCut's) and SLEAP have readers of
their own here.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted import netcdf
from ssl_behavior.formats.untrusted.hdf5 import holds, opened
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE, MOST_COLUMNS
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.paths import video_id

if TYPE_CHECKING:
    import xarray

NAME = "movement"
_NETCDF = (".nc", ".nc4", ".netcdf")
_DIMENSIONS = (("time",), ("individuals", "individual"), ("keypoints", "keypoint"), ("space",))
"""Names of the dimensions in our order: those of movement before 0.16, then those since."""


def detect(path: Path) -> bool:
    """Return whether the file is NWB, netCDF, or a CSV with Anipose's columns."""
    suffix = path.suffix.lower()
    if suffix == ".nwb":
        return holds(path, attribute="nwb_version")
    if suffix == ".csv":
        with open(path, encoding="utf-8", errors="replace") as text:
            columns = text.readline(LONGEST_LINE).strip().split(",")
        return "fnum" in columns and any(column.endswith("_error") for column in columns)
    return suffix in _NETCDF


def read(path: Path) -> list[Recording]:
    """Read the one recording of a file through ``movement``, in px (Anipose: in the unit of its calibration).

    Raises:
        InputError: ``movement`` is not installed or cannot read the file.
    """
    try:
        import movement.io
        import xarray
    except ImportError:
        raise InputError(
            f"{path}: reading this file needs movement; install it with pip install 'ssl_behavior[movement]'"
        ) from None
    _require_safe(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            if path.suffix.lower() in _NETCDF:
                with xarray.open_dataset(path) as lazy_dataset:
                    dataset = lazy_dataset.load()
            else:
                software = "NWB" if path.suffix.lower() == ".nwb" else "Anipose"
                dataset = movement.io.load_dataset(str(path), source_software=software)
        return [_recording(dataset, video_id(path), str(path))]
    except InputError:
        raise
    except Exception as error:  # movement lets every kind of error out
        raise InputError(f"{path}: movement cannot read it ({type(error).__name__}: {error})") from None


def from_dataset(dataset: xarray.Dataset, id: str, frame_rate: float | None = None) -> Recording:
    """Return a ``movement`` dataset of poses as a recording.

    Args:
        dataset: has ``position`` over time, space, keypoints and individuals, in any order and under the names of any
            version of movement; ``confidence`` is optional.
        id: the video id that matches the recording with annotations and predictions.
        frame_rate: Hz; overrules the attribute ``fps`` of the dataset.

    Raises:
        InputError: this is no dataset of poses, or neither ``frame_rate`` nor ``fps`` is given.

    Examples:
        >>> dataset = movement.io.load_poses.from_sleap_file("flies.h5", fps=30)  # doctest: +SKIP
        >>> from_dataset(dataset, "flies")  # doctest: +SKIP
        Recording 'flies': 9,000 frames at 30 Hz; individuals: female, male
          keypoints: head, thorax, abdomen; labels: none; source: flies.h5
    """
    recording = _recording(dataset, id, str(dataset.attrs.get("source_file") or ""))
    if frame_rate is not None:
        return replace(recording, frame_rate=frame_rate, needs_frame_rate=False)
    if recording.needs_frame_rate:
        raise InputError(f"dataset {id!r}: expected its frame rate in the attribute fps; found none: give frame_rate=")
    return recording


def _require_safe(path: Path) -> None:
    """Check a file before movement opens it, because movement limits nothing.

    Raises:
        InputError: a file links to others or declares too much, or a table has too many columns.
    """
    if path.suffix.lower() == ".csv":
        with open(path, "rb") as file:
            head = file.readline(LONGEST_LINE)
        if len(head) == LONGEST_LINE or head.count(b",") > MOST_COLUMNS:
            raise InputError(f"{path}: expected at most {MOST_COLUMNS:,} columns; found more")
    elif h5py.is_hdf5(path):
        with opened(path, "movement"):
            pass
    else:
        netcdf.require_whole(path)


def _recording(dataset: xarray.Dataset, id: str, source: str) -> Recording:
    where = source or f"dataset {id!r}"
    dimensions = _dimensions(dataset, where)
    positions = mask_unseen(np.asarray(dataset.position.transpose(*dimensions).values))
    confidence = None
    if "confidence" in dataset:
        confidence = bound_confidence(np.asarray(dataset.confidence.transpose(*dimensions[:3]).values), positions)
    individuals, keypoints = (tuple(map(str, dataset[name].values)) for name in dimensions[1:3])
    fps = dataset.attrs.get("fps")
    frame_rate = float(fps) if fps is not None and np.isfinite(fps) else None
    return Recording(
        id,
        positions,
        individuals,
        Skeleton(keypoints),
        ASSUMED_FRAME_RATE if frame_rate is None else frame_rate,
        confidence,
        unit="px" if positions.shape[-1] == 2 else "calibrated",
        source=source,
        metadata={"source_software": str(dataset.attrs.get("source_software") or "movement")},
        needs_frame_rate=frame_rate is None,
    )


def _dimensions(dataset: xarray.Dataset, where: str) -> list[str]:
    """Return the dataset's names of time, individual, keypoint and space."""
    if "position" not in dataset:
        raise InputError(f"{where}: expected a movement dataset of poses; found {list(dataset)}")
    dimensions = [name for names in _DIMENSIONS for name in names if name in dataset.position.dims]
    if len(dimensions) != len(_DIMENSIONS) or len(dataset.position.dims) != len(_DIMENSIONS):
        raise InputError(
            f"{where}: expected a movement dataset of poses with the dimensions time, space, keypoints and "
            f"individuals; found {', '.join(map(str, dataset.position.dims))}"
        )
    return dimensions
