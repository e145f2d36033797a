"""Files of text: their encoding, their first line, and the header of a table."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

_MARKS = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
_HEAD = 4096
"""Bytes that ``first_line`` reads: longer lines are no header, and a file without line breaks may be huge."""


def read_text(path: Path) -> str:
    """Return a text file as text: in UTF-8, in UTF-16 with its mark, or else in Windows' encoding of Western Europe."""
    return decode(Path(path).read_bytes())


def is_unicode(path: Path) -> bool:
    """Tell whether a text file is in UTF-8, or in UTF-16 with its mark."""
    content = Path(path).read_bytes()
    if content.startswith(_MARKS):
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def decode(content: bytes) -> str:
    """Return bytes as text (see ``read_text``); the last letter may be cut.

    Examples:
        >>> decode("Gänge".encode("cp1252"))
        'Gänge'
    """
    if content.startswith(_MARKS):
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
    r"""Return the place of a table's header, below the ``lines_above_header``.

    Examples:
        >>> start_of_table("# scored by me\nframe,label\n"), start_of_table("#frame,label\n0,sniff\n")
        (15, 0)
    """
    lines = text[:_HEAD].splitlines(keepends=True)
    return sum(map(len, lines[: lines_above_header(lines)]))


def lines_above_header(lines: Sequence[str]) -> int:
    """Count the lines above a table's header: a line ``sep=;``, which is for Excel, and comments.

    A line that begins with ``#`` is a comment if it has fewer separators than the first line below the comments.
    Otherwise it is a header such as ``#frame,label``.

    Args:
        lines: first lines of the file.
    """
    first = next((line for line in lines if not line.startswith("#") and not _is_for_excel(line)), "")
    is_header = (
        not _is_for_excel(line) and not (line.startswith("#") and _separators(line) < _separators(first))
        for line in lines
    )
    return next((number for number, found in enumerate(is_header) if found), len(lines))


def _is_for_excel(line: str) -> bool:
    return line.lower().startswith("sep=")


def _separators(line: str) -> int:
    return max(map(line.count, ",;\t"))
