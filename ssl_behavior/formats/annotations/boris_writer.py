"""Write BORIS projects (``.boris``).

Predictions are written as projects because BORIS cannot import the tables that it exports (its issues 576 and 861).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.storage.atomic import write_text

_NO_DATE = "2000-01-01T00:00:00"
"""BORIS needs a date, and that of the recording is unknown. With today's date, every run would write another file."""

_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"
_DESCRIPTION = (
    "Written by ssl_behavior. The date, 1 January 2000, stands for an unknown one. "
    "To see the video: edit the observation, choose media files and add it."
)


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
