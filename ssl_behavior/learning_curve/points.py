"""Points of the curve on disk: what was fitted once is not fitted again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.learning_curve.fitting import Variant
from ssl_behavior.storage.atomic import write_text

# What may change while points stay what they are.
_FREE = ("sizes", "draws", "variants", "output", "overwrite")


@dataclass(frozen=True)
class Task:
    """One point to fit: a variant, and the videos it learns from.

    Attributes:
        variant: what is fitted.
        size: number of videos learned from.
        draw: which of the draws of as many videos, from 0.
        videos: their ids.
    """

    variant: Variant
    size: int
    draw: int
    videos: tuple[str, ...]

    @property
    def name(self) -> str:
        """To tell by, and to call a file by."""
        return f"{self.variant}-{self.size}-{self.draw}"


@dataclass(frozen=True, eq=False)
class Point:
    """A task that is done.

    Attributes:
        task: what was fitted to what.
        counts: (test video, behaviour, behaviour) frames by true and predicted behaviour.
        minutes: that it took.
    """

    task: Task
    counts: np.ndarray
    minutes: float


class Points:
    """The points in a folder, all of one run: the same recordings, labels, encoder and settings. Makes the folder.

    Args:
        folder: of the points; need not be there yet.
        key: names what they depend on.
        settings: plain values, to say what differs where a key does.
        overwrite: take away points of another run.

    Raises:
        InputError: the folder has points of another run, and ``overwrite`` is off.
    """

    def __init__(self, folder: Path, key: str, settings: dict[str, Any], overwrite: bool) -> None:
        self.folder = folder
        run = {"key": key, "settings": json.loads(json.dumps(settings, default=str))}
        former = _read(folder / "run.json")
        if former is not None and former.get("key") != key:
            if not overwrite:
                raise InputError(f"--output {folder.parent}: {_difference(former, run)}")
            for path in folder.glob("*.json"):
                path.unlink()
        write_text(folder / "run.json", json.dumps(run, indent=1) + "\n")

    def __contains__(self, task: Task) -> bool:
        return self.get(task) is not None

    def get(self, task: Task) -> Point | None:
        """The point of this task, if it is there."""
        plain = _read(self.folder / f"{task.name}.json")
        try:
            if plain is None or plain["task"]["videos"] != list(task.videos):
                return None
            return Point(task, np.array(plain["counts"], np.int64), float(plain["minutes"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None  # damaged, so measured anew

    def add(self, point: Point) -> None:
        """Write a point, whole or not at all."""
        plain = {"task": asdict(point.task), "minutes": round(point.minutes, 3), "counts": point.counts.tolist()}
        write_text(self.folder / f"{point.task.name}.json", json.dumps(plain) + "\n")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def _difference(former: dict[str, Any], now: dict[str, Any]) -> str:
    then = former.get("settings") or {}
    changed = [name for name, value in now["settings"].items() if name not in _FREE and then.get(name) != value]
    other = [f"--{name.replace('_', '-')}" for name in changed]
    what = f"another {', '.join(other)}" if other else "other recordings, labels or another encoder under these names"
    return (
        f"expected no points or those of a run that may go on, and found points of {what}; give those again, another "
        "--output, or --overwrite to start anew"
    )
