"""Tables that BORIS exports: aggregated (a row per bout) or tabular (rows START, STOP and POINT)."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.boris_events import (
    NO_SUBJECT,
    Event,
    Medium,
    Moment,
    Observation,
    Observations,
    Player,
    file_name,
    known,
    media_of_player,
    media_of_players,
    modifiers_of,
    total_length,
    unpaired_error,
)
from ssl_behavior.formats.annotations.table import split_header, to_key
from ssl_behavior.formats.annotations.values import parse_frame, parse_number, parse_seconds
from ssl_behavior.formats.missing import is_missing
from ssl_behavior.storage.video_names import video_id

_HEAD_LINES = 60
"""Lines among which the column names must be: exports have some lines about the observation above them."""

# Names of columns in different versions of BORIS, as keys.
_BEHAVIOUR = ("behavior", "behaviour")
_LENGTHS = ("media_duration_s", "media_duration", "total_length", "total_length_s")
_RATES = ("fps", "fps_frame_s")
_OFFSETS = ("time_offset_s", "time_offset", "time_offset_hh_mm_ss")
_MEDIA = ("source", "media_file_name", "media_file_path", "media_file", "media_files", "media_file_s", "player_1")
_STARTS, _STOPS = ("start_s", "start"), ("stop_s", "stop")
_INTERVAL = re.compile(r"observation_(?:time_)?interval_(start|begin|stop|end)(?:_s)?")

_Row = Mapping[str, str]


class BorisTable:
    """A table and the lines above it.

    Attributes:
        above: what the lines above the table say: key -> value.
        keys: names of the columns in lower case, with ``_`` between words.
        lines: the lines under the names.
        separator: between cells.
    """

    def __init__(self, above: dict[str, str], keys: list[str], lines: list[str], separator: str) -> None:
        self.above, self.keys, self.lines, self.separator = above, keys, lines, separator

    def rows(self) -> list[dict[str, str]]:
        """Return the events: key -> cell. What the lines above say counts for every row."""
        rows = []
        above = {key: value for key, value in self.above.items() if value}
        behaviour = next(self.keys.index(key) for key in _BEHAVIOUR if key in self.keys)
        for cells in csv.reader(self.lines, delimiter=self.separator):
            if len(cells) > behaviour and cells[behaviour].strip():
                pairs = zip_longest(self.keys, cells[: len(self.keys)], fillvalue="")
                rows.append(above | {key: cell.strip() for key, cell in pairs})
        return rows


def find_table(text: str) -> BorisTable | None:
    """Return BORIS's table in the first lines of a text; None if there is none."""
    lines = text.splitlines()
    above: dict[str, str] = {}
    for number, line in enumerate(lines[:_HEAD_LINES]):
        cells, separator = split_header(line)
        keys = [to_key(cell) for cell in cells]
        if any(name in keys for name in _BEHAVIOUR) and _has_times(keys, above):
            return BorisTable(above, keys, lines[number + 1 :], separator)
        if len(cells) > 1 and keys[0]:
            above[keys[0]] = cells[1]
    return None


def _has_times(keys: Sequence[str], above: Mapping[str, str]) -> bool:
    """Return whether columns are BORIS's own: tables of other origin have a behaviour and times as well."""
    is_tabular = "time" in keys and ("status" in keys or "behavior_type" in keys or "behaviour_type" in keys)
    is_observation = "observation_id" in keys or "observation_id" in above or "behavior_type" in keys
    has_start = any(name in keys for name in _STARTS) or "image_index_start" in keys
    return is_tabular or (is_observation and has_start)


def observations(path: Path, table: BorisTable) -> Observations:
    """Return the observations of a table.

    Raises:
        InputError: there are no events.
    """
    events: dict[str, list[_Row]] = {}
    for row in table.rows():
        events.setdefault(row.get("observation_id") or video_id(path), []).append(row)
    if not events:
        raise InputError(f"{path}: expected rows of events under the column names; found none")
    return {name: partial(_observation, path, name, rows) for name, rows in events.items()}


def _observation(path: Path, name: str, rows: Sequence[_Row]) -> Observation:
    first = rows[0]
    where = f"{path}: {name!r}"
    offset = _first(first, _OFFSETS)
    observation = Observation(
        name, offset=parse_seconds(offset, f"{where}: time offset", _origin(offset)) if offset else 0
    )
    for row in rows:
        observation.media += [file_name(media) for key in _MEDIA for media in media_of_player(row.get(key, ""))]
    observation.media = list(dict.fromkeys(observation.media))
    observation.set_rate({_number(where, rate) for rate in media_of_player(_first(first, _RATES))})
    observation.duration = total_length(
        [known(_number(where, each)) for each in media_of_player(_first(first, _LENGTHS))]
    )
    _add_players(where, observation, first)
    observation.interval = _interval(where, first)
    _add_events(path, observation, rows)
    return observation


def _add_players(where: str, observation: Observation, row: _Row) -> None:
    """Add the files of every player in their order, if a cell lists them all; others name the file of an event."""
    lists = (media_of_players(row.get(key, "")) for key in _MEDIA)
    players = [
        [file_name(file) for file in files if file] for files in max(lists, key=lambda each: sum(map(len, each)))
    ]
    lengths, rates = (media_of_players(_first(row, keys)) for keys in (_LENGTHS, _RATES))
    media = [
        tuple(
            Medium(file, _of_file(where, lengths, i, j), _of_file(where, rates, i, j)) for j, file in enumerate(files)
        )
        for i, files in enumerate(players)
    ]
    # Several files in a cell are the list; a single one is it only if events name no other.
    if len(media[0]) > 1 or {file.name for file in media[0]} == set(observation.media):
        observation.files = media[0]
    observation.players = tuple(Player(i, files, None) for i, files in enumerate(media[1:], start=2) if files)


def _of_file(where: str, numbers: Sequence[Sequence[str]], player: int, file: int) -> float | None:
    of_player = numbers[player] if player < len(numbers) else ()
    text = of_player[file] if file < len(of_player) else ""
    return known(_number(where, text)) if text else None


def _add_events(path: Path, observation: Observation, rows: Sequence[_Row]) -> None:
    where = f"{path}: {observation.name!r}"
    running: dict[tuple[str, ...], Moment] = {}
    for row in rows:
        subject, behaviour = row.get("subject") or NO_SUBJECT, _first(row, _BEHAVIOUR)
        times: tuple[Moment, Moment] | None
        if "time" not in row:
            times = _aggregated(where, behaviour, row, observation.offset)
        else:
            key = (subject, behaviour, *(value for name, value in row.items() if name.startswith("modifier")))
            times = _tabular(where, key, row, running, observation.offset)
        if times is not None:
            cells = (value for name, value in row.items() if name.startswith("modifier"))
            modifiers = tuple(part for cell in cells for part in modifiers_of(cell))
            observation.events.append(Event(subject, behaviour, *times, modifiers))
    if running:
        raise unpaired_error(path, observation.name, [(key[0], key[1]) for key in running])


def _aggregated(where: str, behaviour: str, row: _Row, offset: float) -> tuple[Moment, Moment]:
    start = _moment(where, _first(row, _STARTS), row.get("image_index_start", ""), offset)
    stop = _moment(where, _first(row, _STOPS), row.get("image_index_stop", ""), offset)
    if start is None:
        raise InputError(f"{where}: expected a number in 'Start (s)'; found {_first(row, _STARTS)!r}")
    if stop is None and _kind(row).startswith("STATE"):
        raise InputError(f"{where}: {behaviour!r} starts at {_text(start)} and has no number in 'Stop (s)'")
    if stop is not None and _order(stop) < _order(start):
        raise InputError(f"{where}: {behaviour!r} stops at {_text(stop)}, before its start at {_text(start)}")
    return start, start if stop is None else stop


def _tabular(
    where: str, key: tuple[str, ...], row: _Row, running: dict[tuple[str, ...], Moment], offset: float
) -> tuple[Moment, Moment] | None:
    """Return start and stop of a bout, or None for a START, which waits in ``running`` for its STOP."""
    kind = _kind(row)
    moment = _moment(where, row.get("time", ""), row.get("image_index", ""), offset)
    if moment is None or kind not in ("START", "STOP", "POINT"):
        raise InputError(f"{where}: expected a time and START, STOP or POINT; found {row.get('time')!r} and {kind!r}")
    if kind == "START":
        if key in running:
            raise InputError(
                f"{where}: {key[1]!r} of {key[0]!r} starts at {_text(running[key])} and again at {_text(moment)}"
            )
        running[key] = moment
        return None
    if kind == "STOP" and key not in running:
        raise InputError(f"{where}: {key[1]!r} of {key[0]!r} has a STOP at {_text(moment)} without a START")
    return (running.pop(key), moment) if kind == "STOP" else (moment, moment)


def _moment(where: str, time: str, image: str, offset: float) -> Moment | None:
    seconds = None if is_missing(time) else parse_seconds(time, where, _origin(time, offset))
    index = None if _has_no_image(image) else parse_frame(image, where)
    return None if seconds is None and index is None else Moment(seconds, index)


def _has_no_image(image: str) -> bool:
    return is_missing(image) or image.lower() == "not found"


def _origin(text: str, offset: float = 0.0) -> float:
    """Return the origin of a time for ``parse_seconds``: clock times count from 1970."""
    if offset:
        return offset
    number = text.replace(",", ".").lstrip("-").partition(".")[0]
    return float(text.replace(",", ".")) if number.isdecimal() and len(number) == 10 else 0.0


def _order(moment: Moment) -> float:
    return moment.seconds if moment.seconds is not None else float(moment.image or 0)


def _text(moment: Moment) -> str:
    return f"image {moment.image}" if moment.seconds is None else f"{moment.seconds} s"


def _kind(row: _Row) -> str:
    return _first(row, ("behavior_type", "behaviour_type", "status", "type")).upper()


def _interval(where: str, row: _Row) -> tuple[float, float | None] | None:
    edges = {
        match[1]: parse_seconds(cell, where)
        for key, cell in row.items()
        if (match := _INTERVAL.fullmatch(key)) and not is_missing(cell)
    }
    if not any(edges.values()):
        return None
    start, stop = edges.get("start", edges.get("begin", 0.0)), edges.get("stop", edges.get("end"))
    return start, stop or None


def _first(row: _Row, keys: Sequence[str]) -> str:
    return next((row[key] for key in keys if not is_missing(row.get(key, ""))), "")


def _number(where: str, text: str) -> float:
    return parse_number(text, where)
