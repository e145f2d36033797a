"""Labels: one channel of mutually exclusive behaviours, one label per frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.storage.names import require_names

UNSCORED = -1
"""The label of a frame that nobody judged."""

BACKGROUND_WORD = "none"

DOUBTFUL_WORDS = (BACKGROUND_WORD, "?", "unknown", "unlabeled", "unlabelled", "not scored")
"""Words, in lower case, that may be a behaviour, or may mean that nobody judged the frame."""

_UNSCORED_WORDS = {"", "nan", "none", "na", "n/a", "<na>", "null", "-1", "-1.0", "-", "--", "unscored"}
"""Words, in lower case, that programs write for such a frame. Python writes "None"; people who write "none" mean that
an animal does nothing of interest."""


@dataclass(frozen=True, order=True)
class Bout:
    """Consecutive frames of one behaviour: from ``start`` (the first frame is 0) up to, but not including, ``stop``.

    Raises:
        InputError: the bout is empty or starts before frame 0.
    """

    start: int
    stop: int
    behaviour: str

    def __post_init__(self) -> None:
        is_whole = isinstance(self.start, int | np.integer) and isinstance(self.stop, int | np.integer)
        if not is_whole or not 0 <= self.start < self.stop:
            raise InputError(f"a bout needs 0 <= start < stop; got {self.start} to {self.stop} ({self.behaviour})")


@dataclass(frozen=True, eq=False)
class Labels:
    """One channel of mutually exclusive behaviours, one label per frame.

    Attributes:
        behaviours: the vocabulary; a label is an index into it.
        values: (time,) int16, ``UNSCORED`` (-1) where nobody judged the frame.
        pair: (agent, target) if the labels describe what one individual does to another, or twice the same name if they
            describe what an individual does by itself; None if they hold for the whole group.
        asked: behaviours that the annotators looked for; None for all. A behaviour that is not among them is unknown in
            frames without its label, not absent.

    Raises:
        InputError: a value is neither -1 nor an index into the vocabulary, a behaviour's name is endless or holds
            control characters, or an asked behaviour is not in the vocabulary.

    Examples:
        >>> Labels(("attack", "other"), np.array([1, 0, 0, -1])).bouts()
        [Bout(start=0, stop=1, behaviour='other'), Bout(start=1, stop=3, behaviour='attack')]
    """

    behaviours: tuple[str, ...]
    values: np.ndarray
    pair: tuple[str, str] | None = None
    asked: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        require_names(self.behaviours, "behaviour's name")
        if unknown := [name for name in self.asked or () if name not in self.behaviours]:
            raise InputError(f"asked behaviours must be in {list(self.behaviours)}; got {unknown}")
        values = read_only_view(self.values, np.int16)
        if values.ndim != 1:
            raise ValueError(f"labels must be (time,); got shape {values.shape}")
        if values.size and (values.min() < UNSCORED or values.max() >= len(self.behaviours)):
            raise InputError(
                f"labels must be -1 (unscored) or an index into {list(self.behaviours)}; "
                f"got {values.min()} to {values.max()}"
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
        """Return labels from bouts. Where bouts overlap, the later one in ``bouts`` holds.

        Args:
            bouts: frames at or after ``frames`` are cut.
            behaviours: the vocabulary, in the order of the label numbers.
            frames: number of frames.
            background: behaviour of frames in no bout; without it they are unscored.
            pair: (agent, target), see ``Labels``.

        Raises:
            InputError: a bout's behaviour is not in the vocabulary.
        """
        names = tuple(behaviours)
        index = {name: i for i, name in enumerate(names)}
        values = np.full(frames, UNSCORED if background is None else index[background], np.int16)
        for bout in bouts:
            if bout.behaviour not in index:
                raise InputError(f"label {bout.behaviour!r} is not in the vocabulary {list(names)}")
            values[bout.start : bout.stop] = index[bout.behaviour]
        return cls(names, values, pair)

    def bouts(self) -> list[Bout]:
        """Return the scored frames as bouts, in order of time."""
        edges = np.flatnonzero(np.diff(self.values)) + 1
        starts = np.concatenate([[0], edges]) if self.values.size else edges
        stops = np.concatenate([edges, [self.values.size]]) if self.values.size else edges
        return [
            Bout(int(start), int(stop), self.behaviours[self.values[start]])
            for start, stop in zip(starts, stops, strict=True)
            if self.values[start] != UNSCORED
        ]

    def with_behaviours(self, behaviours: Iterable[str]) -> Labels:
        """Return the same labels as indices into another vocabulary.

        Raises:
            InputError: a behaviour that occurs is not in that vocabulary.
        """
        names = tuple(behaviours)
        index = {name: i for i, name in enumerate(names)}
        occurring = [self.behaviours[i] for i in np.unique(self.values) if i != UNSCORED]
        if missing := [name for name in occurring if name not in index]:
            raise InputError(f"label {missing[0]!r} is not in the vocabulary {list(names)}")
        # UNSCORED is -1, so unscored frames look up the last entry.
        new_index = np.array([index.get(name, UNSCORED) for name in self.behaviours] + [UNSCORED], np.int16)
        asked = None if self.asked is None else tuple(name for name in names if name in self.asked)
        return Labels(names, new_index[self.values], self.pair, asked)

    def without(self, unscored: Iterable[str]) -> Labels:
        """Return the labels without some behaviours: they leave the vocabulary and their frames become unscored."""
        excluded = set(unscored)
        scored = tuple(name for name in self.behaviours if name not in excluded)
        values = self.values.copy()
        values[np.isin(values, [i for i, name in enumerate(self.behaviours) if name in excluded])] = UNSCORED
        asked = None if self.asked is None else tuple(name for name in self.asked if name not in excluded)
        return replace(self, values=values, asked=asked).with_behaviours(scored)

    def holds_for(self, agent: str, target: str) -> bool:
        """Return whether the labels say something of this ordered pair: of it, of its agent alone, or of the group.

        Examples:
            >>> rears = Labels(("rear", "other"), np.array([0, 1]), pair=("white", "white"))
            >>> rears.holds_for("white", "black"), rears.holds_for("black", "white")
            (True, False)
        """
        return self.pair in (None, (agent, target), (agent, agent))

    @property
    def is_of_one(self) -> bool:
        """True for labels of an individual that acts by itself."""
        return self.pair is not None and self.pair[0] == self.pair[1]


def is_unscored(name: str) -> bool:
    """Return whether a label is one of the words that programs write where nobody judged a frame."""
    word = name.strip()
    return word.lower() in _UNSCORED_WORDS and word != BACKGROUND_WORD


def alike_names(behaviours: Iterable[str]) -> Iterator[list[str]]:
    """Yield groups of behaviours whose names differ only in capital letters or blanks, or as 0 and 0.0 do.

    Examples:
        >>> list(alike_names(["groom", "rear", "Groom", "0", "0.0"]))
        [['groom', 'Groom'], ['0', '0.0']]
    """
    groups: dict[str, list[str]] = {}
    for name in behaviours:
        key = " ".join(name.casefold().replace("_", " ").split())
        whole, _, zeros = key.partition(".")
        groups.setdefault(whole if whole.isdecimal() and not zeros.strip("0") else key, []).append(name)
    return (names for names in groups.values() if len(names) > 1)


def read_only_view(values: Any, dtype: Any = None) -> np.ndarray:
    """Return a read-only view of an array; copies only to change the type or to make an array of a sequence.

    Raises:
        InputError: a value cannot be of the type.
    """
    try:
        is_array = isinstance(values, np.ndarray)
        array = values.astype(dtype or values.dtype, copy=False) if is_array else np.array(values, dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected an array of numbers; found something else ({error})") from None
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def scored_frames(labels: np.ndarray, behaviours: int) -> np.ndarray:
    """Count the frames of each behaviour.

    Args:
        labels: (time,) integers, ``UNSCORED`` (-1) where nobody judged the frame.
        behaviours: size of the vocabulary.

    Returns:
        (behaviour,) int64.
    """
    return np.bincount(labels[labels != UNSCORED], minlength=behaviours)
