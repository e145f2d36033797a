"""Events of one BORIS observation, before their times become frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.missing import is_missing

NO_SUBJECT = "No focal subject"

RATES_DIFFER = "its media files differ in their frame rates, which are not used"
"""Notice of an observation whose files are taken as one video."""


@dataclass(frozen=True)
class Moment:
    """The moment of an event.

    Attributes:
        seconds: with the observation's time offset; None for events on pictures.
        image: index of the image, from 0; None if the file does not give it.
    """

    seconds: float | None
    image: int | None = None


@dataclass(frozen=True)
class Event:
    """A behaviour of a subject from one moment to another, which are the same for a point event.

    Its modifiers say more about it, such as whom it is directed at.
    """

    subject: str
    behaviour: str
    start: Moment
    stop: Moment
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Medium:
    """A file of a player.

    Attributes:
        name: its name, without folders.
        length: in s; None if it is unknown.
        rate: frame rate in Hz; None if it is unknown.
    """

    name: str
    length: float | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Player:
    """A player beside the first, whose times events do not have.

    Attributes:
        number: from 2.
        files: that it plays one after the other.
        shift: of its time against that of the first player, in s; None if it is unknown.
    """

    number: int
    files: tuple[Medium, ...]
    shift: float | None


@dataclass
class Observation:
    """The content of BORIS about one video.

    Attributes:
        name: the observation id.
        media: names of the files of its first player.
        files: these files in the order in which they play; empty if the order is unknown.
        players: the other players.
        offset: added to the times of events, in s.
        rate: frame rate of the media in Hz; None if it is not given, or differs between them.
        duration: length of all media together, in s.
        interval: what was observed (start, stop), in s of the video; stop is None at its end.
        events: its events.
        behaviours: the ethogram, in the file's order.
        subjects: the animals that the file lists, with or without events.
        notices: what was left out, a sentence each.
    """

    name: str
    media: list[str] = field(default_factory=list)
    files: tuple[Medium, ...] = ()
    players: tuple[Player, ...] = ()
    offset: float = 0.0
    rate: float | None = None
    duration: float | None = None
    interval: tuple[float, float | None] | None = None
    events: list[Event] = field(default_factory=list)
    behaviours: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    notices: list[str] = field(default_factory=list)

    def set_rate(self, rates: set[float]) -> None:
        """Set the frame rate to that of all media files; a notice says if they differ."""
        rates = rates - {0.0}  # files of sound
        self.rate = rates.pop() if len(rates) == 1 else None
        if rates:
            self.notices.append(RATES_DIFFER)

    @property
    def moments(self) -> Iterator[Moment]:
        """The starts and stops of events."""
        return (moment for event in self.events for moment in (event.start, event.stop))


def modifiers_of(text: str) -> tuple[str, ...]:
    """Return the modifiers in a cell, which BORIS separates by bars and commas.

    Examples:
        >>> modifiers_of("black|None|fast, hard")
        ('black', 'fast', 'hard')
    """
    parts = (part.strip() for part in text.replace("|", ",").split(","))
    return tuple(part for part in parts if part not in ("", "None"))


Observations = Mapping[str, Callable[[], Observation]]
"""Id -> a function that parses the observation, so that one that cannot be parsed does not sink the others."""


def media_of_player(text: str) -> list[str]:
    """Return the first player's part of a list such as ``player #1:a.mp4;b.mp4|player #2:c.mp4``, without blanks."""
    return [part for part in media_of_players(text)[0] if part]


def media_of_players(text: str) -> list[list[str]]:
    """Return a list such as ``player #1:a.mp4;b.mp4|player #2:c.mp4`` by players, with "" for what is missing."""
    players = (re.sub(r"^player #\d+:\s*", "", part.strip(), flags=re.IGNORECASE) for part in text.split("|"))
    return [["" if is_missing(part) else part.strip() for part in player.split(";")] for player in players]


def known(number: float | None) -> float | None:
    """Return a length or rate; None for the 0 and -1 that BORIS writes if it is unknown."""
    return number if number is not None and number > 0 else None


def total_length(lengths: Sequence[float | None]) -> float | None:
    """Return the length of files that follow each other; None if that of one is unknown."""
    return sum(length or 0.0 for length in lengths) or None if all(lengths) else None


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
