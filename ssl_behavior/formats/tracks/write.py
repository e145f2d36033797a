"""Write recordings to a folder, in the format of another program or in the native one.

Each format is a module with ``ENDING``, ``HOLDS``, ``require_writable`` and ``write``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks import deeplabcut_writer, native, sleap_analysis_writer, sleap_labels_writer
from ssl_behavior.formats.tracks.animal_names import recognised_animals
from ssl_behavior.recordings.individuals import seen_individuals
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.video_names import file_stems, video_id

TracksFormat = Literal["native", "slp", "sleap-analysis", "deeplabcut"]
"""Formats of tracks that can be written."""

_WRITERS: Mapping[str, ModuleType] = {
    "slp": sleap_labels_writer,
    "sleap-analysis": sleap_analysis_writer,
    "deeplabcut": deeplabcut_writer,
}
_ADVICE = "choose --output-format native, which keeps everything"
_NAMED = 3
_OF_READERS = {"individuals_from", "scorer", "single_keypoints", "source_software", "symmetries"}
"""Metadata that say how a file was read, or that are listed by themselves."""


def write_recordings(
    folder: str | Path, recordings: Sequence[Recording], format: TracksFormat = "native"
) -> list[Path]:
    """Write each recording to a file of its own, named after its id.

    Every recording is looked at before the first file is written, so that a refusal leaves nothing half-written.

    Args:
        folder: where the files go.
        recordings: with different ids.
        format: ``native`` keeps everything; ``left_behind`` says what another format does not hold.

    Returns:
        The files, in the order of the recordings.

    Raises:
        InputError: a recording cannot be written in this format.

    Examples:
        >>> write_recordings("tracked", read_recordings("flies.h5"), "slp")  # doctest: +SKIP
        [PosixPath('tracked/flies.slp')]
    """
    if format == "native":
        return native.write(folder, recordings)
    writer = _WRITERS[format]
    for recording in recordings:
        _require_writable(recording, writer, format)
    stems = file_stems(recording.id for recording in recordings)
    files = [Path(folder) / f"{stems[recording.id]}{writer.ENDING}" for recording in recordings]
    _require_distinct_ids(recordings, files, format)
    for file, recording in zip(files, recordings, strict=True):
        writer.write(file, recording)
    return files


def left_behind(recordings: Sequence[Recording], files: Sequence[Path], format: TracksFormat) -> Iterator[str]:
    """Yield a line on what the recordings have and their files in another format do not hold, if there is any.

    Args:
        recordings: as they were written.
        files: the files of the recordings, in their order.
        format: of the files.
    """
    if format == "native":
        return
    holds = _WRITERS[format].HOLDS
    lacking = {name: None for recording in recordings for name in _features(recording) if name not in holds}
    if changed := [one.id for one, file in zip(recordings, files, strict=True) if video_id(file) != one.id]:
        lacking[f"the ids of {list_names(changed, _NAMED)}, which become those of the files' names"] = None
    if lacking:
        yield f"{format} does not hold {', '.join(lacking)} (--output-format native holds everything)"


def _features(recording: Recording) -> Iterator[str]:
    """Yield what a recording has beyond positions, confidence, and names of several individuals and of keypoints."""
    if not recording.frame_rate_is_assumed:
        yield "frame rates"
    if recording.skeleton.edges:
        yield "edges of the skeleton"
    if len(recording.individuals) == 1 and recording.individuals != ("individual1",):
        yield "the name of a lone individual"
    if len(recording.individuals) == 1 and recognised_animals(recording.skeleton.keypoints) is not None:
        yield "that all keypoints are of one individual (--individuals-from none reads it so)"
    if recording.unit != "px":
        yield f"units other than px ({recording.unit})"
    for name, values in {
        "landmarks": recording.skeleton.landmarks,
        "labels": recording.labels,
        "time series": recording.series,
        "symmetries": recording.metadata.get("symmetries"),
        "metadata": set(recording.metadata) - _OF_READERS,
    }.items():
        if values:
            yield name


def _require_writable(recording: Recording, writer: ModuleType, format: str) -> None:
    where = f"{recording.source or 'recording'} ({recording.id})"
    if recording.positions.shape[-1] != 2:
        raise InputError(
            f"{where}: expected two coordinates, as {format} files of tracks have them; found three: {_ADVICE}"
        )
    if not recording.skeleton.keypoints or not seen_individuals(recording).any():
        raise InputError(
            f"{where}: expected a keypoint that is seen in some frame; found none: leave out the recording"
        )
    if at_zero := int((recording.positions == 0).all(-1).sum()):
        raise InputError(
            f"{where}: expected no point at exactly 0, 0, which means 'not seen' in {format} files; found "
            f"{at_zero:,}: {_ADVICE}"
        )
    try:
        writer.require_writable(recording)
    except InputError as error:
        raise InputError(f"{where}: {error}: {_ADVICE}") from None


def _require_distinct_ids(recordings: Sequence[Recording], files: Sequence[Path], format: str) -> None:
    """Make sure that the names of the files still tell the videos apart.

    Raises:
        InputError: two files would be of one video.
    """
    first: dict[str, str] = {}
    for recording, file in zip(recordings, files, strict=True):
        name = video_id(file)
        if name in first:
            raise InputError(
                f"recordings {first[name]!r} and {recording.id!r}: expected names that differ as names of {format} "
                f"files; found {name!r} for both: rename one of their files, or {_ADVICE}"
            )
        first[name] = recording.id
