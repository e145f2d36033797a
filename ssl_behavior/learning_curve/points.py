"""Points of the curve on disk, so that none is fitted twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.learning_curve.variants import Variant
from ssl_behavior.storage.atomic import write_text

# Settings that choose points without changing any of them.
_FREE = ("sizes", "draws", "variants", "output", "overwrite")


@dataclass(frozen=True)
class PointTask:
    """One point to fit: a variant, and the videos to train on.

    Attributes:
        variant: variant to fit.
        size: number of videos.
        draw: number of the random choice of this many videos, from 0.
        videos: their ids.
    """

    variant: Variant
    size: int
    draw: int
    videos: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the point, unique within a run; also the name of its file."""
        return f"{self.variant}-{self.size}-{self.draw}"


@dataclass(frozen=True, eq=False)
class Point:
    """The result of a task.

    Attributes:
        task: the variant and the videos it was trained on.
        counts: (test video, behaviour, behaviour) frames by true and predicted behaviour.
        minutes: time that fitting and labelling took.
    """

    task: PointTask
    counts: np.ndarray
    minutes: float


class PointStore:
    """A folder of points that share recordings, labels, encoder and settings. The folder is created if need be.

    Args:
        folder: folder of the points.
        key: identifies everything that the points depend on.
        settings: settings of the run, to say which of them differ if the key differs.
        overwrite: delete the points of another run.

    Raises:
        InputError: the folder holds points of another run, and ``overwrite`` is off.
    """

    def __init__(self, folder: Path, key: str, settings: dict[str, Any], overwrite: bool) -> None:
        self.folder = folder
        run = {"key": key, "settings": json.loads(json.dumps(settings, default=str))}
        existing = _read(folder / "run.json")
        if existing is not None and existing.get("key") != key:
            if not overwrite:
                raise InputError(f"--output {folder.parent}: {_difference(existing, run)}")
            for path in folder.glob("*.json"):
                path.unlink()
        write_text(folder / "run.json", json.dumps(run, indent=1) + "\n")

    def __contains__(self, task: PointTask) -> bool:
        return self.get(task) is not None

    def get(self, task: PointTask) -> Point | None:
        """Return the stored point of this task; None if there is none."""
        values = _read(self.folder / f"{task.name}.json")
        try:
            if values is None or values["task"]["videos"] != list(task.videos):
                return None
            return Point(task, np.array(values["counts"], np.int64), float(values["minutes"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None  # the file is damaged, so the point is fitted again

    def add(self, point: Point) -> None:
        """Write a point, whole or not at all."""
        values = {"task": asdict(point.task), "minutes": round(point.minutes, 3), "counts": point.counts.tolist()}
        write_text(self.folder / f"{point.task.name}.json", json.dumps(values) + "\n")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _difference(existing: dict[str, Any], run: dict[str, Any]) -> str:
    settings = existing.get("settings") or {}
    changed = [name for name, value in run["settings"].items() if name not in _FREE and settings.get(name) != value]
    options = ", ".join(f"--{name.replace('_', '-')}" for name in changed)
    return (
        "the folder holds points of a run with another "
        f"{options or 'encoder, or other recordings or labels under the same names'}; restore these inputs to add "
        "points, give another --output, or --overwrite to start over"
    )
