"""Annotations: what people marked in one video, as every annotation format yields it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.labels import UNSCORED, Bout, Labels

OTHER = "other"


# Hz of one video or, by video id, of each.
FrameRate = float | Mapping[str, float]


LARGEST_TIME = 1e9  # s or frames: at 30 Hz a year's recording


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
        if last > LARGEST_TIME:
            raise InputError(
                f"{self.source}: expected at most {LARGEST_TIME:,.0f} frames; found a bout or end at {last:,}"
            )
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
