"""Numbers, times and frames in the text of annotation files."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from math import inf, nan
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import LARGEST_TIME
from ssl_behavior.recordings.labels import Bout

_HEAD = 4096
"""Bytes that ``first_line`` reads: longer lines are no header, and a file without line breaks may be huge."""

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


def read_text(path: Path) -> str:
    """Return a text file as text: in UTF-8, in UTF-16 with its mark, or else in Windows' encoding of Western Europe."""
    return decode(Path(path).read_bytes())


def decode(content: bytes) -> str:
    """Return bytes as text (see ``read_text``); the last letter may be cut.

    Examples:
        >>> decode("Gänge".encode("cp1252"))
        'Gänge'
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(content)
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def first_line(path: Path) -> str:
    """Return the first line of a text file without its line break; an empty string for a binary file.

    Lines above the header of a table do not count (see ``start_of_table``).
    """
    with Path(path).open("rb") as file:
        text = decode(file.read(_HEAD))
    return "" if "\0" in text else text[start_of_table(text) :].split("\n", 1)[0].strip()


def start_of_table(text: str) -> int:
    r"""Return the place of a table's header: below a line ``sep=;``, which is for Excel, and below comments.

    A line that begins with ``#`` is a comment if it has fewer separators than the first line below the comments.
    Otherwise it is a header such as ``#frame,label``.

    Examples:
        >>> start_of_table("# scored by me\nframe,label\n"), start_of_table("#frame,label\n0,sniff\n")
        (15, 0)
    """
    lines = text[:_HEAD].splitlines(keepends=True)
    first = next((line for line in lines if not line.startswith("#") and not _is_for_excel(line)), "")
    start = 0
    for line in lines:
        if not _is_for_excel(line) and not (line.startswith("#") and _separators(line) < _separators(first)):
            return start
        start += len(line)
    return start


def _is_for_excel(line: str) -> bool:
    return line.lower().startswith("sep=")


def _separators(line: str) -> int:
    return max(map(line.count, ",;\t"))
