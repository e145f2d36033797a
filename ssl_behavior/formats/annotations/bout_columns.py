"""Columns of starts and stops in tables of bouts, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ssl_behavior.recordings.videos import Video

FRAMES, SECONDS = "frames", "seconds"

_START = {"start", "starts", "begin", "begins", "beginning", "onset", "from", "first"}
_STOP = {"stop", "stops", "end", "ends", "ending", "offset", "to", "last", "finish"}
_DURATION = {"duration", "dur", "length"}
_UNITS = {
    **dict.fromkeys(("frame", "frames", "f", "fr", "idx", "index"), FRAMES),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), SECONDS),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "minutes"),
}
IN_SECONDS = {SECONDS: 1.0, "ms": 0.001, "minutes": 60.0}
"""Unit of time -> its length in s."""

_TIME = {"time", "t", "timestamp"}
_FILLERS = {
    "bout",
    "behavior",
    "behaviour",
    "event",
    "image",
    "video",
    "number",
    "nr",
    "no",
    "at",
    "of",
    "hh",
    "mm",
    "ss",
    "in",
    "bin",
    "interval",
    "window",
    "epoch",
    "segment",
    "clip",
    "label",
    "annotation",
    "episode",
}
_OTHER_WORDS = {
    **{"t0": "t_start", "t1": "t_stop", "t_0": "t_start", "t_1": "t_stop", "in": "start", "out": "stop"},
    **{f"{word}_in": f"{word}_start" for word in ("t", "time", "frame")},
    **{f"{word}_out": f"{word}_stop" for word in ("t", "time", "frame")},
}
"""Whole names of columns of starts and stops whose words mean something else in other names, such as "in_frame"."""

_CLOCK = re.compile(r"(_hh)?(_mm)?_ss_(ms|msec|mmm)$|(_h+)?_m{1,3}(in)?_s{1,3}(ec)?$")
"""How a clock is written, such as ELAN's ``hh:mm:ss.ms`` and ``ss.msec``: all are parsed to seconds."""

_GLUED = re.compile(r"(start|stop|end|begin|onset|offset)(frame|time|sec|s|ms|idx)")


@dataclass(frozen=True)
class Boundary:
    """A column of starts, stops or durations.

    Attributes:
        key: key of the column.
        role: ``start``, ``stop`` or ``duration``.
        unit: ``frames`` or a key of ``IN_SECONDS``; None if the name does not say.
        is_time: the name says that it is a time, in whatever unit.
        word: the word that gives the role.
    """

    key: str
    role: str
    unit: str | None
    is_time: bool
    word: str


@dataclass(frozen=True)
class BoutColumns:
    """The columns of a table of bouts.

    Attributes:
        start: where bouts start.
        stop: where they stop; None if durations say it.
        duration: how long they last, in the unit of ``start`` unless it has its own.
        times: start and stop in time beside those in frames; None without.
    """

    start: Boundary
    stop: Boundary | None
    duration: Boundary | None
    times: tuple[Boundary, Boundary] | None = None

    @property
    def used(self) -> list[Boundary]:
        """All columns."""
        return [column for column in (self.start, self.stop, self.duration, *(self.times or ())) if column]


@dataclass(frozen=True)
class BoutRow:
    """A row of a table of bouts.

    Attributes:
        video: the video that it belongs to.
        channel: the channel.
        start: in the table's unit.
        stop: in the table's unit.
        length: the stated duration; None without.
        times: start and stop in s beside those in frames; None without.
    """

    video: Video
    channel: str
    start: float
    stop: float
    length: float | None
    times: tuple[float, float] | None


@dataclass(frozen=True)
class Counting:
    """The units and the conventions of a table.

    Attributes:
        unit: ``frames`` or ``seconds``.
        first: number of the first frame: 0, or 1.
        includes_stops: stops are the last frames of bouts, rather than the first frames after them.
        notice: what was assumed.
    """

    unit: str
    first: int
    includes_stops: bool
    notice: str


def bout_columns(keys: Sequence[str]) -> BoutColumns | None:
    """Return the columns that say where bouts start and stop; None if these keys have none.

    Frames are preferred to times.
    """
    columns = [column for key in keys if (column := _boundary(key))]
    starts = [column for column in columns if column.role == "start"]
    # "offset" is a stop beside an onset only; elsewhere it is a shift of times.
    has_onset = any(column.word == "onset" for column in starts)
    stops = [column for column in columns if column.role == "stop" and (column.word != "offset" or has_onset)]
    durations = [column for column in columns if column.role == "duration"]
    pairs = [(a, b) for a in starts for b in stops if (a.unit, a.is_time) == (b.unit, b.is_time)]
    pairs += [(a, b) for a in starts for b in stops if (a, b) not in pairs and None in (a.unit, b.unit)]
    pairs.sort(key=lambda pair: pair[0].unit != FRAMES and pair[1].unit != FRAMES)
    duration = durations[0] if durations else None
    if pairs:
        times = next((pair for pair in pairs[1:] if FRAMES not in (pair[0].unit, pair[1].unit)), None)
        in_frames = FRAMES in (pairs[0][0].unit, pairs[0][1].unit)
        return BoutColumns(*pairs[0], duration, times if in_frames else None)
    if starts and duration:
        return BoutColumns(starts[0], None, duration)
    return None


def is_edge(key: str) -> bool:
    """Return whether a column says where bouts start or stop."""
    column = _boundary(key)
    return column is not None and column.role != "duration"


def _boundary(key: str) -> Boundary | None:
    words = _GLUED.sub(r"\1_\2", _CLOCK.sub("_s", _OTHER_WORDS.get(key, key))).split("_")
    roles = {"start": _START, "stop": _STOP, "duration": _DURATION}
    hits = [(role, word) for word in words for role, names in roles.items() if word in names]
    rest = [word for word in words if all(word != hit for _, hit in hits)]
    if key == "bout_time":
        hits, rest = [("duration", "time")], []
    if len(hits) != 1 or not set(rest) <= {*_UNITS, *_TIME, *_FILLERS}:
        return None
    unit = next((_UNITS[word] for word in rest if word in _UNITS), None)
    return Boundary(key, hits[0][0], unit, bool(_TIME & set(rest)), hits[0][1])
