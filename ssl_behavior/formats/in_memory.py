"""Recordings as notebooks have them: one or several, read by this package or by ``movement``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks import movement
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.paths import video_id

if TYPE_CHECKING:  # an extra, which need not be installed
    import xarray

RecordingLike: TypeAlias = "Recording | xarray.Dataset"
Recordings: TypeAlias = "RecordingLike | Sequence[RecordingLike]"


def as_recordings(recordings: Recordings) -> list[Recording]:
    """Return a list of recordings, whatever form they come in.

    Args:
        recordings: one or several of: a ``Recording``, or a poses dataset of ``movement`` (``xarray.Dataset``). A
            dataset gets the id that ``read_recordings`` gives to its source file, or ``dataset0``, ``dataset1`` ... by
            its place in the sequence where it has none.

    Raises:
        InputError: there are none, one is something else, a dataset has no frame rate, or two have the same id.

    Example:
        >>> as_recordings(movement.io.load_dataset("mice.slp", source_software="SLEAP"))  # doctest: +SKIP
    """
    is_one = isinstance(recordings, str) or _is_dataset(recordings) or not isinstance(recordings, Iterable)
    values: Iterable[Any] = [recordings] if is_one else recordings  # type: ignore[assignment]
    converted = [_as_recording(value, number) for number, value in enumerate(values)]
    if not converted:
        raise InputError("expected one or more recordings; found an empty list")
    ids = Counter(recording.id for recording in converted)
    if len(ids) < len(converted):
        repeated = list_names(name for name, count in ids.items() if count > 1)
        raise InputError(f"recordings {repeated}: expected ids that differ; found some twice: rename them")
    return converted


def _as_recording(value: Any, number: int) -> Recording:
    if isinstance(value, Recording):
        return value
    if _is_dataset(value):
        source = value.attrs.get("source_file")
        return movement.from_dataset(value, id=video_id(source) if source else f"dataset{number}")
    hint = "; read files with sb.read_recordings(...)" if isinstance(value, str | Path) else ""
    raise InputError(f"expected a Recording or an xarray.Dataset of movement; found {type(value).__name__}{hint}")


def _is_dataset(value: Any) -> bool:
    """Whether a value is an xarray Dataset. Without xarray in memory, no value can be one."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(value, xarray.Dataset)
