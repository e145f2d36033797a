"""Read CalMS21's files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21.layout import CHANNEL, FRAME_RATE, INDIVIDUALS, KEYPOINTS, SHAPE, SKELETON
from ssl_behavior.formats.tracks.left_out import with_left_out
from ssl_behavior.formats.tracks.other_files import AS_TABLE
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.formats.untrusted import json_arrays, limits, pickles
from ssl_behavior.formats.untrusted import values as untrusted_values
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id


def detect(path: Path) -> bool:
    """Return whether the file is JSON with CalMS21's keys, or a pickled .npy with keypoints of two mice or none."""
    if path.name.lower().endswith((".json", ".json.gz")):
        with limits.opened(path) as file:
            # The keys of the first sequence stand before its numbers, so the beginning of the file has them.
            return re.search(rb'"(keypoints|features|sequences|annotator-id_\d+)"\s*:', file.read(1 << 16)) is not None
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path):
        return False
    shape = pickles.first_shape(path, dimensions=4)
    return shape is None or shape[1] == len(INDIVIDUALS)


def read(path: Path) -> list[Recording]:
    """Read the recordings of one file, in the order of the file.

    Keypoints (time, mouse, xy, part) become (time, individual, keypoint, space) in px. "scores" become the confidence,
    and "features" (from task programming) a series. Labels describe what the resident does to the intruder. Sequences
    of one id under several behaviours (task 3) become one recording with a channel for each, if their tracks agree.

    Raises:
        InputError: the file is no such tree, an array has a wrong shape, or a label is not in the vocabulary.
    """
    tree = json_arrays.load(path) if path.suffix.lower() in (".json", ".gz") else pickles.load(path)
    if not isinstance(tree, dict):
        raise InputError(f"{path}: expected a dict of sequences; found {type(tree).__name__}: {AS_TABLE}")
    if "keypoints" in tree and not isinstance(tree["keypoints"], dict):
        return [_pose_of_mars(tree, path)]
    recordings: dict[str, Recording] = {}
    errors: list[InputError] = []
    for group, name, fields, vocabulary in _sequences(tree, path):
        try:
            recording = _recording(group, name, fields, vocabulary, path)
        except InputError as error:
            errors.append(error)
            continue
        if (earlier := recordings.get(recording.id)) is not None:
            recording = _merge(earlier, recording, path)
        recordings[recording.id] = recording
    if not recordings:
        raise (
            errors[0]
            if errors
            else InputError(f"{path}: expected sequences with keypoints or features; found none: {AS_TABLE}")
        )
    return with_left_out(list(recordings.values()), errors, path)


def _pose_of_mars(tree: Mapping[str, Any], path: Path) -> Recording:
    """Return the recording of a ``*_pose_top*.json`` of MARS, whose tracks those of CalMS21 are."""
    fields = {name: tree[name] for name in ("keypoints", "scores") if name in tree}
    shape = np.shape(fields["keypoints"])
    if len(shape) != 4 or shape[1:] != SHAPE:
        raise InputError(
            f"{path}: expected the poses of MARS's top camera, keypoints of shape (time, 2 mice, 2, 7 parts); found "
            f"{shape}: {AS_TABLE}"
        )
    recording = _recording("", video_id(path), fields, None, path)
    return replace(recording, frame_rate_is_assumed=True)


def _sequences(
    tree: dict[Any, Any], path: Path, group: str = "", vocabulary: Any = None
) -> Iterator[tuple[str, str, Mapping[str, Any], Any]]:
    """Yield (group, id, fields, vocabulary) of each sequence, and empty the tree to free the arrays that are done."""
    vocabulary = tree.pop("vocabulary", vocabulary)
    for key in list(tree):
        value = tree.pop(key)
        if not isinstance(value, dict):
            raise InputError(
                f"{path}: expected sequences, each with its keypoints; found {type(value).__name__} under {key!r}: "
                f"{AS_TABLE}"
            )
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
        positions = mask_unseen(
            _array(fields["keypoints"], f"{where}: keypoints", (None, *SHAPE), AS_TABLE).swapaxes(2, 3)
        )
        skeleton = SKELETON
    else:
        positions = np.zeros((len(series["features"]), len(INDIVIDUALS), 0, 2), np.float32)
        skeleton = Skeleton(())
    confidence = None
    notices: tuple[str, ...] = ()
    if fields.get("scores") is not None and skeleton.keypoints:
        expected = (len(positions), len(INDIVIDUALS), len(KEYPOINTS))
        scores = _array(fields["scores"], f"{where}: scores", expected)
        confidence, notices = bound_confidence(scores, positions, f"{where}: scores")
    labels = {}
    if fields.get("annotations") is not None:
        labels = _labels(fields["annotations"], _vocabulary(vocabulary, where), group, where)
    rate = fields.get("frame_rate", metadata.pop("frame_rate", FRAME_RATE))
    frame_rate = untrusted_values.number(rate, f"{where}: frame_rate")
    return Recording(
        name,
        positions,
        INDIVIDUALS,
        skeleton,
        frame_rate,
        confidence,
        labels,
        series,
        "px",
        str(path),
        metadata,
        notices=notices,
    )


def _annotator(group: str, fields: Mapping[str, Any], metadata: dict[str, Any], where: str) -> int | None:
    annotator = fields.get("annotator_id", metadata.pop("annotator-id", None))
    if annotator is None and (match := re.fullmatch(r"annotator-id_(\d+)", group)):
        annotator = int(match[1])
    return None if annotator is None else int(untrusted_values.number(annotator, f"{where}: annotator"))


def _array(values: Any, where: str, expected: tuple[Any, ...], advice: str = "correct the array") -> np.ndarray:
    """Return float32 numbers of an expected shape; None matches any length, a last ``...`` any further dimensions."""
    array = untrusted_values.array(values, where)
    free = expected[-1:] == (...,)
    lengths = expected[:-1] if free else expected
    fits = array.ndim >= len(lengths) if free else array.ndim == len(lengths)
    if not fits or any(length not in (None, actual) for length, actual in zip(lengths, array.shape, strict=False)):
        shape = ", ".join("time" if length is None else "..." if length is ... else str(length) for length in expected)
        raise InputError(f"{where}: expected shape ({shape}); found {array.shape}: {advice}")
    return array


def _vocabulary(vocabulary: Any, where: str) -> tuple[str, ...]:
    """Return the behaviours in the order of their numbers, from a list of names or a dict name -> number."""
    if isinstance(vocabulary, Mapping):
        numbers = {
            str(name): int(untrusted_values.number(code, f"{where}: vocabulary")) for name, code in vocabulary.items()
        }
        if sorted(numbers.values()) != list(range(len(numbers))):
            raise InputError(
                f"{where}: expected a vocabulary numbered from 0; found {numbers}: number the behaviours 0, 1, ..."
            )
        return tuple(sorted(numbers, key=lambda name: numbers[name]))
    if vocabulary is None:
        raise InputError(
            f"{where}: expected a vocabulary, as there are annotations; neither it nor the file has one: add "
            "the names of the behaviours as 'vocabulary'"
        )
    return untrusted_values.names(vocabulary, f"{where}: vocabulary")


def _labels(annotations: Any, vocabulary: tuple[str, ...], group: str, where: str) -> dict[str, Labels]:
    values = _array(annotations, f"{where}: annotations", (None, ...))
    if values.ndim == 2 and len(values) == len(vocabulary):  # (behaviour, time), each present or absent
        return {
            name: _channel(row, ("other", name), f"{where}: {name}")
            for name, row in zip(vocabulary, values, strict=True)
        }
    if values.ndim != 1:
        raise InputError(f"{where}: annotations: expected shape (time); found {values.shape}: give one label per frame")
    return {_channel_name(vocabulary, group): _channel(values, vocabulary, where)}


def _channel(values: np.ndarray, vocabulary: tuple[str, ...], where: str) -> Labels:
    wrong = (values != np.floor(values)) | (values < UNSCORED) | (values >= len(vocabulary))
    if wrong.any():
        frame = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{where}: label {values[frame]:g} of frame {frame} is not in the vocabulary {list(vocabulary)}: "
            "add its behaviour there, or write -1 where nobody looked"
        )
    return Labels(vocabulary, values.astype(np.int16), INDIVIDUALS)


def _channel_name(vocabulary: tuple[str, ...], group: str) -> str:
    """Return the channel of a sequence: a behaviour's name in task 3, which labels each as present or absent."""
    others = [name for name in vocabulary if name.lower() != "other"]
    is_task3 = len(vocabulary) == 2 and len(others) == 1 and bool(group) and not group.startswith("annotator")
    return others[0] if is_task3 else CHANNEL


def _merge(earlier: Recording, later: Recording, path: Path) -> Recording:
    """Return one recording with the channels of both."""
    has_same_tracks = np.array_equal(earlier.positions, later.positions, equal_nan=True)
    if set(earlier.labels) & set(later.labels) or not has_same_tracks:
        raise InputError(
            f"{path}: the sequence {later.id!r} occurs twice, with different tracks or for the same channel; "
            "give each sequence its own name"
        )
    return earlier.with_labels(later.labels)
