"""Numbers, times and frames in the text of annotation files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import inf, nan
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import LARGEST_TIME
from ssl_behavior.recordings.labels import Bout

_CLOCK = re.compile(r"(-)?(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d*)?)")


def parse_number(text: str, where: str | Path, origin: float = 0.0) -> float:
    """Return a finite number that can be a time or a frame. It may have a decimal comma.

    Args:
        text: the number as it appears in the file.
        where: file and line, or a similar position, for the error.
        origin: the number that stands for the start of the video.

    Raises:
        InputError: the text is no number, or it is further than ``LARGEST_TIME`` from the origin.
    """
    try:
        # float() accepts "1_000", which no annotation program writes.
        value = nan if "_" in text else float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        value = nan
    if not abs(value) < inf:
        raise InputError(f"{where}: expected a number; found {text[:40]!r}")
    if abs(value - origin) > LARGEST_TIME:
        raise InputError(f"{where}: expected a time or frame of at most {LARGEST_TIME:,.0f}; found {text[:40]!r}")
    return value


def parse_seconds(text: str, where: str | Path, origin: float = 0.0) -> float:
    """Return a time in s, written as a number, ``mm:ss`` or ``hh:mm:ss``; arguments as for ``parse_number``.

    Raises:
        InputError: the text is no time, or it is further than ``LARGEST_TIME`` from the origin.

    Examples:
        >>> parse_seconds("-00:01:30.5", "")
        -90.5
    """
    if (match := _CLOCK.fullmatch(text.strip())) is None:
        return parse_number(text, where, origin)
    hours, minutes, seconds = int(match[2] or 0), int(match[3]), float(match[4].replace(",", "."))
    value = (hours * 60 + minutes) * 60 + seconds
    return parse_number(str(-value if match[1] else value), where, origin)


def parse_frame(text: str, where: str | Path) -> int:
    """Return a whole number of frames; arguments as for ``parse_number``.

    Raises:
        InputError: the text is no whole number, or the number exceeds ``LARGEST_TIME``.
    """
    value = parse_number(text, where)
    if value != int(value):
        raise InputError(f"{where}: expected a whole number of frames; found {text[:40]!r}")
    return int(value)


def bout_from_frames(start: int, stop: int, behaviour: str) -> Bout:
    """Return a bout of at least one frame: rounding seconds to frames may make short bouts empty."""
    start = max(start, 0)
    return Bout(start, max(stop, start + 1), behaviour)


def media_names(text: str) -> list[str | Path]:
    r"""Return the names that a video may have by what annotations call it or its file, for ``Videos.find``.

    Examples:
        >>> media_names(r"C:\data\m.mp4")
        ['C:\\data\\m.mp4', PosixPath('C:/data/m.mp4')]
    """
    name = text.strip()
    return [name, Path(name.replace("\\", "/"))] if name else []


def occurring_behaviours(names: Iterable[str], bouts: Iterable[Bout]) -> tuple[str, ...]:
    """Return the behaviours that occur in ``bouts``, in the order of ``names``."""
    occurring = {bout.behaviour for bout in bouts}
    return tuple(name for name in names if name in occurring)


def gaps_between(bouts: Iterable[Bout], frames: int) -> list[tuple[int, int]]:
    """Return the spans (start, stop) of ``frames`` frames that lie in no bout."""
    # An extra covered entry on each side gives a gap at the start or end two edges as well.
    covered = np.zeros(frames + 2, bool)
    for bout in bouts:
        covered[bout.start + 1 : bout.stop + 1] = True
    covered[0] = covered[-1] = True
    edges = np.flatnonzero(np.diff(covered.astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
