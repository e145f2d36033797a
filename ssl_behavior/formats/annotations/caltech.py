"""Caltech Behavior Annotator (Piotr's toolbox): ``*_annot.txt``, frames from 1, both ends of a bout inclusive.

A header comes first, then a configuration of ``name key`` lines. Each channel has a line ``S1: start end type``, a line
of dashes, and one row per bout. Frames in no row are unscored.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.values import gaps_between, occurring_behaviours, parse_frame
from ssl_behavior.formats.text_files import first_line, read_text
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Videos
from ssl_behavior.storage.atomic import write_text

NAME = "caltech"

_HEADER = "Caltech Behavior Annotator - Annotation File"
_CONFIGURATION = "Configuration file:"
_CHANNEL = re.compile(r"(\S+):\s*start\s+end\s+type", re.IGNORECASE)
_ROW = re.compile(r"(\d+)\s+(\d+)\s+(\S.*)")


def detect(path: Path) -> bool:
    """Return whether the file starts with the annotator's header."""
    return first_line(path).lower() == _HEADER.lower()


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read the bouts of all channels, with the behaviours in the order of the configuration.

    Args:
        path: a ``*_annot.txt`` file.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: an unexpected line, a bout that ends before it starts, or a behaviour that the configuration lacks.
    """
    lines = read_text(path).splitlines()
    names: dict[str, None] = {}
    channels: dict[str, list[Bout]] = {}
    channel: str | None = None
    in_configuration = False
    for number, line in enumerate((line.strip() for line in lines), start=1):
        if match := _CHANNEL.fullmatch(line):
            channel, in_configuration = match[1], False
            channels[channel] = []
        elif line == _CONFIGURATION:
            in_configuration = True
        elif not line or not line.strip("-") or number == 1:
            continue
        elif in_configuration:
            # The key is the last word; names may hold spaces.
            names[line.rsplit(maxsplit=1)[0] if len(line.split()) > 1 else line] = None
        elif channel is not None:
            channels[channel].append(_bout(path, number, line, names))
        else:
            raise InputError(f"{path} line {number}: expected 'S1: start end type' or a bout; found {line[:60]!r}")
    if not any(channels.values()):
        raise InputError(f"{path}: expected rows of 'start end behaviour' under a channel such as 'S1:'; found none")
    return [
        Annotations(
            id=videos.find(Path(path)).id,
            channels={name: tuple(bouts) for name, bouts in channels.items()},
            source=str(path),
            frames=max(bout.stop for bouts in channels.values() for bout in bouts),
            vocabulary={name: occurring_behaviours(names, bouts) for name, bouts in channels.items()},
        )
    ]


def write(path: str | Path, annotations: Annotations, frame_rate: float = ASSUMED_FRAME_RATE) -> None:
    """Write a file that the annotator opens. Frames of the background become bouts.

    Annotations hold no keys, so each behaviour gets a new one: the first free letter of its name, or any free one.

    Args:
        path: the file to write; the annotator expects the name ``<video id>_annot.txt``.
        annotations: annotations of one video.
        frame_rate: unused; the file counts in frames.
    """
    names = list(dict.fromkeys(name for names in annotations.vocabulary.values() for name in names))
    lines = [_HEADER, "", _CONFIGURATION, *(f"{name}\t{key}" for name, key in _keys(names).items()), ""]
    for channel, bouts in annotations.channels.items():
        rows = list(bouts)
        if annotations.background is not None:
            unscored = (Bout(start, stop, "") for start, stop in annotations.unscored.get(channel, ()))
            gaps = gaps_between([*bouts, *unscored], annotations.stop(channel))
            rows = sorted(rows + [Bout(start, stop, annotations.background) for start, stop in gaps])
        lines += [f"{channel}:\tstart\tend\ttype", "-" * 29]
        lines += [f"   \t{bout.start + 1}\t{bout.stop}\t{bout.behaviour}" for bout in rows]
        lines += ["  "]
    # The annotator's line ends and spaces, so that a file that was only read and written does not change.
    write_text(path, "".join(f"{line}\r\n" for line in lines))


def _bout(path: Path, number: int, line: str, names: Collection[str]) -> Bout:
    match = _ROW.fullmatch(line)
    if match is None:
        raise InputError(f"{path} line {number}: expected 'start end behaviour'; found {line[:60]!r}")
    where = f"{path} line {number}"
    start, end, name = parse_frame(match[1], where), parse_frame(match[2], where), match[3]
    if not 1 <= start <= end:
        raise InputError(f"{where}: expected 1 <= start <= end; found {start} to {end} ({name})")
    if name not in names:
        raise InputError(f"{where}: label {name!r} is not in the file's configuration {list(names)}")
    return Bout(start - 1, end, name)


def _keys(names: list[str]) -> dict[str, str]:
    free = list("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    keys: dict[str, str] = {}
    for name in names:
        key = next((letter for letter in name.lower() if letter in free), free[0] if free else "?")
        keys[name] = key
        if key in free:
            free.remove(key)
    return keys
