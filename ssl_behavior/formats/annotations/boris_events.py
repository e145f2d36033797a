"""What BORIS says about one observation, before its times become frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ssl_behavior.errors import InputError, list_names

NO_SUBJECT = "No focal subject"


@dataclass(frozen=True)
class Moment:
    """When an event happens.

    Attributes:
        seconds: with the observation's time offset; None for events on pictures.
        image: index of the image, from 0; None if the file does not give it.
    """

    seconds: float | None
    image: int | None = None


@dataclass(frozen=True)
class Event:
    """A behaviour of a subject from one moment to another, which are the same for a point event."""

    subject: str
    behaviour: str
    start: Moment
    stop: Moment


@dataclass
class Observation:
    """What BORIS says about one video.

    Attributes:
        name: the observation id.
        media: names of the files of its first player.
        offset: added to the times of events, in s.
        rate: frame rate of the media in Hz; None if it is not given, or differs between them.
        duration: length of all media together, in s.
        interval: what was observed (start, stop), in s of the video; stop is None at its end.
        events: its events.
        behaviours: the ethogram, in the file's order.
        notices: what was left out, a sentence each.
    """

    name: str
    media: list[str] = field(default_factory=list)
    offset: float = 0.0
    rate: float | None = None
    duration: float | None = None
    interval: tuple[float, float | None] | None = None
    events: list[Event] = field(default_factory=list)
    behaviours: tuple[str, ...] = ()
    notices: list[str] = field(default_factory=list)

    def set_rate(self, rates: set[float]) -> None:
        """Set the frame rate to that of all media files; a notice says if they differ."""
        rates = rates - {0.0}  # files of sound
        self.rate = rates.pop() if len(rates) == 1 else None
        if rates:
            self.notices.append("its media files differ in their frame rates, which are not used")

    @property
    def moments(self) -> Iterator[Moment]:
        """The starts and stops of events."""
        return (moment for event in self.events for moment in (event.start, event.stop))


Observations = Mapping[str, Callable[[], Observation]]
"""Id -> a function that parses the observation, so that one that cannot be parsed does not sink the others."""


def media_of_player(text: str) -> list[str]:
    """Return the first player's part of a list such as ``player #1:a.mp4;b.mp4|player #2:c.mp4``."""
    first = re.sub(r"^player #\d+:\s*", "", text.split("|")[0].strip(), flags=re.IGNORECASE)
    return [part.strip() for part in first.split(";") if part.strip().lower() not in ("", "na", "nan", "none")]


def file_name(path: str) -> str:
    """Return the last part of a path of any system."""
    return re.split(r"[/\\]", path)[-1]


def unpaired_error(path: Path, observation: str, unpaired: Iterable[tuple[str, str]]) -> InputError:
    """Return the error of state events that start and do not stop."""
    named = list_names({f"{behaviour!r} of {subject!r}" for subject, behaviour in unpaired}, 3)
    return InputError(
        f"{path}: {observation!r}: expected a STOP for every START; found a START without a STOP: {named}: add it in "
        "BORIS (Observations, Fix unpaired events) and export again"
    )
