"""Read tracks of mouse triplets, and the labels of tasks in the same file or in another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks.left_out import with_left_out
from ssl_behavior.formats.tracks.mabe22.submissions import check_frame_number_map
from ssl_behavior.formats.tracks.other_files import AS_TABLE
from ssl_behavior.formats.tracks.unseen import mask_unseen
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.formats.untrusted import values as untrusted_values
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

NAME = "mabe22"
INDIVIDUALS = ("mouse1", "mouse2", "mouse3")
KEYPOINTS = (
    "nose",
    "left_ear",
    "right_ear",
    "neck",
    "left_forepaw",
    "right_forepaw",
    "center_back",
    "left_hindpaw",
    "right_hindpaw",
    "tail_base",
    "tail_middle",
    "tail_tip",
)
FRAME_RATE = 30.0

_SHAPE = (len(INDIVIDUALS), len(KEYPOINTS), 2)
_MAX_KINDS = 20
"""A task with more different whole numbers (an hour, a day) is a quantity, if the file does not give its type."""


def detect(path: Path) -> bool:
    """Return whether the file is a pickled .npy with keypoints of three mice."""
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path):
        return False
    shape = pickles.first_shape(path, dimensions=4)
    return shape is not None and shape[1] == len(INDIVIDUALS)


def read(path: Path) -> list[Recording]:
    """Read the recordings of one file: positions in px, unseen at 0, 0.

    A task of whole numbers becomes a channel, any other task a series; all sequences of the file together decide which.
    A task of 0 and 1 gets the behaviours "other" and its own name. The value of a task is NaN where it is not scored.

    Raises:
        InputError: the file has no "sequences", or an array has a wrong shape.
    """
    tree = pickles.load(path)
    if not isinstance(tree, Mapping) or not isinstance(tree.get("sequences"), Mapping) or not tree["sequences"]:
        raise InputError(f"{path}: expected a dict with 'sequences' in it; found none: {AS_TABLE}")
    recordings, values, errors = [], {}, []
    for name, fields in tree["sequences"].items():
        try:
            recording = _tracks(str(name), fields, path)
            if fields.get("annotations") is not None:
                where = f"{path}: sequence {recording.id!r}: annotations"
                values[recording.id] = _task_rows(fields["annotations"], recording.frames, where)
        except InputError as error:
            errors.append(error)
            continue
        recordings.append(recording)
    if not recordings:
        raise errors[0]
    recordings = with_left_out(recordings, errors, path)
    if not values:
        return recordings
    tasks = max(map(len, values.values()))
    vocabulary = _vocabulary(tree.get("vocabulary"), tasks, path)
    if uneven := next((name for name, rows in values.items() if len(rows) != len(vocabulary)), None):
        raise InputError(
            f"{path}: sequence {uneven!r}: annotations: expected the {len(vocabulary)} tasks of the vocabulary; "
            f"found {len(values[uneven])}"
        )
    return _with_tasks(recordings, values, vocabulary, tree.get("task_type"), path)


def holds_task_labels(path: Path) -> bool:
    """Return whether the file is a pickled .npy with an array (task, frame) and no tracks: the challenge's labels."""
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path):
        return False
    return pickles.first_shape(path, dimensions=4) is None and pickles.first_shape(path, dimensions=2) is not None


def attach_task_labels(
    recordings: Sequence[Recording], path: Path, notify: Callable[[str], None] = print
) -> list[Recording]:
    """Return the recordings with the labels of the challenge's label file in place of their own.

    Args:
        recordings: sequences of the challenge; those that the file lacks lose their labels, with a notice.
        path: the label file.
        notify: called with the notice.

    Raises:
        InputError: the file has no task labels, has none for the recordings, or a number of frames differs.
    """
    tree = pickles.load(path)
    keys = ("vocabulary", "label_array", "frame_number_map")
    if not isinstance(tree, Mapping) or any(key not in tree for key in keys):
        content = ", ".join(map(str, tree)) if isinstance(tree, Mapping) else type(tree).__name__
        raise InputError(f"{path}: expected task labels, a dict with {', '.join(keys)}; found {content[:200]}")
    array = untrusted_values.array(tree["label_array"], f"{path}: label_array")
    if array.ndim != 2:
        raise InputError(f"{path}: label_array: expected shape (task, frame); found {array.shape}")
    spans = check_frame_number_map(tree["frame_number_map"], array.shape[1], path)
    ids = [recording.id for recording in recordings]
    values = {name: array[:, slice(*spans[name])] for name in ids if name in spans}
    if not values:
        raise InputError(
            f"{path}: expected labels of the recordings {list_names(ids, 5)}; found those of {list_names(spans, 5)}: "
            "give the label file of these recordings"
        )
    if unlabelled := [name for name in ids if name not in spans]:
        notify(f"recordings without task labels: {list_names(unlabelled)}")
    for recording in recordings:
        if recording.id in values and (frames := values[recording.id].shape[1]) != recording.frames:
            raise InputError(f"{path}: {recording.id!r}: expected {recording.frames} frames; found {frames}")
    vocabulary = _vocabulary(tree["vocabulary"], len(array), path)
    return _with_tasks(recordings, values, vocabulary, tree.get("task_type"), path)


def _tracks(name: str, fields: Any, path: Path) -> Recording:
    where = f"{path}: sequence {name!r}"
    if not isinstance(fields, Mapping) or "keypoints" not in fields:
        raise InputError(f"{where}: expected keypoints; found none")
    keypoints = untrusted_values.array(fields["keypoints"], f"{where}: keypoints")
    if keypoints.ndim != 4 or keypoints.shape[1:] != _SHAPE:
        shape = ", ".join(map(str, _SHAPE))
        raise InputError(f"{where}: keypoints: expected shape (time, {shape}); found {keypoints.shape}: {AS_TABLE}")
    return Recording(name, mask_unseen(keypoints), INDIVIDUALS, Skeleton(KEYPOINTS), FRAME_RATE, source=str(path))


def _task_rows(annotations: Any, frames: int, where: str) -> np.ndarray:
    values = np.atleast_2d(untrusted_values.array(annotations, where))
    if values.ndim != 2 or values.shape[1] != frames:
        raise InputError(f"{where}: expected shape (task, {frames} frames); found {values.shape}")
    return values


def _vocabulary(names: Any, tasks: int, path: Path) -> list[str]:
    if names is None:
        return [f"task{i}" for i in range(tasks)]
    vocabulary = untrusted_values.names(names, f"{path}: vocabulary")
    if len(vocabulary) != tasks:
        raise InputError(f"{path}: vocabulary: expected {tasks} names, one per task; found {list(vocabulary)}")
    return list(vocabulary)


def _with_tasks(
    recordings: Sequence[Recording],
    values: Mapping[str, np.ndarray],
    vocabulary: Sequence[str],
    task_type: Any,
    path: Path,
) -> list[Recording]:
    """Return the recordings with tasks as channels and series; ``values`` is id -> rows (task, frame)."""
    # The challenge spells the other type "Continious".
    types = _types(task_type, len(vocabulary), path)
    is_discrete = [None if kind is None else kind.lower() == "discrete" for kind in types]
    labels: dict[str, dict[str, Labels]] = {name: {} for name in values}
    series: dict[str, dict[str, np.ndarray]] = {name: {} for name in values}
    for i, task in enumerate(vocabulary):
        behaviours = _behaviours(task, (rows[i] for rows in values.values()), is_discrete[i], path)
        for name, rows in values.items():
            if behaviours is None:
                series[name][task] = rows[i]
            else:
                labels[name][task] = Labels(behaviours, np.nan_to_num(rows[i], nan=UNSCORED).astype(np.int16))
    return [
        replace(recording, labels=labels.get(recording.id, {}), series=series.get(recording.id, {}))
        for recording in recordings
    ]


def _types(task_type: Any, tasks: int, path: Path) -> list[str | None]:
    if task_type is None:
        return [None] * tasks
    listed = list(np.atleast_1d(np.asarray(task_type, object)))
    if len(listed) != tasks or not all(isinstance(kind, str) for kind in listed):
        raise InputError(f"{path}: task_type: expected a word for each of {tasks} tasks; found something else")
    return listed


def _behaviours(
    task: str, values: Iterable[np.ndarray], is_discrete: bool | None, path: Path
) -> tuple[str, ...] | None:
    """Return one name per value of a discrete task, or None for a quantity."""
    levels = np.unique(np.concatenate([np.unique(row[~np.isnan(row)]) for row in values]))
    is_whole = bool((levels == np.floor(levels)).all() and (levels >= 0).all() and (levels < 2**15).all())
    if is_discrete and not is_whole:
        raise InputError(f"{path}: task {task!r}: expected whole numbers from 0, as it is discrete; found {levels[:5]}")
    highest = int(levels.max(initial=1)) if is_whole else 0
    if not is_whole or is_discrete is False or (is_discrete is None and highest >= _MAX_KINDS):
        return None
    return ("other", task) if highest == 1 else tuple(f"{task} {i}" for i in range(highest + 1))
