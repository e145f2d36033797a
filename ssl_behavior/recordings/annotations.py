"""Annotations: the bouts that people marked in one video. Every annotation format yields them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.labels import UNSCORED, Bout, Labels, is_unscored

OTHER = "other"
"""The background behaviour of formats that list only the behaviours of interest."""

LARGEST_TIME = 1e9
"""Seconds or frames. A year at 30 Hz has fewer frames, so a larger number is an error in the file."""


@dataclass(frozen=True)
class Annotations:
    """The bouts of one video, per channel.

    Attributes:
        id: the video id that matches annotations with tracks and predictions.
        channels: channel -> bouts, sorted by start.
        background: the behaviour of frames in no bout; None if nobody judged such frames.
        source: the file that the annotations were read from.
        frames: the frame at which annotation stopped; later frames are unscored. None if the file does not give it.
        first_frame: the first annotated frame; earlier frames are unscored.
        vocabulary: channel -> behaviours in the file's order, including those that never occur if the file names them.
        unscored: channel -> spans (start, stop) in frames that nobody judged, where no bout lies.
        notices: what the reader assumed or left out, a sentence each, without the file's name. ``read_annotations``
            prints and drops them.
        pairs: channel -> (agent, target), for channels of what one individual does to another or (twice the same name)
            by itself; channels of the whole group are not in it.
        asked: channel -> behaviours that the annotators looked for, where the file lists them (see ``Labels``).

    Raises:
        InputError: a bout or the end lies beyond ``LARGEST_TIME`` frames.
    """

    id: str
    channels: Mapping[str, tuple[Bout, ...]]
    background: str | None = None
    source: str = ""
    frames: int | None = None
    first_frame: int = 0
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unscored: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    pairs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stops = [bout.stop for bouts in self.channels.values() for bout in bouts]
        last = max([self.frames or 0, self.first_frame, *stops])
        if last > LARGEST_TIME:
            raise InputError(
                f"{self.source}: expected at most {LARGEST_TIME:,.0f} frames; found a bout or end at frame {last:,}"
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
        """Return one channel as labels.

        Where bouts overlap, the one that starts later holds, because the behaviours of a channel exclude each other.

        Args:
            channel: a key of ``channels``.
            behaviours: the vocabulary, in the order of the label numbers.
            frames: number of frames; bouts are cut there. Frames outside the annotated span are unscored.

        Raises:
            InputError: a bout's behaviour is not among ``behaviours``.
        """
        labels = Labels.from_bouts(self.channels[channel], behaviours, frames, self.background)
        values = labels.values.copy()
        if spans := self.unscored.get(channel):
            in_bout = Labels.from_bouts(self.channels[channel], behaviours, frames).values != UNSCORED
            for start, stop in spans:
                values[start:stop][~in_bout[start:stop]] = UNSCORED
        values[: self.first_frame] = UNSCORED
        if self.frames is not None:
            values[self.frames :] = UNSCORED
        asked = self.asked.get(channel)
        if asked is not None:
            asked = tuple(name for name in behaviours if name in asked)
        return Labels(labels.behaviours, values, self.pairs.get(channel), asked)

    def without_words_for_nothing(self) -> Annotations:
        """Return the annotations with bouts of words such as "NaN" as spans that nobody judged."""
        words = {bout.behaviour for bouts in self.channels.values() for bout in bouts if is_unscored(bout.behaviour)}
        if not words:
            return self
        spans = {
            channel: (
                *self.unscored.get(channel, ()),
                *((bout.start, bout.stop) for bout in bouts if bout.behaviour in words),
            )
            for channel, bouts in self.channels.items()
        }
        channels = {
            channel: tuple(bout for bout in bouts if bout.behaviour not in words)
            for channel, bouts in self.channels.items()
        }
        vocabulary = {
            channel: tuple(name for name in names if not is_unscored(name))
            for channel, names in self.vocabulary.items()
        }
        named = (f"unscored, as they are no behaviours: {', '.join(map(repr, sorted(words)))}",)
        return replace(self, channels=channels, vocabulary=vocabulary, unscored=spans, notices=(*self.notices, *named))

    def stop(self, channel: str) -> int:
        """Return the frame at which annotation of a channel stops: the file's, or the end of the last bout if later."""
        return max([self.frames or 0, *(bout.stop for bout in self.channels[channel])])

    def overlapping_frames(self, channel: str) -> int:
        """Count the frames of a channel that lie in two bouts at once."""
        total, reached = 0, 0
        for bout in self.channels[channel]:
            total += max(0, min(reached, bout.stop) - bout.start)
            reached = max(reached, bout.stop)
        return total


def merge_vocabularies(vocabularies: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return the behaviours of several videos in one order, which keeps the order of each.

    Where these orders leave it open, or contradict each other, the order is alphabetical.

    Examples:
        >>> merge_vocabularies([("social", "nonsocial"), ("aggression", "social")])
        ('aggression', 'social', 'nonsocial')
    """
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
