"""Tasks of probes: behaviours and quantities that may be read off embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording

Level = Literal["frame", "sequence"]


@dataclass(frozen=True, eq=False)
class Task:
    """A behaviour or a quantity that probes read off embeddings.

    Attributes:
        name: name of the behaviour or of the quantity.
        is_discrete: True for a yes or no (1 or 0); False for a quantity.
        values: per sequence (time,) float32, NaN where unscored.
    """

    name: str
    is_discrete: bool
    values: tuple[np.ndarray, ...]

    @property
    def level(self) -> Level:
        """``sequence`` if the value never changes within a sequence, as for strain or time of day; else ``frame``."""
        scored = (values[~np.isnan(values)] for values in self.values)
        return "sequence" if all((values == values[:1]).all() for values in scored) else "frame"

    @property
    def labelled(self) -> frozenset[int]:
        """Indices of the sequences with a scored frame."""
        return frozenset(i for i, values in enumerate(self.values) if not np.isnan(values).all())

    @property
    def varies(self) -> bool:
        """Tell whether two values can be told apart, with one labelled sequence to fit and another to score."""
        extremes = {float(extreme(self.values[i])) for i in self.labelled for extreme in (np.nanmin, np.nanmax)}
        return len(extremes) > 1 and len(self.labelled) > 1


def tasks_of(recordings: Sequence[Recording]) -> list[Task]:
    """List the tasks of labelled recordings.

    Every behaviour of a channel but ``other`` is a yes or no. Every series of one number per frame is a quantity.

    Returns:
        Tasks with an array of values per recording.
    """
    channels = list(dict.fromkeys(name for recording in recordings for name in recording.labels))
    tasks = []
    for channel in channels:
        labels = [recording.labels.get(channel) for recording in recordings]
        behaviours = dict.fromkeys(name for present in labels if present for name in present.behaviours)
        for name in (name for name in behaviours if name.lower() != "other"):
            title = name if len(channels) == 1 or name.startswith(channel) else f"{channel}: {name}"
            values = [
                _occurrence(of_recording, name, recording.frames)
                for of_recording, recording in zip(labels, recordings, strict=True)
            ]
            tasks.append(Task(title, True, tuple(values)))
    series = dict.fromkeys(
        name for recording in recordings for name, values in recording.series.items() if values.ndim == 1
    )
    for name in series:
        quantities = [
            recording.series.get(name, np.full(recording.frames, np.nan)).astype(np.float32) for recording in recordings
        ]
        tasks.append(Task(name, False, tuple(quantities)))
    return tasks


def _occurrence(labels: Labels | None, behaviour: str, frames: int) -> np.ndarray:
    """1 or 0 in each frame (time,), NaN where unscored; all NaN if nobody looked for the behaviour."""
    if labels is None or behaviour not in labels.behaviours:
        return np.full(frames, np.nan, np.float32)
    occurs = (labels.values == labels.behaviours.index(behaviour)).astype(np.float32)
    return np.where(labels.values == UNSCORED, np.float32(np.nan), occurs)
