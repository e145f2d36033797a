"""CalMS21 files to recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21.layout import CHANNEL, FRAME_RATE, INDIVIDUALS, KEYPOINTS, SHAPE, SKELETON
from ssl_behavior.formats.tracks.unseen import bounded_confidence, zeros_as_unseen
from ssl_behavior.formats.untrusted import json_arrays, limits, pickles
from ssl_behavior.formats.untrusted import values as untrusted_values
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording, Skeleton


def detect(path: Path) -> bool:
    """A pickled .npy whose keypoints, if any, are of two mice, or JSON that soon names what such files hold."""
    if path.name.lower().endswith((".json", ".json.gz")):
        with limits.opened(path) as file:
            return re.search(rb'"(keypoints|features|sequences|annotator-id_\d+)"\s*:', file.read(1 << 16)) is not None
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path):
        return False
    shape = pickles.first_shape(path, dimensions=4)
    return shape is None or shape[1] == len(INDIVIDUALS)


def read(path: Path) -> list[Recording]:
    """The recordings of one file, in the file's order.

    Keypoints (time, mouse, xy, part) become (time, individual, keypoint, space) in px, "scores" the confidence,
    "features" (task programming) a series. Labels say what the resident does to the intruder. An id that comes
    under several behaviours (task 3) is one recording with a channel for each, if its tracks are the same.

    Raises:
        InputError: the file is no such tree, an array has a wrong shape, or a label is outside the vocabulary.
    """
    tree = json_arrays.load(path) if path.suffix.lower() in (".json", ".gz") else pickles.load(path)
    if not isinstance(tree, dict):
        raise InputError(f"{path}: expected a dict of sequences and found {type(tree).__name__}")
    recordings: dict[str, Recording] = {}
    for group, name, fields, vocabulary in _sequences(tree, path):
        recording = _recording(group, name, fields, vocabulary, path)
        if (earlier := recordings.get(recording.id)) is not None:
            recording = _merged(earlier, recording, path)
        recordings[recording.id] = recording
    if not recordings:
        raise InputError(f"{path}: expected sequences with keypoints or features and found none")
    return list(recordings.values())


def _sequences(
    tree: dict[Any, Any], path: Path, group: str = "", vocabulary: Any = None
) -> Iterator[tuple[str, str, Mapping[str, Any], Any]]:
    """(group, id, fields, vocabulary) of each sequence. Empties the tree, so that arrays are not kept twice."""
    vocabulary = tree.pop("vocabulary", vocabulary)
    for key in list(tree):
        value = tree.pop(key)
        if not isinstance(value, dict):
            raise InputError(f"{path}: expected a dict under {key!r} and found {type(value).__name__}")
        if "keypoints" in value or "features" in value:
            yield group, str(key), value, vocabulary
        else:
            yield from _sequences(value, path, group if key == "sequences" else str(key), vocabulary)


def _recording(group: str, name: str, fields: Mapping[str, Any], vocabulary: Any, path: Path) -> Recording:
    where = f"{path}: sequence {name!r}"
    metadata = dict(untrusted_values.mapping(fields.get("metadata") or {}, f"{where}: metadata"))
    vocabulary = metadata.pop("vocab", fields.get("vocabulary", vocabulary))
    if (annotator := _annotator(group, fields, metadata, where)) is not None:
        metadata["annotator"] = annotator
    if group:
        metadata["group"] = group
    series = {}
    if "features" in fields:
        series["features"] = _array(fields["features"], f"{where}: features", (None, ...))
    if "keypoints" in fields:
        positions = zeros_as_unseen(_array(fields["keypoints"], f"{where}: keypoints", (None, *SHAPE)).swapaxes(2, 3))
        skeleton = SKELETON
    else:
        positions = np.zeros((len(series["features"]), len(INDIVIDUALS), 0, 2), np.float32)
        skeleton = Skeleton(())
    confidence = None
    if fields.get("scores") is not None and skeleton.keypoints:
        expected = (len(positions), len(INDIVIDUALS), len(KEYPOINTS))
        confidence = bounded_confidence(_array(fields["scores"], f"{where}: scores", expected), positions)
    labels = {}
    if fields.get("annotations") is not None:
        labels = _labels(fields["annotations"], _vocabulary(vocabulary, where), group, where)
    stated = fields.get("frame_rate", metadata.pop("frame_rate", FRAME_RATE))
    frame_rate = untrusted_values.number(stated, f"{where}: frame_rate")
    return Recording(
        name, positions, INDIVIDUALS, skeleton, frame_rate, confidence, labels, series, "px", str(path), metadata
    )


def _annotator(group: str, fields: Mapping[str, Any], metadata: dict[str, Any], where: str) -> int | None:
    stated = fields.get("annotator_id", metadata.pop("annotator-id", None))
    if stated is None and (match := re.fullmatch(r"annotator-id_(\d+)", group)):
        stated = int(match[1])
    return None if stated is None else int(untrusted_values.number(stated, f"{where}: annotator"))


def _array(values: Any, where: str, expected: tuple[Any, ...]) -> np.ndarray:
    """Float32 numbers of an expected shape, in which None is any length and a last ``...`` any further dimensions."""
    array = untrusted_values.array(values, where)
    free = expected[-1:] == (...,)
    lengths = expected[:-1] if free else expected
    fits = array.ndim >= len(lengths) if free else array.ndim == len(lengths)
    if not fits or any(want not in (None, got) for want, got in zip(lengths, array.shape, strict=False)):
        shape = ", ".join("time" if want is None else "..." if want is ... else str(want) for want in expected)
        raise InputError(f"{where}: expected shape ({shape}) and found {array.shape}")
    return array


def _vocabulary(vocabulary: Any, where: str) -> tuple[str, ...]:
    """Behaviours' names in the order of their numbers, from a list of names or a dict of numbers."""
    if isinstance(vocabulary, Mapping):
        numbers = {
            str(name): int(untrusted_values.number(code, f"{where}: vocabulary")) for name, code in vocabulary.items()
        }
        if sorted(numbers.values()) != list(range(len(numbers))):
            raise InputError(f"{where}: expected a vocabulary numbered from 0 and found {numbers}")
        return tuple(sorted(numbers, key=lambda name: numbers[name]))
    if vocabulary is None:
        raise InputError(f"{where}: has annotations and neither it nor the file has a vocabulary")
    return untrusted_values.names(vocabulary, f"{where}: vocabulary")


def _labels(annotations: Any, vocabulary: tuple[str, ...], group: str, where: str) -> dict[str, Labels]:
    values = _array(annotations, f"{where}: annotations", (None, ...))
    if values.ndim == 2 and len(values) == len(vocabulary):  # (behaviour, time), each present or absent
        each = zip(vocabulary, values, strict=True)
        return {name: _channel(row, ("other", name), f"{where}: {name}") for name, row in each}
    if values.ndim != 1:
        raise InputError(f"{where}: annotations: expected shape (time) and found {values.shape}")
    return {_channel_name(vocabulary, group): _channel(values, vocabulary, where)}


def _channel(values: np.ndarray, vocabulary: tuple[str, ...], where: str) -> Labels:
    wrong = (values != np.floor(values)) | (values < UNSCORED) | (values >= len(vocabulary))
    if wrong.any():
        frame = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{where}: label {values[frame]:g} of frame {frame} is not in the vocabulary {list(vocabulary)}"
        )
    return Labels(vocabulary, values.astype(np.int16), INDIVIDUALS)


def _channel_name(vocabulary: tuple[str, ...], group: str) -> str:
    """Task 3 groups its sequences by a behaviour, which is then labelled as present or absent."""
    others = [name for name in vocabulary if name.lower() != "other"]
    is_task3 = len(vocabulary) == 2 and len(others) == 1 and bool(group) and not group.startswith("annotator")
    return others[0] if is_task3 else CHANNEL


def _merged(earlier: Recording, later: Recording, path: Path) -> Recording:
    if set(earlier.labels) & set(later.labels) or not np.array_equal(
        earlier.positions, later.positions, equal_nan=True
    ):
        raise InputError(
            f"{path}: the sequence {later.id!r} is there twice, with different tracks or for the same channel; "
            "give each sequence its own name"
        )
    return earlier.with_labels(later.labels)
