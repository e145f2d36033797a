"""Annotations: what people marked in one video, as every annotation format yields it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from math import inf, nan
from pathlib import Path
from statistics import median
from types import MappingProxyType

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings import ASSUMED_FRAME_RATE, UNSCORED, Bout, Labels

OTHER = "other"

# Hz of one video or, by video id, of each.
FrameRate = float | Mapping[str, float]

_LARGEST = 1e9  # s or frames: at 30 Hz a year's recording


@dataclass(frozen=True)
class Annotations:
    """The bouts of one video, per channel.

    Attributes:
        id: the video id that tracks, annotations and predictions are matched by.
        channels: channel name -> bouts, by start.
        background: the behaviour of frames in no bout, or None where such frames were not scored.
        source: the file they came from.
        frames: how many frames were annotated, None where the file does not say; later frames are unscored.
        first: the first annotated frame; earlier frames are unscored.
        vocabulary: channel name -> its behaviours in the file's own order, those that never occur too if it names them.
    """

    id: str
    channels: Mapping[str, tuple[Bout, ...]]
    background: str | None = None
    source: str = ""
    frames: int | None = None
    first: int = 0
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        last = max([self.frames or 0, self.first, *(bout.stop for bouts in self.channels.values() for bout in bouts)])
        if last > _LARGEST:
            raise InputError(f"{self.source}: expected at most {_LARGEST:,.0f} frames; found a bout or end at {last:,}")
        channels = {name: tuple(sorted(bouts)) for name, bouts in self.channels.items()}
        vocabulary = {
            name: tuple(dict.fromkeys([*self.vocabulary.get(name, ()), *sorted({bout.behaviour for bout in bouts})]))
            for name, bouts in channels.items()
        }
        if self.background is not None:
            vocabulary = {name: tuple(dict.fromkeys([*names, self.background])) for name, names in vocabulary.items()}
        object.__setattr__(self, "channels", MappingProxyType(channels))
        object.__setattr__(self, "vocabulary", MappingProxyType(vocabulary))

    def labels(self, channel: str, behaviours: Sequence[str], frames: int) -> Labels:
        """One channel as labels of ``frames`` frames; what lies past them is cut, where nobody looked is unscored.

        Where bouts overlap, the one that starts later holds, as a channel's behaviours exclude each other.

        Raises:
            InputError: a bout's behaviour is not among ``behaviours``.
        """
        labels = Labels.from_bouts(self.channels[channel], behaviours, frames, self.background)
        values = labels.values.copy()
        values[: self.first] = UNSCORED
        if self.frames is not None:
            values[self.frames :] = UNSCORED
        return Labels(labels.behaviours, values)

    def stop(self, channel: str) -> int:
        """The frame up to which the channel is annotated, as far as the file says."""
        return max([self.frames or 0, *(bout.stop for bout in self.channels[channel])])

    def overlapping(self, channel: str) -> int:
        """How many frames of a channel lie in two bouts at once."""
        total, reached = 0, 0
        for bout in self.channels[channel]:
            total += max(0, min(reached, bout.stop) - bout.start)
            reached = max(reached, bout.stop)
        return total


def merged_vocabulary(vocabularies: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All behaviours of several videos, in an order that keeps each video's own and is else alphabetical."""
    before: dict[str, set[str]] = {}
    for names in vocabularies:
        for i, name in enumerate(names):
            before.setdefault(name, set()).update(names[:i])
    sorter = TopologicalSorter(before)
    try:
        sorter.prepare()
    except CycleError:
        return tuple(sorted(before))
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return tuple(order)


def number(text: str, where: str | Path) -> float:
    """A finite number that can be a time or a frame.

    Args:
        text: as the file has it.
        where: the file, and what else helps to find the place, for the error.

    Raises:
        InputError: it is none, or beyond any recording.
    """
    try:
        value = nan if "_" in text else float(text)
    except ValueError:
        value = nan
    if not abs(value) < inf:
        raise InputError(f"{where}: expected a number; found {text[:40]!r}")
    if abs(value) > _LARGEST:
        raise InputError(f"{where}: expected a time or frame of at most {_LARGEST:,.0f}; found {text[:40]!r}")
    return value


def whole(text: str, where: str | Path) -> int:
    """As ``number``, for what counts frames.

    Raises:
        InputError: it is no whole number, or beyond any recording.
    """
    value = number(text, where)
    if value != int(value):
        raise InputError(f"{where}: expected a whole number of frames; found {text[:40]!r}")
    return int(value)


def rate_of(frame_rate: FrameRate, video: str, path: str | Path) -> float:
    """The frame rate of one video in Hz; of one that a mapping does not name, the median of those it does, or 30 Hz.

    Raises:
        InputError: the rate is not positive and finite.
    """
    rate = frame_rate
    if isinstance(frame_rate, Mapping):
        try:
            rate = frame_rate[video]
        except KeyError:
            rate = median(frame_rate.values()) if frame_rate else ASSUMED_FRAME_RATE
    if not 0 < rate < inf:  # type: ignore[operator]
        raise InputError(f"{path}: the frame rate of {video!r} must be a positive number of Hz; got {rate}")
    return float(rate)  # type: ignore[arg-type]


def frame_bout(start: int, stop: int, behaviour: str) -> Bout:
    """A bout of at least one frame, from frames that were rounded from seconds."""
    start = max(start, 0)
    return Bout(start, max(stop, start + 1), behaviour)


def in_order(names: Iterable[str], bouts: Iterable[Bout]) -> tuple[str, ...]:
    """The behaviours of some bouts, in the order of ``names``."""
    there = {bout.behaviour for bout in bouts}
    return tuple(name for name in names if name in there)


def uncovered(bouts: Iterable[Bout], frames: int) -> list[tuple[int, int]]:
    """The stretches (start, stop) of ``frames`` frames that lie in no bout."""
    covered = np.zeros(frames + 2, bool)
    for bout in bouts:
        covered[bout.start + 1 : bout.stop + 1] = True
    covered[0] = covered[-1] = True
    edges = np.flatnonzero(np.diff(covered.astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def first_line(path: Path) -> str:
    """The first line of a text file, or nothing if it is no text."""
    with Path(path).open("rb") as file:
        head = file.read(4096)
    if b"\0" in head:
        return ""
    return head.decode("utf-8-sig", errors="replace").split("\n", 1)[0].strip()
