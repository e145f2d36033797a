"""Numbers, times and frames as annotation files state them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf, nan
from pathlib import Path
from statistics import median

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import LARGEST_TIME, FrameRate
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE


def number(text: str, where: str | Path) -> float:
    """A finite number that can be a time or a frame.

    Args:
        text: as the file has it.
        where: the file, and what else helps to find the place, for the error.

    Raises:
        InputError: it is none, or beyond any recording.
    """
    try:
        value = nan if "_" in text else float(text)
    except ValueError:
        value = nan
    if not abs(value) < inf:
        raise InputError(f"{where}: expected a number; found {text[:40]!r}")
    if abs(value) > LARGEST_TIME:
        raise InputError(f"{where}: expected a time or frame of at most {LARGEST_TIME:,.0f}; found {text[:40]!r}")
    return value


def whole(text: str, where: str | Path) -> int:
    """As ``number``, for what counts frames.

    Raises:
        InputError: it is no whole number, or beyond any recording.
    """
    value = number(text, where)
    if value != int(value):
        raise InputError(f"{where}: expected a whole number of frames; found {text[:40]!r}")
    return int(value)


def rate_of(frame_rate: FrameRate, video: str, path: str | Path) -> float:
    """The frame rate of one video in Hz; of one that a mapping does not name, the median of those it does, or 30 Hz.

    Raises:
        InputError: the rate is not positive and finite.
    """
    rate = frame_rate
    if isinstance(frame_rate, Mapping):
        try:
            rate = frame_rate[video]
        except KeyError:
            rate = median(frame_rate.values()) if frame_rate else ASSUMED_FRAME_RATE
    if not 0 < rate < inf:  # type: ignore[operator]
        raise InputError(f"{path}: the frame rate of {video!r} must be a positive number of Hz; got {rate}")
    return float(rate)  # type: ignore[arg-type]


def frame_bout(start: int, stop: int, behaviour: str) -> Bout:
    """A bout of at least one frame, from frames that were rounded from seconds."""
    start = max(start, 0)
    return Bout(start, max(stop, start + 1), behaviour)


def in_order(names: Iterable[str], bouts: Iterable[Bout]) -> tuple[str, ...]:
    """The behaviours of some bouts, in the order of ``names``."""
    there = {bout.behaviour for bout in bouts}
    return tuple(name for name in names if name in there)


def uncovered(bouts: Iterable[Bout], frames: int) -> list[tuple[int, int]]:
    """The stretches (start, stop) of ``frames`` frames that lie in no bout."""
    covered = np.zeros(frames + 2, bool)
    for bout in bouts:
        covered[bout.start + 1 : bout.stop + 1] = True
    covered[0] = covered[-1] = True
    edges = np.flatnonzero(np.diff(covered.astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def first_line(path: Path) -> str:
    """The first line of a text file, or nothing if it is no text."""
    with Path(path).open("rb") as file:
        head = file.read(4096)
    if b"\0" in head:
        return ""
    return head.decode("utf-8-sig", errors="replace").split("\n", 1)[0].strip()
