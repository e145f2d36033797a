"""Read tracks of any format into one consistent list of recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, with_path
from ssl_behavior.formats.annotations.label_columns import is_table_of_labels
from ssl_behavior.formats.text_files import first_line
from ssl_behavior.formats.tracks import calms21, deeplabcut, jabs, mabe22, movement, native, nwb, simba, sleap
from ssl_behavior.formats.tracks.animals import IndividualsFrom, usable, with_animals
from ssl_behavior.formats.tracks.calms21 import submissions
from ssl_behavior.formats.tracks.keypoints import with_landmarks, with_same_keypoints
from ssl_behavior.formats.tracks.mabe25 import read as mabe25
from ssl_behavior.formats.tracks.other_files import AS_TABLE, OtherFile, OtherFiles, describe_other
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.recordings.ids import with_distinct_ids
from ssl_behavior.recordings.individuals import require_individuals, with_unseen_noticed
from ssl_behavior.recordings.notices import notices_of, subfolder_notices
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording, lab_of
from ssl_behavior.storage import cache
from ssl_behavior.storage.array_files import SUFFIX
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.names import require_usable_ids
from ssl_behavior.storage.paths import expand, with_skip_hint
from ssl_behavior.storage.run_folder import unfinished_notices

FORMATS: Mapping[str, ModuleType] = {
    module.NAME: module for module in (native, calms21, mabe22, mabe25, sleap, nwb, jabs, simba, deeplabcut, movement)
}
"""Name -> module with ``detect`` and ``read``. The first module that detects a file reads it."""

_EXPECTED = (
    "tracks from DeepLabCut, SLEAP, NWB, JABS, SimBA, CalMS21, MABe22, MABe-2025, ssl-behavior convert or a file that "
    "movement reads"
)

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
    ".parquet",
)


@check_arguments
def read_recordings(
    paths: str | Path | Sequence[str | Path],
    format: str | None = None,
    skip_bad_files: bool = False,
    frame_rate: float | None = None,
    skeleton: str | Path | None = None,
    notify: Callable[[str], None] = print,
    mixed_skeletons: bool = False,
    individuals: str | Sequence[str] = (),
    individuals_from: IndividualsFrom = "auto",
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
        mixed_skeletons: let recordings differ in their keypoints and in the dimension of space. Recordings that name
            their laboratory may.
        individuals: names of the individuals to read, in this order; all that are ever seen if there are none.
        individuals_from: where the names of the individuals stand: "header" (the file's own list), "prefix" (B_nose) or
            "suffix" (nose_1) of the keypoints, "none" (all keypoints are of one animal). "auto" takes the list, and
            prefixes or suffixes where the file lists one animal and these repeat a whole body.

    Returns:
        Recordings with different ids and (without ``mixed_skeletons``) the same keypoints in the same order. An
        individual that is never seen is left out, with a notice, and so are files of a folder that are known to hold
        something else.

    Raises:
        InputError: a path does not exist, a file cannot be read, no individual of a file is ever seen, an individual
            does not exist, two recordings share an id, or keypoints differ.

    Examples:
        >>> read_recordings("tracks/*.csv", frame_rate=25)[0]  # doctest: +SKIP
        Recording 'day1': 45,000 frames at 25 Hz; individuals: resident, intruder
          keypoints: nose, neck, tail; labels: none; source: tracks/day1.csv
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"format {format!r} is not known; choose one of {', '.join(FORMATS)}")
    if frame_rate is not None:
        require_frame_rate(frame_rate, "--frame-rate")
    names = [individuals] if isinstance(individuals, str) else list(individuals)
    for notice in unfinished_notices([paths] if isinstance(paths, str | Path) else paths):
        notify(notice)
    files = expand(paths, TRACK_SUFFIXES if format is None else None)
    for notice in subfolder_notices(paths, files):
        notify(notice)
    others = OtherFiles(paths)
    read, sources = _read_files(files, format, skip_bad_files, notify, names, individuals_from, others)
    for notice in others.notices():
        notify(notice)
    recordings = with_unseen_noticed(read)
    for notice in notices_of(recordings):
        notify(notice)
    recordings = [replace(recording, notices=()) for recording in recordings]
    recordings = with_distinct_ids(recordings, sources, notify)
    # Laboratories that say who they are have skeletons of their own; elsewhere a difference is a mistake more often.
    if not mixed_skeletons and not all(lab_of(recording) for recording in recordings):
        recordings = with_same_keypoints(recordings)
    if skeleton is not None:
        recordings = with_landmarks(recordings, Path(skeleton))
    return _with_frame_rate(recordings, frame_rate, notify)


def _read_files(
    files: Sequence[Path],
    format: str | None,
    skip_bad_files: bool,
    notify: Callable[[str], None],
    names: Sequence[str],
    individuals_from: IndividualsFrom,
    others: OtherFiles,
) -> tuple[list[tuple[Recording, tuple[str, ...]]], list[Path]]:
    """Return the recordings, each with the names of individuals left out as never seen, and the file of each."""
    sources: list[Path] = []
    read: list[tuple[Recording, tuple[str, ...]]] = []
    existing: set[str] = set()
    for file in progress(files, "reading", unit="file", shown=len(files) > 1, leave=False):
        try:
            of_file = _read_file(file, format, individuals_from)
            existing.update(name for recording in of_file for name in recording.individuals)
            chosen = usable(of_file, names)
            read += chosen
            sources += [file] * len(chosen)
        except InputError as error:
            if others.passes_over(file, error):
                continue
            if not skip_bad_files:
                raise with_skip_hint(error, len(files)) from None
            notify(f"skipped: {error}")
    if not read:
        raise others.error() or InputError(
            f"none of {len(files)} files could be read as recordings (the first is {files[0]}): see the reasons above"
        )
    require_individuals(names, existing)
    return read, sources


def _read_file(path: Path, format: str | None, individuals_from: IndividualsFrom) -> list[Recording]:
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty: export it again")
        # Native files are mapped, not parsed, so a cached copy would save nothing.
        read = _parse if path.suffix == SUFFIX else _read_cached
        recordings: list[Recording] = read(path, format, individuals_from)
        require_usable_ids((recording.id for recording in recordings), path)
    except InputError as error:
        if submissions.detect(path):
            raise InputError(
                f"{path}: expected tracks; found a submission, which has labels only: "
                "give it to evaluate as --predictions"
            ) from None
        # Other tables in Parquet are passed over in a folder; a fault of these tracks must not be.
        if not mabe25.detect(path) and (other := describe_other(path) or _describe_labels(path)) is not None:
            raise OtherFile(path, *other) from None
        raise with_path(error, path) from None
    except (OSError, EOFError, UnicodeError, MemoryError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    return recordings


def _read_cached(path: Path, format: str | None, individuals_from: IndividualsFrom) -> list[Recording]:
    """Return the recordings of a file, from the cache if the same content was parsed before under the same name."""
    before = path.stat()

    def pack(recordings: list[Recording]) -> Any:
        if (path.stat().st_size, path.stat().st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ValueError(f"{path} changed while it was read")
        return native.pack_all(recordings)

    recordings = cache.cached(
        "recordings",
        lambda: (path.name, format, individuals_from, file_digest(path), *mabe25.companions(path)),
        lambda: _parse(path, format, individuals_from),
        pack,
        native.unpack_all,
    )
    # The cache may hold the path of an identical file elsewhere.
    return [replace(recording, source=str(path)) for recording in recordings]


def _parse(path: Path, format: str | None, individuals_from: IndividualsFrom) -> list[Recording]:
    module = FORMATS[format] if format else next((item for item in FORMATS.values() if item.detect(path)), None)
    if module is None:
        raise InputError(f"{path}: expected {_EXPECTED}; found {_describe_content(path)}: {AS_TABLE}")
    recordings: list[Recording] = module.read(path)
    # These files number their mice, and those of a native file were told apart when it was converted.
    has_animals = module in (native, mabe25) and individuals_from == "auto"
    source: IndividualsFrom = "header" if has_animals else individuals_from
    return [with_animals(recording, source) for recording in recordings]


def is_tracks(path: Path) -> bool:
    """Return whether a reader of tracks takes a file, going by its first part."""
    return any(module.detect(path) for module in FORMATS.values())


def _describe_labels(path: Path) -> tuple[str, str] | None:
    """Return what a table of labels is, and what to do with it; None for any other file."""
    if not path.name.lower().endswith((".csv", ".tsv", ".txt")) or not is_table_of_labels(path):
        return None
    return "annotations", "give it as --annotations, and the tracks as --recordings"


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
