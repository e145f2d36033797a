"""MABe22 mouse triplets: a pickled .npy of three mice of twelve keypoints, with a value per frame for each task.

Sun et al. 2023, "MABe22: A Multi-Species Multi-Task Benchmark for Learned Representations of Behavior",
arXiv:2207.10553.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats import pickles
from ssl_behavior.formats.unseen import zeros_as_unseen
from ssl_behavior.recordings import UNSCORED, Labels, Recording, Skeleton

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


def detect(path: Path) -> bool:
    """A pickled .npy whose keypoints are of three mice."""
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path):
        return False
    shape = pickles.first_shape(path, dimensions=4)
    return shape is not None and shape[1] == len(INDIVIDUALS)


def read(path: Path) -> list[Recording]:
    """The recordings of one file: px, 0 as unseen, a channel for each task of whole numbers, a series for any other.

    A task of 0 and 1 has the behaviours "other" and the task's name. Where a task is not scored, its value is NaN.

    Raises:
        InputError: the file has no "sequences", or an array has a wrong shape.
    """
    tree = pickles.load(path)
    if not isinstance(tree, Mapping) or not isinstance(tree.get("sequences"), Mapping) or not tree["sequences"]:
        raise InputError(f"{path}: expected a dict with 'sequences' in it and found none")
    return [_recording(str(name), fields, tree, path) for name, fields in tree["sequences"].items()]


def _recording(name: str, fields: Any, tree: Mapping[str, Any], path: Path) -> Recording:
    where = f"{path}: sequence {name!r}"
    if not isinstance(fields, Mapping) or "keypoints" not in fields:
        raise InputError(f"{where}: expected keypoints and found none")
    keypoints = _array(fields["keypoints"], f"{where}: keypoints")
    if keypoints.ndim != 4 or keypoints.shape[1:] != _SHAPE:
        shape = ", ".join(map(str, _SHAPE))
        raise InputError(f"{where}: keypoints: expected shape (time, {shape}) and found {keypoints.shape}")
    labels: dict[str, Labels] = {}
    series: dict[str, np.ndarray] = {}
    if fields.get("annotations") is not None:
        tasks = _tasks(fields["annotations"], tree.get("vocabulary"), len(keypoints), where)
        for task, values in tasks.items():
            if (channel := _channel(task, values)) is None:
                series[task] = values
            else:
                labels[task] = channel
    positions = zeros_as_unseen(keypoints)
    return Recording(
        name,
        positions,
        INDIVIDUALS,
        Skeleton(KEYPOINTS),
        FRAME_RATE,
        labels=labels,
        series=series,
        source=str(path),
    )


def _array(values: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected an array of numbers and found uneven rows or no numbers") from None


def _tasks(annotations: Any, vocabulary: Sequence[str] | None, frames: int, where: str) -> dict[str, np.ndarray]:
    values = np.atleast_2d(_array(annotations, f"{where}: annotations"))
    names = [f"task{i}" for i in range(len(values))] if vocabulary is None else [str(name) for name in vocabulary]
    if values.shape != (len(names), frames):
        raise InputError(
            f"{where}: annotations: expected shape ({len(names)} tasks, {frames} frames) and found {values.shape}"
        )
    return dict(zip(names, values, strict=True))


def _channel(task: str, values: np.ndarray) -> Labels | None:
    scored = values[np.isfinite(values)]
    if (scored != np.floor(scored)).any() or (scored < 0).any() or (scored > np.iinfo(np.int16).max).any():
        return None
    highest = int(scored.max(initial=1))
    behaviours = ("other", task) if highest == 1 else tuple(f"{task} {i}" for i in range(highest + 1))
    return Labels(behaviours, np.nan_to_num(values, nan=UNSCORED).astype(np.int16))
