"""What ``movement`` reads and no reader here does: NWB (ndx-pose), Anipose, and its own netCDF. The extra ``movement``.

DeepLabCut, LightningPose (the same table) and SLEAP have readers of their own and need no extra.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.unseen import bounded_confidence, zeros_as_unseen
from ssl_behavior.formats.untrusted.hdf5 import holds, opened
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE, MOST_COLUMNS
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording, Skeleton
from ssl_behavior.storage.paths import video_id

NAME = "movement"
_NETCDF = (".nc", ".nc4", ".netcdf")
_DIMENSIONS = (("time",), ("individuals", "individual"), ("keypoints", "keypoint"), ("space",))


def detect(path: Path) -> bool:
    """An NWB file, a netCDF file, or a CSV with Anipose's columns."""
    suffix = path.suffix.lower()
    if suffix == ".nwb":
        return holds(path, attribute="nwb_version")
    if suffix == ".csv":
        with open(path, encoding="utf-8", errors="replace") as text:
            columns = text.readline(LONGEST_LINE).strip().split(",")
        return "fnum" in columns and any(column.endswith("_error") for column in columns)
    return suffix in _NETCDF


def read(path: Path) -> list[Recording]:
    """The one recording of a file, as ``movement`` loads it, in px (Anipose: in the unit of its calibration).

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
    _require_plain(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            if path.suffix.lower() in _NETCDF:
                with xarray.open_dataset(path) as opened:
                    data = opened.load()
            else:
                software = "NWB" if path.suffix.lower() == ".nwb" else "Anipose"
                data = movement.io.load_dataset(str(path), source_software=software)
        return [_recording(data, path)]
    except InputError:
        raise
    except Exception as error:  # movement raises whatever its parts do
        raise InputError(f"{path}: movement cannot read it ({type(error).__name__}: {error})") from None


def _require_plain(path: Path) -> None:
    """Make sure, of what others open for us, that it is no more than it seems.

    Raises:
        InputError: an HDF5 file leads elsewhere or declares too much, or a table has too many columns.
    """
    if path.suffix.lower() == ".csv":
        with open(path, "rb") as file:
            head = file.readline(LONGEST_LINE)
        if len(head) == LONGEST_LINE or head.count(b",") > MOST_COLUMNS:
            raise InputError(f"{path}: expected at most {MOST_COLUMNS:,} columns and found more")
    elif h5py.is_hdf5(path):
        with opened(path, "movement"):
            pass


def _recording(data: Any, path: Path) -> Recording:
    if "position" not in data:
        raise InputError(f"{path}: expected a movement dataset of poses and found {list(data)}")
    dimensions = [next((name for name in names if name in data.position.dims), names[0]) for names in _DIMENSIONS]
    positions = zeros_as_unseen(np.asarray(data.position.transpose(*dimensions).values))
    confidence = None
    if "confidence" in data:
        confidence = bounded_confidence(np.asarray(data.confidence.transpose(*dimensions[:3]).values), positions)
    names = [tuple(str(name) for name in data.coords[dimension].values) for dimension in dimensions[1:3]]
    rate = data.attrs.get("fps")
    is_stated = rate is not None and np.isfinite(rate)
    software = str(data.attrs.get("source_software") or "movement")
    return Recording(
        video_id(path),
        positions,
        names[0],
        Skeleton(names[1]),
        float(rate) if is_stated else ASSUMED_FRAME_RATE,
        confidence,
        unit="px" if positions.shape[-1] == 2 else "calibrated",
        source=str(path),
        metadata={"source_software": software},
        needs_frame_rate=not is_stated,
    )
