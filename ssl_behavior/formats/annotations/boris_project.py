"""BORIS projects (``.boris``): one JSON document of ethogram, subjects and observations, each with its events.

BORIS opens these, and cannot import the tables it exports (its issues 576 and 861). Friard and Gamba 2016, "BORIS: a
free, versatile open-source event-logging software for video/audio coding and live observations", doi
10.1111/2041-210X.12584; project format 7.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.values import frame_bout, in_order, number, rate_of
from ssl_behavior.recordings.annotations import OTHER, Annotations, FrameRate
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.storage.atomic import write_text

NO_SUBJECT = "No focal subject"

_NO_DATE = "2000-01-01T00:00:00"  # BORIS wants one; the recording's is not known, and today's is another tomorrow
_FIELD = re.compile(r'"(behaviors_conf|subjects_conf|project_format_version)"\s*:')
_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"
_DESCRIPTION = (
    "Written by ssl_behavior. The date, 1 January 2000, stands for an unknown one. "
    "To see the video: edit the observation, choose media files and add it."
)


def is_project(head: str) -> bool:
    """Whether a text file that begins so is a BORIS project."""
    return head.lstrip().startswith("{") and _FIELD.search(head) is not None


def read(path: Path, frame_rate: FrameRate) -> list[Annotations]:
    """One Annotations per observation that has events; its id is the observation's, its channels the subjects.

    Raises:
        InputError: no such project, no events, or a state event that starts and does not stop.
    """
    try:
        project = json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=_distinct)
        kinds = {str(one["code"]): str(one["type"]) for one in project["behaviors_conf"].values()}
        found = [
            _observation(path, str(name), one, kinds, frame_rate)
            for name, one in project["observations"].items()
            if one["events"]
        ]
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not a BORIS project as BORIS writes it ({type(error).__name__}: {error})") from None
    if not found:
        raise InputError(f"{path}: expected observations with events; found none")
    return found


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write a project with one observation, without its video; bouts of the background are left out.

    Args:
        path: where to (``.boris``).
        annotations: what to write; the channels become subjects, the behaviours state events.
        frame_rate: Hz.
    """
    background = annotations.background or OTHER
    names = dict.fromkeys(name for names in annotations.vocabulary.values() for name in names if name != background)
    events = [
        [round(frame / frame_rate, 3), channel, bout.behaviour, "", ""]  # BORIS keeps milliseconds
        for channel, bouts in annotations.channels.items()
        for bout in _apart(bouts)
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
        "observations": {annotations.id: _live(sorted(events, key=lambda event: event[0]))},
        "behavioral_categories": [],
        "behavioral_categories_config": {},
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    write_text(path, json.dumps(project, indent=1) + "\n")  # in ASCII, as BORIS reads it in the system's encoding


def _state_event(i: int, name: str, names: Sequence[str]) -> dict[str, Any]:
    others = [other for other in names if other != name]
    return {
        "type": "State event",
        "key": _KEYS[i] if i < len(_KEYS) else "",
        "code": name,
        "description": "",
        "color": "",
        "category": "",
        "modifiers": {},
        "excluded": ",".join(others) if not any("," in other for other in others) else "",
        "coding map": "",
    }


def _live(events: list[list[Any]]) -> dict[str, Any]:
    """An observation of the kind that needs no media file to open."""
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


def _apart(bouts: Sequence[Bout]) -> list[Bout]:
    """The bouts, with those of one behaviour that touch made one: BORIS tells starts from stops by counting."""
    made: dict[str, list[Bout]] = {}
    for bout in sorted(bouts):
        same = made.setdefault(bout.behaviour, [])
        if same and bout.start <= same[-1].stop:
            same[-1] = Bout(same[-1].start, max(same[-1].stop, bout.stop), bout.behaviour)
        else:
            same.append(bout)
    return sorted(bout for same in made.values() for bout in same)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a name twice in {list(found)[:3]}")
    return found


def _observation(
    path: Path, name: str, observation: Mapping[str, Any], kinds: Mapping[str, str], frame_rate: FrameRate
) -> Annotations:
    rates = {float(rate) for rate in ((observation.get("media_info") or {}).get("fps") or {}).values()} - {0.0}
    rate = rate_of(rates.pop() if len(rates) == 1 else frame_rate, name, path)
    channels: dict[str, list[Bout]] = {}
    opened: dict[tuple[str, str, str], float] = {}
    for event in sorted(observation["events"], key=lambda event: float(event[0])):
        time = number(str(event[0]), f"{path}: {name!r}")
        subject, behaviour, modifier = str(event[1]) or NO_SUBJECT, str(event[2]), str(event[3])
        key = (subject, behaviour, modifier)
        if kinds.get(behaviour, "").lower().startswith("state"):
            if key not in opened:
                opened[key] = time
                continue
            start = opened.pop(key)
        else:
            start = time
        bout = frame_bout(round(start * rate), round(time * rate), behaviour)
        channels.setdefault(subject, []).append(bout)
    if opened:
        subject, behaviour, _ = next(iter(opened))
        raise InputError(f"{path}: {behaviour!r} of {subject!r} in {name!r} starts and does not stop")
    vocabulary = {channel: in_order(kinds, bouts) for channel, bouts in channels.items()}
    return Annotations(name, {k: tuple(v) for k, v in channels.items()}, OTHER, str(path), None, 0, vocabulary)
