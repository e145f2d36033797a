"""Choose among recordings and their labels by name; a name that does not exist is an error."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.recordings.labels import is_unscored
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.videos import Video, Videos


def select_labels(
    recordings: Sequence[Recording], channel: str | None, unscored: Sequence[str], where: str
) -> list[Recording]:
    """Return the recordings with only the requested labels and series.

    Args:
        recordings: recordings with or without labels.
        channel: name of the labels and series to keep; all if None.
        unscored: behaviours that become -1 and leave the vocabulary of their channel.
        where: where the labels come from, for the error.

    Raises:
        InputError: no recording has such a channel or behaviour.
    """
    channels = {name for recording in recordings for name in (*recording.labels, *recording.series)}
    if channel is not None and channel not in channels:
        raise InputError(f"--channel {channel}: expected a channel of {where}; found {list_names(channels)}")
    every_label = [labels for recording in recordings for labels in recording.labels.values()]
    require_unscored(unscored, {name for labels in every_label for name in labels.behaviours})
    if channel is None and not unscored:
        return list(recordings)
    selected = channels if channel is None else {channel}
    return [
        replace(
            recording,
            labels={
                name: labels.without(set(unscored) & set(labels.behaviours))
                for name, labels in recording.labels.items()
                if name in selected
            },
            series={name: values for name, values in recording.series.items() if name in selected},
        )
        for recording in recordings
    ]


def choose_videos(recordings: Sequence[Recording], videos: Sequence[str]) -> list[Recording]:
    """Return the recordings that ``--videos`` names, or all if it names none.

    Raises:
        InputError: no recording has one of the ids.
    """
    if not videos:
        return list(recordings)
    chosen = find_videos(videos, (recording.id for recording in recordings), "ids among the recordings")
    return [recording for recording in recordings if recording.id in chosen]


def find_videos(videos: Iterable[str], existing: Iterable[str], expected: str) -> set[str]:
    """Return the ids that ``--videos`` names.

    Args:
        videos: what the user asks for: ids, names of their files, last parts of ids, and patterns such as ``day1/*``.
        existing: ids to choose from.
        expected: description of ``existing`` for the error: "ids among the recordings".

    Raises:
        InputError: no id has such a name, or several have.
    """
    existing = set(existing)
    known = Videos(map(Video, sorted(existing)))
    chosen, missing = set(), set()
    for name in videos:
        if name in existing or not glob.has_magic(name):
            found = {known.find(name).id} & existing
        else:
            found = {video for video in existing if fnmatchcase(video, name)}
        chosen |= found
        missing |= set() if found else {name}
    if missing:
        raise InputError(f"--videos {list_names(missing)}: expected {expected}; found {list_names(existing, 10)}")
    return chosen


def require_unscored(unscored: Iterable[str], behaviours: Iterable[str], channel: str | None = None) -> None:
    """Make sure that every name in ``--unscored`` is a behaviour: a misspelt name would leave nothing out.

    Words such as "NaN" are always allowed, as readers take them for unscored before.

    Args:
        unscored: names that the user gives.
        behaviours: names to choose from.
        channel: channel of these behaviours, for the error.

    Raises:
        InputError: a name is no behaviour.
    """
    behaviours = set(behaviours)
    if unknown := {name for name in unscored if not is_unscored(name)} - behaviours:
        origin = "" if channel is None else f" of channel {channel}"
        raise InputError(
            f"--unscored {list_names(unknown)}: expected behaviours{origin}; found {list_names(behaviours)}: "
            "correct the name, or leave it out"
        )
