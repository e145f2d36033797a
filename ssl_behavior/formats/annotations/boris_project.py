"""BORIS projects (``.boris``): a JSON document with an ethogram, subjects, and observations with their events.

Predictions are written as projects because BORIS cannot import the tables that it exports (its issues 576 and 861).
Friard and Gamba 2016, "BORIS: a free, versatile open-source event-logging software for video/audio coding and live
observations", doi 10.1111/2041-210X.12584; project format 7.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.values import bout_from_frames, occurring_behaviours, parse_number
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.time_base import frame_rate_of
from ssl_behavior.recordings.videos import Video, Videos
from ssl_behavior.storage.atomic import write_text

NO_SUBJECT = "No focal subject"

_NO_DATE = "2000-01-01T00:00:00"
"""BORIS needs a date, and that of the recording is unknown. With today's date, every run would write another file."""

_FIELD = re.compile(r'"(behaviors_conf|subjects_conf|project_format_version)"\s*:')
_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"
_DESCRIPTION = (
    "Written by ssl_behavior. The date, 1 January 2000, stands for an unknown one. "
    "To see the video: edit the observation, choose media files and add it."
)


def is_project(head: str) -> bool:
    """Return whether a text file that starts with ``head`` is a BORIS project."""
    return head.lstrip().startswith("{") and _FIELD.search(head) is not None


def read(path: Path, videos: Videos) -> list[Annotations]:
    """Read one Annotations per observation that has events. Its id is the observation's; its channels are the subjects.

    Raises:
        InputError: the file is no BORIS project, has no events, or a state event starts and does not stop.
    """
    try:
        project = json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=_dict_of_distinct_names)
        kinds = {str(entry["code"]): str(entry["type"]) for entry in project["behaviors_conf"].values()}
        annotations = [
            _observation(path, videos.find(*_names(path, project, str(name))), observation, kinds)
            for name, observation in project["observations"].items()
            if observation["events"]
        ]
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: this is not a BORIS project ({type(error).__name__}: {error})") from None
    if not annotations:
        raise InputError(f"{path}: expected observations with events; found none")
    return annotations


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write a project with one observation and without its video. Bouts of the background are left out.

    Args:
        path: the file to write (``.boris``).
        annotations: annotations of one video; channels become subjects, and behaviours become state events.
        frame_rate: Hz.
    """
    background = annotations.background or OTHER
    names = dict.fromkeys(name for names in annotations.vocabulary.values() for name in names if name != background)
    events = [
        [round(frame / frame_rate, 3), channel, bout.behaviour, "", ""]  # BORIS keeps milliseconds
        for channel, bouts in annotations.channels.items()
        for bout in _without_touching(bouts)
        if bout.behaviour != background
        for frame in (bout.start, bout.stop)
    ]
    project = {
        "time_format": "s",
        "project_date": _NO_DATE,
        "project_name": annotations.id,
        "project_description": _DESCRIPTION,
        "project_format_version": "7.0",
        "subjects_conf": {
            str(i): {"key": "", "name": name, "description": ""} for i, name in enumerate(annotations.channels)
        },
        "behaviors_conf": {str(i): _state_event(i, name, list(names)) for i, name in enumerate(names)},
        "observations": {annotations.id: _live_observation(sorted(events, key=lambda event: event[0]))},
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    # json.dumps escapes all but ASCII: BORIS reads the file in the system's encoding, which may not be UTF-8.
    write_text(path, json.dumps(project, indent=1) + "\n")


def _names(path: Path, project: Mapping[str, Any], observation: str) -> list[str | Path]:
    """Return what may name the video of an observation; a project of a single one may be named as its video."""
    films = project["observations"][observation].get("file") or {}
    names = names_of_observation(observation, (str(film) for player in films.values() for film in player))
    return [*names, Path(path)] if len(project["observations"]) == 1 else names


def names_of_observation(observation: str, films: Iterable[str]) -> list[str | Path]:
    """Return what may name the video of an observation, the surest first: its id, and the paths of its films.

    Args:
        observation: id of the observation; empty if the file gives none.
        films: paths of films on any system; several in one text are separated by semicolons.
    """
    paths = dict.fromkeys(film.strip() for text in films for film in text.split(";"))
    return [*([observation] if observation else []), *(Path(film.replace("\\", "/")) for film in paths if film)]


def _state_event(i: int, name: str, names: Sequence[str]) -> dict[str, Any]:
    others = [other for other in names if other != name]
    # The behaviours that a start of this one ends, separated by commas.
    excluded = ",".join(others) if not any("," in other for other in others) else ""
    return {
        "type": "State event",
        "key": _KEYS[i] if i < len(_KEYS) else "",
        "code": name,
        "description": "",
        "color": "",
        "category": "",
        "modifiers": {},
        "excluded": excluded,
        "coding map": "",
    }


def _live_observation(events: list[list[Any]]) -> dict[str, Any]:
    """Return an observation of the type LIVE, the only one that BORIS opens without a media file."""
    return {
        "file": {},
        "type": "LIVE",
        "date": _NO_DATE,
        "description": _DESCRIPTION,
        "time offset": 0.0,
        "events": events,
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "close_behaviors_between_videos": False,
        "scan_sampling_time": 0,
        "start_from_current_time": False,
    }


def _without_touching(bouts: Sequence[Bout]) -> list[Bout]:
    """Return the bouts with touching and overlapping ones of one behaviour joined.

    Events of one behaviour are start, stop, start, stop, ... in order of time; only their number says which is which.
    """
    joined: dict[str, list[Bout]] = {}
    for bout in sorted(bouts):
        earlier = joined.setdefault(bout.behaviour, [])
        if earlier and bout.start <= earlier[-1].stop:
            earlier[-1] = Bout(earlier[-1].start, max(earlier[-1].stop, bout.stop), bout.behaviour)
        else:
            earlier.append(bout)
    return sorted(bout for bouts_of_one in joined.values() for bout in bouts_of_one)


def _dict_of_distinct_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object, and refuse a repeated name, of which ``dict`` would drop the first value."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(f"an object has a name twice; its names begin with {list(content)[:3]}")
    return content


def _observation(path: Path, video: Video, observation: Mapping[str, Any], kinds: Mapping[str, str]) -> Annotations:
    rates = {float(rate) for rate in ((observation.get("media_info") or {}).get("fps") or {}).values()} - {0.0}
    rate = frame_rate_of(video, rates.pop() if len(rates) == 1 else None, path)
    channels: dict[str, list[Bout]] = {}
    running: dict[tuple[str, str, str], float] = {}
    for event in sorted(observation["events"], key=lambda event: float(event[0])):
        time = parse_number(str(event[0]), f"{path}: {video.id!r}")
        subject, behaviour, modifier = str(event[1]) or NO_SUBJECT, str(event[2]), str(event[3])
        key = (subject, behaviour, modifier)
        if kinds.get(behaviour, "").lower().startswith("state"):
            if key not in running:
                running[key] = time
                continue
            start = running.pop(key)
        else:
            start = time
        bout = bout_from_frames(round(start * rate), round(time * rate), behaviour)
        channels.setdefault(subject, []).append(bout)
    if running:
        subject, behaviour, _ = next(iter(running))
        raise InputError(f"{path}: {behaviour!r} of {subject!r} in {video.id!r} starts and does not stop")
    return Annotations(
        video.id,
        {subject: tuple(bouts) for subject, bouts in channels.items()},
        background=OTHER,
        source=str(path),
        vocabulary={subject: occurring_behaviours(kinds, bouts) for subject, bouts in channels.items()},
    )
