"""Write recordings in CalMS21's layouts: the challenge's .npy and the public .json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21.layout import CHANNEL, FRAME_RATE, INDIVIDUALS, KEYPOINTS
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.atomic import write_atomically

_FRAMES_AT_ONCE = 1000
"""Frames that become JSON text together; the text of a whole recording would take many times its arrays' memory."""


def write(
    path: str | Path,
    recordings: Sequence[Recording],
    vocabulary: Sequence[str] | None = None,
    with_labels: bool = True,
) -> Path:
    """Write one file for all recordings: AIcrowd's layout for ``.npy``, the public one for ``.json``.

    Args:
        path: the file to write; an existing one is replaced once the new one is complete.
        recordings: recordings of resident and intruder with CalMS21's seven keypoints, or with a series "features".
        vocabulary: behaviours in the order of their numbers; by default those of the recordings.
        with_labels: False for a test file, which has neither labels nor a vocabulary.

    Raises:
        InputError: another suffix, other individuals or keypoints, repeated ids, or vocabularies that differ.
    """
    path = Path(path)
    if path.suffix not in (".npy", ".json"):
        raise InputError(f"{path}: expected a name that ends in .npy or .json")
    ids = [recording.id for recording in recordings]
    if len(set(ids)) < len(ids):
        raise InputError(f"{path}: recordings' ids must differ from each other")
    names = _vocabulary(recordings, vocabulary, path) if with_labels else None
    with write_atomically(path) as aside:
        if path.suffix == ".json":
            with open(aside, "w", encoding="utf-8") as file:
                _write_json(file, recordings, names, path)
        else:
            tree: dict[str, Any] = {} if names is None else {"vocabulary": list(names)}
            tree["sequences"] = {recording.id: _fields(recording, names, path) for recording in recordings}
            with open(aside, "wb") as binary:
                np.save(binary, np.array(tree, dtype=object), allow_pickle=True)
    return path


def _channel(recording: Recording, path: Path) -> Labels | None:
    if CHANNEL in recording.labels or not recording.labels:
        return recording.labels.get(CHANNEL)
    if len(recording.labels) > 1:
        raise InputError(
            f"{path}: {recording.id!r} has the channels {sorted(recording.labels)} and CalMS21's layout takes one"
        )
    return next(iter(recording.labels.values()))


def _vocabulary(
    recordings: Sequence[Recording], vocabulary: Sequence[str] | None, path: Path
) -> tuple[str, ...] | None:
    if vocabulary is not None:
        return tuple(vocabulary)
    channels = [channel for recording in recordings if (channel := _channel(recording, path)) is not None]
    vocabularies = {channel.behaviours for channel in channels}
    if len(vocabularies) > 1:
        raise InputError(
            f"{path}: expected one vocabulary for all recordings; found {sorted(vocabularies)}: give vocabulary="
        )
    return vocabularies.pop() if vocabularies else None


def _fields(recording: Recording, vocabulary: Sequence[str] | None, path: Path) -> dict[str, Any]:
    """Return the fields of one sequence in the challenge's file."""
    fields: dict[str, Any] = {}
    if recording.skeleton.keypoints:
        if recording.individuals != INDIVIDUALS or recording.skeleton.keypoints != KEYPOINTS:
            raise InputError(
                f"{path}: CalMS21's layout takes {INDIVIDUALS} with {KEYPOINTS}, and {recording.id!r} has "
                f"{recording.individuals} with {recording.skeleton.keypoints}; write the native form"
            )
        fields["keypoints"] = np.ascontiguousarray(np.nan_to_num(recording.positions, nan=0.0).swapaxes(2, 3))
    if "features" in recording.series:
        fields["features"] = np.array(recording.series["features"])
    if not fields:
        raise InputError(f"{path}: {recording.id!r} has neither keypoints nor features")
    if recording.confidence is not None:
        fields["scores"] = np.array(recording.confidence)
    if vocabulary is not None and (channel := _channel(recording, path)) is not None:
        fields["annotations"] = channel.with_behaviours(vocabulary).values.astype(np.int64)
    fields["annotator_id"] = int(recording.metadata.get("annotator", 0))
    if recording.frame_rate != FRAME_RATE:
        fields["frame_rate"] = recording.frame_rate
    return fields


def _write_json(file: IO[str], recordings: Sequence[Recording], vocabulary: Sequence[str] | None, path: Path) -> None:
    groups: dict[str, list[Recording]] = {}
    for recording in recordings:
        groups.setdefault(f"annotator-id_{int(recording.metadata.get('annotator', 0))}", []).append(recording)
    for g, (group, members) in enumerate(groups.items()):
        file.write(f"{', ' if g else '{'}{json.dumps(group)}: ")
        for r, recording in enumerate(members):
            file.write(f"{', ' if r else '{'}{json.dumps(recording.id)}: {{")
            fields = _fields(recording, vocabulary, path)
            metadata: dict[str, Any] = {"annotator-id": fields.pop("annotator_id")}
            if "frame_rate" in fields:
                metadata["frame_rate"] = fields.pop("frame_rate")
            if "annotations" in fields and vocabulary is not None:
                metadata["vocab"] = {name: i for i, name in enumerate(vocabulary)}
            for name, values in fields.items():
                file.write(f"{json.dumps(name)}: ")
                file.writelines(_nested(values))
                file.write(", ")
            file.write(f'"metadata": {json.dumps(metadata)}}}')
        file.write("}")
    file.write("}" if groups else "{}")


def _nested(values: np.ndarray) -> Iterator[str]:
    """Yield the JSON text of an array, ``_FRAMES_AT_ONCE`` rows at a time."""
    yield "["
    for start in range(0, len(values), _FRAMES_AT_ONCE):
        rows = values[start : start + _FRAMES_AT_ONCE]
        yield (", " if start else "") + json.dumps(rows.tolist())[1:-1]
    yield "]"
