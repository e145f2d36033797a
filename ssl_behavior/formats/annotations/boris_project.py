"""BORIS projects (``.boris``): a JSON document with an ethogram, subjects, and observations with their events.

Friard and Gamba 2016, "BORIS: a free, versatile open-source event-logging software for video/audio coding and live
observations", doi 10.1111/2041-210X.12584; project format 7.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError, list_names
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
    modifiers_of,
    total_length,
    unpaired_error,
)
from ssl_behavior.formats.annotations.values import parse_seconds
from ssl_behavior.formats.missing import is_missing
from ssl_behavior.formats.text_files import read_text

_LATEST_CLOCK = 1e11
"""Seconds since 1970 beyond which a number is no time of a clock."""

_FIELD = re.compile(r'"(behaviors_conf|subjects_conf|project_format_version)"\s*:')


def is_project(head: str) -> bool:
    """Return whether a text file that starts with ``head`` is a BORIS project."""
    return head.lstrip().startswith("{") and _FIELD.search(head) is not None


def observations(path: Path) -> tuple[Observations, tuple[str, ...]]:
    """Return the observations that have events, and a notice of the others.

    Raises:
        InputError: the file is no BORIS project, or no observation has events.
    """
    try:
        project = json.loads(read_text(path), object_pairs_hook=_dict_of_distinct_names)
        kinds = {str(entry["code"]): str(entry["type"]) for entry in project["behaviors_conf"].values()}
        subjects = tuple(str(entry["name"]) for entry in (project.get("subjects_conf") or {}).values())
        fields = {str(name): each for name, each in project["observations"].items() if each["events"]}
        without = [str(name) for name in project["observations"] if str(name) not in fields]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, RecursionError) as error:
        raise _no_project(path, error) from None
    if not fields:
        raise InputError(f"{path}: expected observations with events; found none")
    notices = (f"observations without events, left out: {list_names(without, 5)}",) if without else ()
    return {name: partial(_parse, path, name, each, kinds, subjects) for name, each in fields.items()}, notices


def _dict_of_distinct_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object, and refuse a repeated name, of which ``dict`` would drop the first value."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(f"an object has a name twice; its names begin with {list(content)[:3]}")
    return content


def _no_project(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: this is not a BORIS project ({type(error).__name__}: {error})")


def _parse(
    path: Path, name: str, fields: Mapping[str, Any], kinds: Mapping[str, str], subjects: tuple[str, ...]
) -> Observation:
    try:
        observation = _observation(path, name, fields, kinds)
        observation.subjects = subjects
        return observation
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as error:
        raise _no_project(path, error) from None


def _observation(path: Path, name: str, fields: Mapping[str, Any], kinds: Mapping[str, str]) -> Observation:
    where = f"{path}: {name!r}"
    files = [str(file) for file in (fields.get("file") or {}).get("1") or ()]
    files += [str(folder) for folder in fields.get("directories_list") or ()]
    media = fields.get("media_info") or {}
    rates, lengths = media.get("fps") or {}, media.get("length") or {}
    names = [file for file in files if file in lengths] or list(lengths)
    observation = Observation(name, list(dict.fromkeys(map(file_name, files))), behaviours=tuple(kinds))
    observation.offset = _offset(where, fields, media, files)
    observation.set_rate({float(rates[file]) for file in ([file for file in files if file in rates] or rates)})
    observation.duration = total_length([known(float(lengths[file])) for file in names])
    _add_players(observation, fields, media)
    start, stop = [float(edge or 0) for edge in fields.get("observation time interval") or (0, 0)][:2]
    observation.interval = (start, stop or None) if start or stop else None
    _add_events(path, observation, fields["events"], kinds)
    return observation


def _add_players(observation: Observation, fields: Mapping[str, Any], media: Mapping[str, Any]) -> None:
    """Add the files of every player, in their order, and a notice of players that do not start together."""
    rates, lengths = media.get("fps") or {}, media.get("length") or {}
    shifts = {str(number): float(shift or 0) for number, shift in (media.get("offset") or {}).items()}
    if before_7 := float(fields.get("time offset second player") or 0):
        shifts.setdefault("2", before_7)
    players = {
        str(number): tuple(_medium(str(file), lengths, rates) for file in files)
        for number, files in (fields.get("file") or {}).items()
        if files
    }
    observation.files = players.pop("1", ())
    observation.players = tuple(
        Player(int(number), files, shifts.get(number, 0.0) - shifts.get("1", 0.0)) for number, files in players.items()
    )
    if different := sorted(set(shifts.values()) - {0.0}):
        observation.notices.append(
            f"its players are shifted against each other by {', '.join(f'{shift:g}' for shift in different)} s, "
            "and times are those of the first player"
        )


def _medium(file: str, lengths: Mapping[str, Any], rates: Mapping[str, Any]) -> Medium:
    # Projects that have moved may name a file by another folder in each place.
    length, rate = (
        numbers.get(file) or next((each for name, each in numbers.items() if file_name(name) == file_name(file)), None)
        for numbers in (lengths, rates)
    )
    return Medium(file_name(file), known(float(length or 0)), known(float(rate or 0)))


def _offset(where: str, fields: Mapping[str, Any], media: Mapping[str, Any], files: Sequence[str]) -> float:
    """Return what BORIS added to the times of events: the time offset, and the time at which the media were made."""
    text = str(fields.get("time offset") or 0)
    offset = parse_seconds(text, f"{where}: time offset", _clock(text))
    if fields.get("media_creation_date_as_offset"):
        created = media.get("media_creation_time") or {}
        if len(files) != 1 or files[0] not in created:
            raise InputError(
                f"{where}: expected one media file with the time at which it was made, which its event times contain; "
                f"found {len(files)} media files: observe each file by itself, without that option of BORIS"
            )
        offset += float(created[files[0]])
    return offset


def _clock(text: str) -> float:
    """Return the origin of a time for ``parse_seconds``: clock times count from 1970."""
    try:
        return float(text) if abs(float(text)) < _LATEST_CLOCK else 0.0
    except ValueError:
        return 0.0


def _add_events(path: Path, observation: Observation, events: list[list[Any]], kinds: Mapping[str, str]) -> None:
    """Add events in order of time: those of a state are its start, its stop, its start, ..."""
    where = f"{path}: {observation.name!r}"
    running: dict[tuple[str, str, str], Moment] = {}
    moments = [_moment(where, event) for event in events]
    in_order = sorted(range(len(events)), key=lambda i: (moments[i].seconds or 0.0, moments[i].image or 0))
    for i in in_order:
        subject, behaviour, modifier = str(events[i][1]) or NO_SUBJECT, str(events[i][2]), str(events[i][3])
        key, moment = (subject, behaviour, modifier), moments[i]
        if not kinds.get(behaviour, "").lower().startswith("state"):
            observation.events.append(Event(subject, behaviour, moment, moment, modifiers_of(modifier)))
        elif key in running:
            observation.events.append(Event(subject, behaviour, running.pop(key), moment, modifiers_of(modifier)))
        else:
            running[key] = moment
    if running:
        raise unpaired_error(path, observation.name, [(subject, behaviour) for subject, behaviour, _ in running])


def _moment(where: str, event: Sequence[Any]) -> Moment:
    time, image = str(event[0]), event[5] if len(event) > 5 else None
    index = int(str(image)) if str(image).isdecimal() else None
    if index is not None and is_missing(time):
        return Moment(None, index)
    return Moment(parse_seconds(time, where, _clock(time)), index)
