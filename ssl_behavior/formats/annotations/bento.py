"""Bento ``.annot``: channels, and a table of start, stop and duration for each behaviour, in seconds or in frames.

bentoMAT counts frames from 1, with both ends inclusive; its seconds are such a frame divided by the frame rate. A file
without a decimal point counts in frames, unless its header counts in seconds and they lie before its end. Bento lists
behaviours only, so frames in no bout are ``other``. Frames outside the start and stop of the header are unscored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from ssl_behavior.errors import InputError, count_of
from ssl_behavior.formats.annotations.values import bout_from_frames, media_names, occurring_behaviours, parse_number
from ssl_behavior.formats.text_files import first_line, read_text
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.time_base import frame_scale_of, time_base_of
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Video, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "bento"

_HEADER = "Bento annotation file"
_MOVIES = ("movie file", "movie:")
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
    lines = [line.strip() for line in read_text(path).splitlines()]
    header = [line for line in lines if line[:10].lower() == "annotation"]
    # A name may hold blanks, so a line of several movies counts as one name too.
    movies = [line.partition(":")[2] for line in lines if line.lower().startswith(_MOVIES)]
    video = _video_of(path, movies, videos)
    stated = _header_number(path, header, "annotation framerate")
    names = _section(lines, "list of annotations")
    rows, has_decimals = _rows(path, lines)
    span = _Span(
        start=_header_number(path, header, "annotation start frame"),
        stop=_header_number(path, header, "annotation stop frame"),
        start_s=_header_number(path, header, "annotation start time"),
        stop_s=_header_number(path, header, "annotation stop time"),
    )
    last = max((stop for table in rows.values() for _, stop, _ in table), default=0.0)
    in_seconds, of_unit = (True, ()) if has_decimals else _unit_of_whole_numbers(path, span, last)
    rate, scale, notices = _rates(path, video, stated, span, last, in_seconds=in_seconds)
    channels = {
        channel: tuple(bout_from_frames(*_frames(start, stop, scale, in_seconds), name) for start, stop, name in table)
        for channel, table in rows.items()
    }
    first_frame, frames = span.frames(rate, rate / (stated or rate) if in_seconds else scale)
    return [
        Annotations(
            id=video.id,
            channels=channels,
            background=OTHER,
            source=str(path),
            frames=frames,
            first_frame=first_frame,
            vocabulary={channel: occurring_behaviours(names, bouts) for channel, bouts in channels.items()},
            notices=(*of_unit, *notices, *_outside(channels, first_frame, frames)),
        )
    ]


def _video_of(path: Path, movies: list[str], videos: Videos) -> Video:
    """Return the video that the file or its movie is named after.

    Raises:
        InputError: both are of known videos, and of different ones.
    """
    video = videos.find(Path(path), *(name for movie in movies for name in media_names(movie)))
    of_movies = [_id_of_movie(movie, videos) for movie in movies if movie.strip()]
    if known := [name for name in of_movies if name in videos and video.id not in of_movies]:
        raise InputError(
            f"{path}: expected annotations of one video; found the name of {video.id!r} and the movie of "
            f"{known[0]!r}: rename the file, or correct its line 'Movie file(s)'"
        )
    return video


def _id_of_movie(movie: str, videos: Videos) -> str:
    try:
        return videos.find(*media_names(movie)).id
    except InputError:  # movies of one name in several folders, which the file's own name tells apart
        return ""


@dataclass(frozen=True)
class _Span:
    """The annotated span: frames from 1, the last included, or seconds; None where the file does not say."""

    start: float | None
    stop: float | None
    start_s: float | None
    stop_s: float | None

    def frames(self, rate: float, scale: float) -> tuple[int, int | None]:
        """Return the first annotated frame, from 0, and the one after the last; None for the end of the tracks."""
        first = (self.start - 1) * scale if self.start is not None else (self.start_s or 0.0) * rate - 1
        stop = self.stop * scale if self.stop is not None else (self.stop_s or 0.0) * rate
        return max(0, round(first)), round(stop) or None


def _unit_of_whole_numbers(path: Path, span: _Span, last: float) -> tuple[bool, tuple[str, ...]]:
    """Return whether rows of whole numbers, with this last stop, are seconds, and a notice; Bento's are frames.

    Raises:
        InputError: the header counts in seconds, and does not say where they end.
    """
    if span.start is not None or span.stop is not None or (span.start_s is None and span.stop_s is None):
        return False, ()
    if span.stop_s is None:
        raise InputError(
            f"{path}: expected rows with a decimal point, or 'Annotation stop time:' in the header; found whole "
            f"numbers up to {last:g}, which may be frames or seconds: write one of the two, in seconds"
        )
    if last > span.stop_s:
        return False, ()
    return True, (
        f"its rows are whole numbers up to {last:g}, and its header gives times up to {span.stop_s:g} s, so they are "
        "taken as seconds: give the header as 'Annotation start frame' and 'stop frame' if they are frames",
    )


def _rates(
    path: Path, video: Video, stated: float | None, span: _Span, last: float, *, in_seconds: bool
) -> tuple[float, float, tuple[str, ...]]:
    """Return frames per second of the header's times, the factor from rows to frames, and notices."""
    if in_seconds:
        base = time_base_of(video, path, stated, reaches=span.stop_s or (span.stop or 0) / (stated or inf))
        return base.frame_rate, base.frame_rate, base.notices
    scale, notices = frame_scale_of(video, stated, int(span.stop or (span.stop_s or 0) * (stated or 0) or last))
    # Times of the header lie on the frames that the file counts.
    return (stated or video.frame_rate or ASSUMED_FRAME_RATE) * scale, scale, notices


def _frames(start: float, stop: float, scale: float, in_seconds: bool) -> tuple[int, int]:
    # Seconds are a frame, from 1, over the frame rate; the start of a frame from 1 is that frame less 1.
    first = start * scale - 1 if in_seconds else (start - 1) * scale
    return round(first), round(stop * scale)


def _outside(channels: Mapping[str, tuple[Bout, ...]], first: int, stop: int | None) -> Iterator[str]:
    """Yield a notice of the bouts outside the annotated span, which are unscored."""
    every = [bout for bouts in channels.values() for bout in bouts]
    if outside := sum(bout.stop <= first or bout.start >= (stop or inf) for bout in every):
        yield f"{count_of(outside, 'bout')} outside the start and stop of annotation, left out"


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
    """Return channel -> (start, stop, behaviour) in the file's unit, and whether they have a decimal point."""
    rows: dict[str, list[tuple[float, float, str]]] = {}
    has_decimals = False
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
            has_decimals = has_decimals or "." in match[1] + match[2]
    if not rows:
        raise InputError(f"{path}: expected a channel such as 'Ch1----------' and its bouts; found none")
    return rows, has_decimals


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
