"""Read tracks of any format into one consistent list of recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, with_path
from ssl_behavior.formats.annotations.values import first_line
from ssl_behavior.formats.tracks import calms21, deeplabcut, mabe22, movement, native, nwb, sleap
from ssl_behavior.formats.tracks.calms21 import submissions
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.recordings.notices import notices_of
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.storage import cache, yaml_files
from ssl_behavior.storage.array_files import SUFFIX
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.paths import expand, with_skip_hint
from ssl_behavior.storage.run_folder import unfinished_notices

FORMATS: Mapping[str, ModuleType] = {
    module.NAME: module for module in (native, calms21, mabe22, sleap, nwb, deeplabcut, movement)
}
"""Name -> module with ``detect`` and ``read``. The first module that detects a file reads it."""

_EXPECTED = "tracks from DeepLabCut, SLEAP, NWB, CalMS21, MABe22, ssl-behavior convert or a file that movement reads"

TRACK_SUFFIXES = (
    ".safetensors",
    ".npy",
    ".json",
    ".json.gz",
    ".csv",
    ".csv.gz",
    ".h5",
    ".hdf5",
    ".slp",
    ".nwb",
    ".nc",
    ".nc4",
)


def read_recordings(
    paths: str | Path | Sequence[str | Path],
    format: str | None = None,
    skip_bad_files: bool = False,
    frame_rate: float | None = None,
    skeleton: str | Path | None = None,
    notify: Callable[[str], None] = print,
    mixed_skeletons: bool = False,
) -> list[Recording]:
    """Read all recordings of files, folders and globs, in an order that depends on the names of the files only.

    Args:
        paths: files, folders and globs (see ``expand``). In a folder, only files with one of ``TRACK_SUFFIXES`` are
            read.
        format: a key of ``FORMATS`` that overrules detection from the content.
        skip_bad_files: report a file that cannot be read and go on; by default it is an error.
        frame_rate: Hz; overrules the rate in the files. Without either, 30 Hz is assumed, with a notice.
        skeleton: a YAML or JSON file that maps keypoints to landmarks.
        notify: called with each notice.
        mixed_skeletons: let recordings differ in their keypoints and in the dimension of space.

    Returns:
        Recordings with different ids and (without ``mixed_skeletons``) the same keypoints in the same order.

    Raises:
        InputError: a path does not exist, a file cannot be read, two recordings share an id, or keypoints differ.

    Examples:
        >>> read_recordings("tracks/*.csv", frame_rate=25)[0]  # doctest: +SKIP
        Recording 'day1': 45,000 frames at 25 Hz; individuals: resident, intruder
          keypoints: nose, neck, tail; labels: none; source: tracks/day1.csv
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"format {format!r} is not known; choose one of {', '.join(FORMATS)}")
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise InputError(f"frame rate must be a positive number of Hz; got {frame_rate}")
    for notice in unfinished_notices([paths] if isinstance(paths, str | Path) else paths):
        notify(notice)
    files = expand(paths, TRACK_SUFFIXES if format is None else None)
    recordings: list[Recording] = []
    for file in progress(files, "reading", unit="file", shown=len(files) > 1, leave=False):
        try:
            recordings += _read_file(file, format)
        except InputError as error:
            if not skip_bad_files:
                raise with_skip_hint(error, len(files)) from None
            notify(f"skipped: {error}")
    if not recordings:
        raise InputError(f"none of {len(files)} files could be read as recordings (the first is {files[0]})")
    for notice in notices_of(recordings):
        notify(notice)
    recordings = [replace(recording, notices=()) for recording in recordings]
    _require_distinct_ids(recordings)
    if not mixed_skeletons:
        recordings = _with_same_keypoints(recordings)
    if skeleton is not None:
        recordings = _with_landmarks(recordings, Path(skeleton))
    return _with_frame_rate(recordings, frame_rate, notify)


def _read_file(path: Path, format: str | None) -> list[Recording]:
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        # Native files are mapped, not parsed, so a cached copy would save nothing.
        recordings = _parse(path, format) if path.suffix == SUFFIX else _read_cached(path, format)
    except InputError as error:
        if submissions.detect(path):
            raise InputError(
                f"{path}: expected tracks; found a submission, which has labels only: "
                "give it to evaluate as --predictions"
            ) from None
        raise with_path(error, path) from None
    except (OSError, EOFError, UnicodeError, MemoryError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    if empty := next((recording.id for recording in recordings if not recording.frames), None):
        raise InputError(f"{path}: expected frames; found none in {empty!r}")
    return recordings


def _read_cached(path: Path, format: str | None) -> list[Recording]:
    """Return the recordings of a file, from the cache if the same content was parsed before under the same name."""
    before = path.stat()

    def pack(recordings: list[Recording]) -> Any:
        if (path.stat().st_size, path.stat().st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ValueError(f"{path} changed while it was read")
        return native.pack_all(recordings)

    recordings = cache.cached(
        "recordings",
        lambda: (path.name, format, file_digest(path)),
        lambda: _parse(path, format),
        pack,
        native.unpack_all,
    )
    # The cache may hold the path of an identical file elsewhere.
    return [replace(recording, source=str(path)) for recording in recordings]


def _parse(path: Path, format: str | None) -> list[Recording]:
    module = FORMATS[format] if format else next((item for item in FORMATS.values() if item.detect(path)), None)
    if module is None:
        raise InputError(f"{path}: expected {_EXPECTED}; found {_describe_content(path)}")
    recordings: list[Recording] = module.read(path)
    return recordings


def _describe_content(path: Path) -> str:
    """Say what a file that no reader takes seems to hold, for the error."""
    if (bare := pickles.bare_array(path)) is not None:
        return (
            f"a bare {bare[0]} array of shape {bare[1]}, which does not say what its axes are; the .npy files of "
            "CalMS21 and MABe22 hold named sequences, each with its 'keypoints'"
        )
    if line := first_line(path):
        return f"text that is none of these and begins {line[:60]!r}"
    return "bytes that are none of these"


def _require_distinct_ids(recordings: Sequence[Recording]) -> None:
    sources: dict[str, str] = {}
    for recording in recordings:
        if (earlier := sources.get(recording.id)) is not None:
            raise InputError(
                f"{recording.source}: the video id {recording.id!r} is that of {earlier} too; "
                "give one file per video (a glob like folder/*.csv picks one kind of file)"
            )
        sources[recording.id] = recording.source


def _with_same_keypoints(recordings: Sequence[Recording]) -> list[Recording]:
    """Return the recordings with their keypoints in the order of the first recording."""
    reference = recordings[0]
    expected, dimensions = reference.skeleton.keypoints, reference.positions.shape[3]
    ordered = []
    for recording in recordings:
        keypoints = recording.skeleton.keypoints
        if set(keypoints) != set(expected) or recording.positions.shape[3] != dimensions:
            raise InputError(
                f"{recording.source} ({recording.id}): expected the keypoints of {reference.source} ({reference.id}), "
                f"{list(expected)} in {dimensions} dimensions; found {list(keypoints)} in "
                f"{recording.positions.shape[3]}: read recordings of different skeletons separately, or give "
                "--mixed-skeletons"
            )
        ordered.append(recording if keypoints == expected else _reorder(recording, expected))
    return ordered


def _reorder(recording: Recording, keypoints: tuple[str, ...]) -> Recording:
    order = [recording.skeleton.keypoints.index(name) for name in keypoints]
    confidence = None if recording.confidence is None else recording.confidence[:, :, order]
    skeleton = replace(recording.skeleton, keypoints=keypoints)
    return replace(recording, positions=recording.positions[:, :, order], confidence=confidence, skeleton=skeleton)


def _with_landmarks(recordings: Sequence[Recording], path: Path) -> list[Recording]:
    try:
        landmarks = yaml_files.read(path)  # JSON is YAML as well
    except InputError as error:
        raise InputError(f"{error}: cannot be read as a skeleton file") from None
    if not isinstance(landmarks, dict) or not all(isinstance(name, str) for pair in landmarks.items() for name in pair):
        raise InputError(f"{path}: expected lines like 'keypoint: landmark'; found something else")
    keypoints = {name for recording in recordings for name in recording.skeleton.keypoints}
    if unknown := sorted(set(landmarks) - keypoints):
        raise InputError(
            f"{path}: names {unknown}, which are no keypoints of the recordings; those are {sorted(keypoints)}"
        )
    with_landmarks = []
    for recording in recordings:
        skeleton = recording.skeleton
        added = {name: landmarks[name] for name in skeleton.keypoints if name in landmarks}
        skeleton = replace(skeleton, landmarks={**skeleton.landmarks, **added})
        with_landmarks.append(replace(recording, skeleton=skeleton))
    return with_landmarks


def _with_frame_rate(
    recordings: Sequence[Recording], frame_rate: float | None, notify: Callable[[str], None]
) -> list[Recording]:
    if frame_rate is not None:
        return [replace(recording, frame_rate=frame_rate, frame_rate_is_assumed=False) for recording in recordings]
    if without_rate := sum(recording.frame_rate_is_assumed for recording in recordings):
        notify(
            f"no frame rate in the files of {without_rate} of {len(recordings)} recordings: assuming "
            f"{ASSUMED_FRAME_RATE:g} Hz (--frame-rate sets another)"
        )
    return list(recordings)
