"""Bento ``.annot``: channels, and a table of start, stop and duration for each behaviour, in seconds or in frames.

bentoMAT counts frames from 1, with both ends inclusive; its seconds are such a frame divided by the frame rate. A file
without a decimal point counts in frames. Bento lists behaviours only, so frames in no bout are ``other``. Frames before
the start and after the stop that the header gives are unscored.
"""

from __future__ import annotations

import re
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.values import (
    bout_from_frames,
    first_line,
    occurring_behaviours,
    parse_number,
)
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.time_base import frame_rate_of
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "bento"

_HEADER = "Bento annotation file"
_RULE = "---"
_ROW = re.compile(r"(-?[\d.]+(?:e[-+]?\d+)?)\s+(-?[\d.]+(?:e[-+]?\d+)?)(\s+\S+)?", re.IGNORECASE)


def detect(path: Path) -> bool:
    """Return whether the file starts with Bento's header."""
    return first_line(path).lower().startswith(_HEADER.lower())


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read the bouts of all channels.

    Args:
        path: an ``.annot`` file.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: a row outside a channel or behaviour, a row without two numbers, or a bad number in the header.
    """
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    header = [line for line in lines if line[:10].lower() == "annotation"]
    video = videos.find(Path(path))
    rate = frame_rate_of(video, _header_number(path, header, "annotation framerate"), path)
    stop = _header_number(path, header, "annotation stop frame")
    start = _header_number(path, header, "annotation start frame") or 1
    names = _section(lines, "list of annotations")
    rows, in_seconds = _rows(path, lines)
    scale = rate if in_seconds else 1.0
    channels = {
        channel: tuple(bout_from_frames(round(a * scale) - 1, round(b * scale), name) for a, b, name in table)
        for channel, table in rows.items()
    }
    return [
        Annotations(
            id=video.id,
            channels=channels,
            background=OTHER,
            source=str(path),
            frames=None if stop is None else int(stop),
            first_frame=max(0, int(start) - 1),
            vocabulary={channel: occurring_behaviours(names, bouts) for channel, bouts in channels.items()},
        )
    ]


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write a file that Bento opens, with times in seconds. Bouts of the background are left out: Bento implies them.

    Args:
        path: the file to write (``.annot``).
        annotations: annotations of one video.
        frame_rate: Hz.
    """
    stop = max((annotations.stop(channel) for channel in annotations.channels), default=0)
    background = annotations.background or OTHER
    names = list(
        dict.fromkeys(name for names in annotations.vocabulary.values() for name in names if name != background)
    )
    lines = [_HEADER, "Movie file(s):", "", "Stimulus name:", f"Annotation start frame: {annotations.first_frame + 1}"]
    lines += [f"Annotation stop frame: {stop}", f"Annotation framerate: {frame_rate:.6f}", ""]
    lines += ["List of channels:", *annotations.channels, "", "List of annotations:", *names, ""]
    for channel, bouts in annotations.channels.items():
        lines.append(f"{channel}----------")
        for name in names:
            lines += [f">{name}", "Start\tStop\tDuration"]
            lines += [_seconds(bout, frame_rate) for bout in bouts if bout.behaviour == name]
            lines.append("")
        lines.append("")
    write_text(path, "\n".join(lines) + "\n")


def _seconds(bout: Bout, frame_rate: float) -> str:
    start, stop = (bout.start + 1) / frame_rate, bout.stop / frame_rate
    return f"{start:.6f}\t{stop:.6f}\t{stop - start:.6f}"


def _rows(path: Path, lines: list[str]) -> tuple[dict[str, list[tuple[float, float, str]]], bool]:
    """Return channel -> (start, stop, behaviour) in the file's unit, and whether that unit is seconds."""
    rows: dict[str, list[tuple[float, float, str]]] = {}
    in_seconds = False
    channel = behaviour = None
    for row, line in enumerate(lines, start=1):
        if line.endswith(_RULE) and line.strip("-"):
            channel, behaviour = line.rstrip("-").strip(), None
            rows.setdefault(channel, [])
        elif line.startswith(">"):
            behaviour = line[1:].strip()
        elif channel is None or not line or line.lower().startswith("start"):
            continue
        elif behaviour is None or (match := _ROW.fullmatch(line)) is None:
            raise InputError(f"{path} line {row}: expected '>behaviour' or 'start stop duration'; found {line[:60]!r}")
        else:
            where = f"{path} line {row}"
            start, stop = parse_number(match[1], where), parse_number(match[2], where)
            if stop < start:
                raise InputError(f"{where}: expected a bout that stops after it starts; found {line[:60]!r}")
            rows[channel].append((start, stop, behaviour))
            in_seconds = in_seconds or "." in match[1] + match[2]
    if not rows:
        raise InputError(f"{path}: expected a channel such as 'Ch1----------' and its bouts; found none")
    return rows, in_seconds


def _header_number(path: Path, lines: list[str], key: str) -> float | None:
    text = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith(key)), "")
    value = parse_number(text, f"{path}: {key}") if text else None
    if value is not None and value < 0:
        raise InputError(f"{path}: {key}: expected a positive number; found {text!r}")
    return value


def _section(lines: list[str], title: str) -> list[str]:
    start = next((i for i, line in enumerate(lines) if line.lower().startswith(title)), None)
    if start is None:
        return []
    stop = next((i for i in range(start + 1, len(lines)) if not lines[i]), len(lines))
    return lines[start + 1 : stop]
