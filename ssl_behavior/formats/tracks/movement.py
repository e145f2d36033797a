"""``movement``: its datasets, and the files that only it reads: Anipose and its own netCDF.

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
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.times import FrameTimes, at_frames, frames_of_times
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted import netcdf
from ssl_behavior.formats.untrusted.hdf5 import opened
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE, MOST_COLUMNS
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

if TYPE_CHECKING:
    import xarray

NAME = "movement"
_NETCDF = (".nc", ".nc4", ".netcdf")
_DIMENSIONS = (("time",), ("individuals", "individual"), ("keypoints", "keypoint"), ("space",))
"""Names of the dimensions in our order: those of movement before 0.16, then those since."""


def detect(path: Path) -> bool:
    """Return whether the file is netCDF, or a CSV with Anipose's columns."""
    suffix = path.suffix.lower()
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
                dataset = movement.io.load_dataset(str(path), source_software="Anipose")
                # movement counts the rows, but they may be those of a part of the video.
                dataset = dataset.assign_coords(time=_column(path, "fnum")).assign_attrs(time_unit="frames")
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
        frame_rate: Hz; overrules the attribute ``fps`` and the times of the dataset.

    Returns:
        A recording in which each row stands at the frame of its time: nothing is seen in frames that were left out.

    Raises:
        InputError: this is no dataset of poses, its times do not rise, or neither ``frame_rate`` nor ``fps`` nor times
            in seconds are given.

    Examples:
        >>> dataset = movement.io.load_poses.from_sleap_file("flies.h5", fps=30)  # doctest: +SKIP
        >>> from_dataset(dataset, "flies")  # doctest: +SKIP
        Recording 'flies': 9,000 frames at 30 Hz; individuals: female, male
          keypoints: head, thorax, abdomen; labels: none; source: flies.h5
    """
    recording = _recording(dataset, id, str(dataset.attrs.get("source_file") or ""))
    if frame_rate is not None:
        return replace(recording, frame_rate=frame_rate, frame_rate_is_assumed=False)
    if recording.frame_rate_is_assumed:
        raise InputError(
            f"dataset {id!r}: expected its frame rate in the attribute fps; found {dataset.attrs.get('fps')}: load it "
            'with fps=, set dataset.attrs["fps"], or call from_dataset with frame_rate='
        )
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


def _column(path: Path, name: str) -> np.ndarray:
    """Return a column of numbers of a CSV, (row,) float."""
    options = pa.csv.ConvertOptions(include_columns=[name], column_types={name: pa.float64()})
    return np.asarray(pa.csv.read_csv(path, convert_options=options)[name].fill_null(np.nan).to_numpy())


def _recording(dataset: xarray.Dataset, id: str, source: str) -> Recording:
    where = source or f"dataset {id!r}"
    _require_poses(dataset, where)
    dimensions = _dimensions(dataset, where)
    times = _times(dataset, where)
    position = dataset.position
    if set(map(str, np.asarray(dataset["space"].values))) >= {"x", "y"}:  # in whichever order they stand
        position = position.sel(space=[axis for axis in "xyz" if axis in dataset["space"].values])
    positions = mask_unseen(at_frames(_values(position, dimensions, where), times.frames, where))
    confidence = None
    notices: tuple[str, ...] = ()
    if "confidence" in dataset:
        values = _values(dataset.confidence, dimensions[:3], where)
        confidence, notices = bound_confidence(at_frames(values, times.frames, where), positions, where)
    individuals, keypoints = (tuple(map(str, dataset[name].values)) for name in dimensions[1:3])
    return Recording(
        id,
        positions,
        individuals,
        Skeleton(keypoints),
        times.frame_rate or ASSUMED_FRAME_RATE,
        confidence,
        unit="px" if positions.shape[-1] == 2 else "calibrated",
        source=source,
        metadata={"source_software": str(dataset.attrs.get("source_software") or "movement")},
        frame_rate_is_assumed=times.frame_rate is None,
        notices=(*times.notices, *notices),
    )


def _require_poses(dataset: xarray.Dataset, where: str) -> None:
    if dataset.attrs.get("ds_type") == "bboxes" or ("shape" in dataset and "position" in dataset):
        raise InputError(
            f"{where}: expected a movement dataset of poses; found bounding boxes, which have no keypoints: track the "
            "keypoints of the animals (with DeepLabCut or SLEAP, for example), and give those tracks"
        )
    if "position" not in dataset:
        raise InputError(
            f"{where}: expected a movement dataset of poses, which has a variable 'position'; found {list(dataset)}: "
            "save the whole dataset that movement loads"
        )


def _dimensions(dataset: xarray.Dataset, where: str) -> list[str]:
    """Return the dataset's names of time, individual, keypoint and space."""
    dimensions = [name for names in _DIMENSIONS for name in names if name in dataset.position.dims]
    if len(dimensions) != len(_DIMENSIONS) or len(dataset.position.dims) != len(_DIMENSIONS):
        raise InputError(
            f"{where}: expected a movement dataset of poses with the dimensions time, space, keypoints and "
            f"individuals; found {', '.join(map(str, dataset.position.dims))}: keep dimensions of length 1 "
            "(dataset.expand_dims adds one)"
        )
    return dimensions


def _values(variable: xarray.DataArray, dimensions: list[str], where: str) -> np.ndarray:
    """Return a variable as an array of these dimensions.

    Raises:
        InputError: it has others, or holds no numbers.
    """
    if set(variable.dims) != set(dimensions) or variable.dtype.kind not in "fiu":
        raise InputError(
            f"{where}: expected {variable.name} as numbers over {', '.join(dimensions)}; found {variable.dtype} over "
            f"{', '.join(map(str, variable.dims))}: save it as movement loads it"
        )
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and so unseen
        return np.asarray(variable.transpose(*dimensions).values).astype(np.float32)


def _times(dataset: xarray.Dataset, where: str) -> FrameTimes:
    """Return the frame of each row and the frame rate, from the coordinate ``time`` and the attribute ``fps``."""
    fps = dataset.attrs.get("fps")
    stated = float(fps) if isinstance(fps, int | float | np.number) and 0 < fps < np.inf else None
    rows = dataset.sizes["time"]
    if "time" not in dataset.coords or not rows:
        return FrameTimes(np.arange(rows), stated)
    times = np.asarray(dataset["time"].values)
    if times.dtype.kind in "Mm":
        is_clock = times.dtype.kind == "M"
        seconds = ((times - times[0]) if is_clock else times) / np.timedelta64(1, "s")
        return frames_of_times(seconds.astype(float), stated, where)
    if times.dtype.kind not in "fiu":
        raise InputError(f"{where}: expected times in seconds or frames; found {times.dtype}: give them as numbers")
    times = times.astype(float)
    unit = dataset.attrs.get("time_unit")
    # Without a unit, times 0, 1, 2 ... are frames.
    is_count = unit is None and bool((np.diff(times) == 1).all()) and (stated is None or stated > 1)
    return frames_of_times(times, stated, where, in_frames=unit == "frames" or is_count)
