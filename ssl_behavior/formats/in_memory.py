"""Recordings in the memory of a notebook: one or several, read by this package or by ``movement``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks import movement
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.names import require_usable_ids
from ssl_behavior.storage.video_names import video_id

if TYPE_CHECKING:  # an extra, which need not be installed
    import xarray

RecordingLike: TypeAlias = "Recording | xarray.Dataset"
Recordings: TypeAlias = "RecordingLike | Sequence[RecordingLike]"


def as_recordings(recordings: Recordings, notify: Callable[[str], None] = print) -> list[Recording]:
    """Return a list of recordings, whatever form they come in.

    Args:
        recordings: one or several, each a ``Recording`` or a poses dataset of ``movement`` (``xarray.Dataset``). A
            dataset gets the id that ``read_recordings`` gives to its source file, or ``dataset0``, ``dataset1`` ... by
            its place in the sequence where it has none. Its rows stand at the frames of their times, as those of a
            file do.
        notify: called with each notice about what a dataset's times mean.

    Raises:
        InputError: there are none, one is something else, a dataset has no frame rate, or two have the same id.

    Examples:
        >>> dataset = movement.io.load_dataset("mice.slp", source_software="SLEAP", fps=30)  # doctest: +SKIP
        >>> (recording,) = as_recordings(dataset)  # doctest: +SKIP
    """
    # A text, a mapping and a table can be iterated over, but what they yield are letters, keys and names of columns.
    is_one = isinstance(recordings, str | Mapping) or hasattr(recordings, "columns") or _is_dataset(recordings)
    is_one = is_one or not isinstance(recordings, Iterable)
    values: Iterable[Any] = [recordings] if is_one else recordings  # type: ignore[assignment]
    converted = [_as_recording(value, number) for number, value in enumerate(values)]
    if not converted:
        raise InputError("expected one or more recordings; found an empty list")
    ids = Counter(recording.id for recording in converted)
    if len(ids) < len(converted):
        repeated = list_names(name for name, count in ids.items() if count > 1)
        raise InputError(f"recordings {repeated}: expected ids that differ; found some twice: rename them")
    for recording in converted:
        require_usable_ids([recording.id], recording.source or "recordings")
        for notice in recording.notices:
            notify(f"{recording.id}: {notice}")
    return [replace(recording, notices=()) if recording.notices else recording for recording in converted]


def _as_recording(value: Any, number: int) -> Recording:
    if isinstance(value, Recording):
        return value
    if _is_dataset(value):
        source = value.attrs.get("source_file")
        name = video_id(source) if source else f"dataset{number}"
        return movement.from_dataset(value, name)
    hint = ": read files with sb.read_recordings(...)" if isinstance(value, str | Path) else ""
    raise InputError(f"expected a Recording or an xarray.Dataset of movement; found {type(value).__name__}{hint}")


def _is_dataset(value: Any) -> bool:
    """Return whether a value is an xarray Dataset. Without xarray in memory, no value can be one."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(value, xarray.Dataset)
