"""Annotations of any format, and the joining of annotations with the recordings they are of."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from ssl_behavior.errors import InputError, named
from ssl_behavior.formats.annotations import bento, boris, caltech, frame_csv
from ssl_behavior.formats.annotations.values import first_line
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.annotations import Annotations, FrameRate
from ssl_behavior.recordings.matching import from_recordings, one_per_video, shown_paths
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.storage.paths import expand, skippable

__all__ = [
    "FORMATS",
    "Annotations",
    "read_annotations",
    "read_labels",
]


FORMATS: Mapping[str, ModuleType] = {module.NAME: module for module in (caltech, bento, boris, frame_csv)}


ANNOTATION_SUFFIXES = (".txt", ".annot", ".csv", ".tsv", ".boris")


_LARGEST = 256 << 20
"""Bytes: a hundred hours at 30 Hz, with a number for each of three behaviours, and text a few times that in memory."""


_TRACKS = (".npy", ".json", ".json.gz")


LABEL_SUFFIXES = _TRACKS + ANNOTATION_SUFFIXES
"""Of files that may hold labels: annotations, and tracks with labels of their own."""


def read_annotations(
    paths: str | Path | Sequence[str | Path],
    format: str | None = None,
    frame_rate: FrameRate = ASSUMED_FRAME_RATE,
    skip_bad_files: bool = False,
    notify: Callable[[str], None] = print,
) -> list[Annotations]:
    """Annotations from files, folders and globs, the format of each found from its content.

    Args:
        paths: what to read; in folders the ``.txt``, ``.annot``, ``.csv``, ``.tsv`` and ``.boris`` files, without
            DeepLabCut's tables and our own tables of bouts.
        format: a name of ``FORMATS`` that overrules detection.
        frame_rate: Hz, for files that count in seconds and do not state their own; of all videos, or by video id.
        skip_bad_files: report a bad file and go on, as long as one is good.
        notify: told of skipped files.

    Raises:
        InputError: no such file, a file of no known format, a bad file, or two annotations of one video.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"annotation format {format!r} is not known; there are {', '.join(FORMATS)}")
    files = [path for path in expand(paths, ANNOTATION_SUFFIXES) if not _is_beside_the_point(path)]
    if not files:
        raise InputError(f"{shown_paths(paths)}: expected annotation files ({', '.join(FORMATS)}); found none")
    found: list[Annotations] = []
    errors: list[InputError] = []
    for path in files:
        try:
            found.extend(_read_file(path, format, frame_rate))
        except InputError as error:
            if not skip_bad_files:
                raise skippable(error, len(files)) from None
            errors.append(error)
            notify(f"skipped: {error}")
    if not found:
        raise errors[0]
    return one_per_video(found)


def read_labels(
    paths: str | Path | Sequence[str | Path],
    frame_rate: FrameRate = ASSUMED_FRAME_RATE,
    skip_bad_files: bool = False,
    notify: Callable[[str], None] = print,
) -> tuple[list[Annotations], list[Recording]]:
    """Annotations from files of annotations and from tracks that carry labels (CalMS21 ``.npy`` or ``.json``).

    Args:
        paths: files, folders and globs of either.
        frame_rate: as for ``read_annotations``.
        skip_bad_files: report a bad file and go on, as long as one is good.
        notify: told of skipped files.

    Returns:
        The annotations, at most one per video, and the recordings among them that carry their labels themselves.

    Raises:
        InputError: as ``read_annotations``, or tracks without labels and nothing else.
    """
    files = expand(paths, LABEL_SUFFIXES)
    tracks = [file for file in files if file.name.lower().endswith(_TRACKS)]
    others = [file for file in files if file not in set(tracks)]
    recordings: list[Recording] = []
    if tracks:
        recordings = read_recordings(tracks, None, skip_bad_files, None, None, notify, mixed_skeletons=True)
    annotations = from_recordings(recordings)
    if tracks and not annotations and not others:
        raise InputError(
            f"{shown_paths(tracks)}: expected tracks with labels, or annotations; found tracks without labels"
        )
    if others:
        annotations += read_annotations(others, None, frame_rate, skip_bad_files, notify)
    return one_per_video(annotations), recordings


def _read_file(path: Path, format: str | None, frame_rate: FrameRate) -> list[Annotations]:
    try:
        _require_readable(path)
        module = FORMATS[format] if format else _detect(path)
        found: list[Annotations] = module.read(path, frame_rate)
    except InputError as error:
        raise named(error, path) from None
    except (OSError, UnicodeError, MemoryError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    return found


def _require_readable(path: Path) -> None:
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: expected a file of at most {_LARGEST >> 20} MB; found a larger one")


def _detect(path: Path) -> ModuleType:
    for module in FORMATS.values():
        if module.detect(path):
            return module
    raise InputError(
        f"{path}: expected annotations ({', '.join(FORMATS)}); found a file of none of these formats; "
        "leave it out, or use --skip-bad-files"
    )


def _is_beside_the_point(path: Path) -> bool:
    """Files that lie beside annotations by rights: DeepLabCut's tracks, and bouts that repeat a table of labels."""
    if path.name.endswith(".bouts.csv"):
        return path.with_name(path.name.removesuffix(".bouts.csv") + ".csv").exists()
    return path.suffix.lower() == ".csv" and first_line(path).lower().startswith("scorer,")
