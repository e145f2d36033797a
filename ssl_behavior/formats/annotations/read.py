"""Read annotations of any format, and labels that tracks carry."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from ssl_behavior.errors import InputError, with_path
from ssl_behavior.formats.annotations import bento, boris, bout_csv, caltech, frame_csv, one_hot
from ssl_behavior.formats.annotations.other_files import PassedOver, holds_tracks, notes_among, without_repeated_bouts
from ssl_behavior.formats.annotations.table import split_header
from ssl_behavior.formats.text_files import first_line, is_unicode
from ssl_behavior.formats.tracks.read import is_tracks, read_recordings
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.coverage import compare_with_tracks
from ssl_behavior.recordings.labels import DOUBTFUL_WORDS
from ssl_behavior.recordings.matching import annotations_from_recordings, require_one_per_video, shorten_paths
from ssl_behavior.recordings.notices import notices_of
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Video, Videos
from ssl_behavior.storage.names import require_usable_ids
from ssl_behavior.storage.paths import expand, with_skip_hint

__all__ = ["FORMATS", "read_annotations", "read_labels"]

FORMATS: Mapping[str, ModuleType] = {
    module.NAME: module for module in (caltech, bento, boris, bout_csv, frame_csv, one_hot)
}
"""Name -> module with ``detect``, ``read`` and ``write``. The first module that detects a file reads it."""

ANNOTATION_SUFFIXES = (".txt", ".annot", ".csv", ".tsv", ".boris")

_MAX_BYTES = 256 << 20
"""Size of 100 h at 30 Hz as a table with a number for each of three behaviours; parsed, it takes several times that."""

_TRACKS_WITH_LABELS = (".npy", ".json", ".json.gz")

LABEL_SUFFIXES = _TRACKS_WITH_LABELS + ANNOTATION_SUFFIXES
"""Suffixes of files that may hold labels: annotations, and tracks that carry labels."""


def read_annotations(
    paths: str | Path | Sequence[str | Path],
    format: str | None = None,
    videos: Videos = UNKNOWN_VIDEOS,
    skip_bad_files: bool = False,
    notify: Callable[[str], None] = print,
) -> list[Annotations]:
    """Read annotations from files, folders and globs. The content of a file decides which reader takes it.

    Args:
        paths: files, folders and globs. In a folder, files with one of ``ANNOTATION_SUFFIXES`` are read. Tracks
            among them are passed over, with a notice, and so are this program's tables of bouts beside their labels.
        format: a key of ``FORMATS`` that overrules detection.
        videos: the videos that the annotations may belong to, which give their ids and frame rates.
        skip_bad_files: report a bad file and go on, as long as one file is good.
        notify: called with each notice.

    Returns:
        At most one Annotations per video.

    Raises:
        InputError: a file does not exist, has no known format or is bad, or a video is annotated twice.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"annotation format {format!r} is not known; choose one of {', '.join(FORMATS)}")
    files = without_repeated_bouts(expand(paths, ANNOTATION_SUFFIXES))
    videos = videos.beside(files)
    annotations: list[Annotations] = []
    errors: list[InputError] = []
    tracks = PassedOver("as these are tracks, and no annotations")
    for path in files:
        try:
            annotations += _read_file(path, format, videos)
        except InputError as error:
            if holds_tracks(path, is_tracks):
                tracks.add(path)
                continue
            if not skip_bad_files:
                raise with_skip_hint(error, len(files)) from None
            errors.append(error)
            notify(f"skipped: {error}")
    if not annotations:
        raise (
            errors[0]
            if errors
            else InputError(
                f"{shorten_paths(tracks.files)}: expected annotations ({', '.join(FORMATS)}); found tracks: give them "
                "as --recordings, and annotations as --annotations"
            )
        )
    for notice in tracks.notices():
        notify(notice)
    for notice in notices_of(annotations):
        notify(notice)
    return require_one_per_video([replace(item, notices=()) for item in annotations])


def read_labels(
    paths: str | Path | Sequence[str | Path],
    videos: Videos = UNKNOWN_VIDEOS,
    skip_bad_files: bool = False,
    notify: Callable[[str], None] = print,
) -> tuple[list[Annotations], list[Recording]]:
    """Read annotations from annotation files and from tracks that carry labels (CalMS21 ``.npy`` or ``.json``).

    Args:
        paths: files, folders and globs of either kind.
        videos: as for ``read_annotations``.
        skip_bad_files: report a bad file and go on, as long as one file is good.
        notify: called with each notice.

    Returns:
        The annotations, at most one per video, and the recordings read from tracks.

    Raises:
        InputError: as for ``read_annotations``, or there are only tracks and none has labels.
    """
    files = expand(paths, LABEL_SUFFIXES)
    tracks = [file for file in files if file.name.lower().endswith(_TRACKS_WITH_LABELS)]
    annotation_files = [file for file in files if file not in set(tracks)]
    notes = notes_among(paths, tracks, is_tracks)
    tracks = [file for file in tracks if file not in set(notes.files)]
    for notice in notes.notices():
        notify(notice)
    recordings: list[Recording] = []
    if tracks:
        recordings = read_recordings(tracks, None, skip_bad_files, None, None, notify, mixed_skeletons=True)
    # Predictions are known by the stems of their files, in which an id's "/" is a "_".
    carried = annotations_from_recordings(recordings)
    annotations = [replace(item, id=videos.find(item.id).id) for item in carried]
    if tracks and not annotations and not annotation_files:
        raise InputError(
            f"{shorten_paths(tracks)}: expected tracks with labels, or annotations; found tracks without labels"
        )
    if annotation_files:
        annotations += read_annotations(annotation_files, None, videos, skip_bad_files, notify)
    return require_one_per_video(annotations), recordings


def _read_file(path: Path, format: str | None, videos: Videos) -> list[Annotations]:
    try:
        _require_readable(path)
        module = FORMATS[format] if format else _detect(path)
        annotations: list[Annotations] = module.read(path, videos)
        require_usable_ids((item.id for item in annotations), path)
    except InputError as error:
        raise with_path(error, path) from None
    except (OSError, UnicodeError, MemoryError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    of_folder = videos.of_folder(path)
    annotations = [
        _with_folder_noticed(_asking_about_words(item).without_words_for_nothing(), of_folder)
        for item in _with_encoding_noticed(annotations, path)
    ]
    return [compare_with_tracks(item, videos.find(item.id).frames) for item in annotations]


def _with_encoding_noticed(annotations: Sequence[Annotations], path: Path) -> list[Annotations]:
    """Add a notice of names that depend on how the bytes of the file are read."""
    names = {name for item in annotations for names in item.vocabulary.values() for name in (*item.channels, *names)}
    doubtful = sorted(name for name in names if not name.isascii())
    if not doubtful or is_unicode(path):
        return list(annotations)
    notice = (
        f"its text is not in UTF-8 and taken as Windows-1252, which gives names such as {doubtful[0]!r}: save it as "
        "UTF-8 if they look wrong"
    )
    return [replace(item, notices=(notice, *item.notices)) for item in annotations]


def _with_folder_noticed(annotations: Annotations, of_folder: Video | None) -> Annotations:
    if of_folder is None or annotations.id != of_folder.id:
        return annotations
    # Without the video's id, so that it is one line for all folders.
    notice = "taken as of the video of its folder: name the file after its video if it is of another"
    return replace(annotations, notices=(notice, *annotations.notices))


def _asking_about_words(annotations: Annotations) -> Annotations:
    """Add a notice of behaviours such as "none" and "unknown", which may stand for frames that nobody judged."""
    names = dict.fromkeys(name for names in annotations.vocabulary.values() for name in names)
    asked = tuple(
        f"{name!r} counts as a behaviour: add --unscored {name if name.isalpha() else repr(name)} if nobody judged its "
        "frames"
        for name in names
        if name.lower() in DOUBTFUL_WORDS
    )
    return replace(annotations, notices=(*annotations.notices, *asked))


def _require_readable(path: Path) -> None:
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path}: expected a file of at most {_MAX_BYTES >> 20} MB; found a larger one")


def _detect(path: Path) -> ModuleType:
    for module in FORMATS.values():
        if module.detect(path):
            return module
    names, _ = split_header(first_line(path))
    found = f"a table with the columns {', '.join(names[:8])}" if len(names) > 1 else "a file of none of these formats"
    raise InputError(f"{path}: expected annotations ({', '.join(FORMATS)}); found {found}: move it elsewhere")
