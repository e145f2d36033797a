"""Labels: one channel of mutually exclusive behaviours, a label per frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError

UNSCORED = -1


@dataclass(frozen=True, order=True)
class Bout:
    """Consecutive frames of one behaviour: ``start`` (from 0) up to, not including, ``stop``."""

    start: int
    stop: int
    behaviour: str

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise InputError(f"a bout needs 0 <= start < stop; got {self.start} to {self.stop} ({self.behaviour})")


@dataclass(frozen=True, eq=False)
class Labels:
    """One channel of mutually exclusive behaviours, a label per frame.

    Attributes:
        behaviours: names; a label is an index into them.
        values: (time,) int16, ``UNSCORED`` (-1) where nobody judged the frame.
        pair: names of (agent, target) if the labels say who does it to whom; None if they hold for the whole group.
    """

    behaviours: tuple[str, ...]
    values: np.ndarray
    pair: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        values = read_only(self.values, np.int16)
        if values.ndim != 1:
            raise ValueError(f"labels must be (time,); got shape {values.shape}")
        if values.size and (values.min() < UNSCORED or values.max() >= len(self.behaviours)):
            raise InputError(
                f"labels must be -1 (unscored) or an index into {list(self.behaviours)}; "
                f"found {values.min()} to {values.max()}"
            )
        object.__setattr__(self, "values", values)

    @classmethod
    def from_bouts(
        cls,
        bouts: Iterable[Bout],
        behaviours: Iterable[str],
        frames: int,
        background: str | None = None,
        pair: tuple[str, str] | None = None,
    ) -> Labels:
        """Labels of ``frames`` frames; frames in no bout get ``background``, or stay unscored. Later frames are cut."""
        names = tuple(behaviours)
        index = {name: i for i, name in enumerate(names)}
        values = np.full(frames, UNSCORED if background is None else index[background], np.int16)
        for bout in bouts:
            if bout.behaviour not in index:
                raise InputError(f"label {bout.behaviour!r} is not in the vocabulary {list(names)}")
            values[bout.start : bout.stop] = index[bout.behaviour]
        return cls(names, values, pair)

    def bouts(self) -> list[Bout]:
        """The scored frames as bouts, in order."""
        edges = np.flatnonzero(np.diff(self.values)) + 1
        starts = np.concatenate([[0], edges]) if self.values.size else edges
        stops = np.concatenate([edges, [self.values.size]]) if self.values.size else edges
        return [
            Bout(int(start), int(stop), self.behaviours[self.values[start]])
            for start, stop in zip(starts, stops, strict=True)
            if self.values[start] != UNSCORED
        ]

    def renamed(self, behaviours: Iterable[str]) -> Labels:
        """The same labels as indices into another vocabulary, which must hold every behaviour that occurs."""
        names = tuple(behaviours)
        index = {name: i for i, name in enumerate(names)}
        occurring = [self.behaviours[i] for i in np.unique(self.values) if i != UNSCORED]
        if missing := [name for name in occurring if name not in index]:
            raise InputError(f"label {missing[0]!r} is not in the vocabulary {list(names)}")
        table = np.array([index.get(name, UNSCORED) for name in self.behaviours] + [UNSCORED], np.int16)
        return Labels(names, table[self.values], self.pair)

    def without(self, unscored: Iterable[str]) -> Labels:
        """The labels with the named behaviours turned into unscored frames and taken out of the vocabulary."""
        out = set(unscored)
        kept = tuple(name for name in self.behaviours if name not in out)
        values = self.values.copy()
        values[np.isin(values, [i for i, name in enumerate(self.behaviours) if name in out])] = UNSCORED
        return Labels(self.behaviours, values, self.pair).renamed(kept)


def read_only(values: Any, dtype: Any = None) -> np.ndarray:
    """A read-only view of an array, or an array of other values, as ``dtype`` if one is given."""
    array = (
        np.array(values, dtype)
        if not isinstance(values, np.ndarray)
        else values.astype(dtype or values.dtype, copy=False)
    )
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def scored_frames(labels: np.ndarray, behaviours: int) -> np.ndarray:
    """(behaviour,) int64: how many scored frames of ``labels`` (time,) each behaviour has."""
    return np.bincount(labels[labels != UNSCORED], minlength=behaviours)
