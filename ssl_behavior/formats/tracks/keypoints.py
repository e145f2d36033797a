"""Keypoints of several recordings: one order for all, and the landmarks that a person states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import yaml_files


def with_same_keypoints(recordings: Sequence[Recording]) -> list[Recording]:
    """Return the recordings with their keypoints in the order of the first recording.

    Raises:
        InputError: a recording has other keypoints than the first, or positions of another dimension.
    """
    reference = recordings[0]
    expected, dimensions = reference.skeleton.keypoints, reference.positions.shape[3]
    ordered = []
    for recording in recordings:
        keypoints = recording.skeleton.keypoints
        if set(keypoints) != set(expected) or recording.positions.shape[3] != dimensions:
            raise InputError(
                f"{recording.source} ({recording.id}): expected the keypoints of {reference.source} ({reference.id}), "
                f"{list(expected)} in {dimensions} dimensions; found {list(keypoints)} in "
                f"{recording.positions.shape[3]}: read recordings of different skeletons separately, or give "
                "--mixed-skeletons"
            )
        ordered.append(recording if keypoints == expected else _reorder(recording, expected))
    return ordered


def _reorder(recording: Recording, keypoints: tuple[str, ...]) -> Recording:
    order = [recording.skeleton.keypoints.index(name) for name in keypoints]
    confidence = None if recording.confidence is None else recording.confidence[:, :, order]
    skeleton = replace(recording.skeleton, keypoints=keypoints)
    return replace(recording, positions=recording.positions[:, :, order], confidence=confidence, skeleton=skeleton)


def with_landmarks(recordings: Sequence[Recording], path: Path) -> list[Recording]:
    """Return the recordings with the landmarks of keypoints that a YAML or JSON file gives.

    Raises:
        InputError: the file cannot be read, or names a keypoint that no recording has.
    """
    try:
        landmarks = yaml_files.read(path)  # JSON is YAML as well
    except InputError as error:
        raise InputError(f"{error}: cannot be read as a skeleton file: write lines like 'kp3: tail base'") from None
    if not isinstance(landmarks, dict) or not all(isinstance(name, str) for pair in landmarks.items() for name in pair):
        raise InputError(f"{path}: expected lines like 'keypoint: landmark'; found something else: write such lines")
    keypoints = {name for recording in recordings for name in recording.skeleton.keypoints}
    if unknown := sorted(set(landmarks) - keypoints):
        raise InputError(
            f"{path}: names {unknown}, which are no keypoints of the recordings; those are {sorted(keypoints)}: "
            "correct the names"
        )
    with_landmarks = []
    for recording in recordings:
        skeleton = recording.skeleton
        added = {name: landmarks[name] for name in skeleton.keypoints if name in landmarks}
        skeleton = replace(skeleton, landmarks={**skeleton.landmarks, **added})
        with_landmarks.append(replace(recording, skeleton=skeleton))
    return with_landmarks
