"""Commas in numbers of a table: between thousands, or before decimals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.labels import is_unscored

_NUMBER = re.compile(r"-?\d[\d,]*(\.\d*)?|-?,\d+")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_WHOLE_UNITS = {"frame", "frames", "ms", "msec", "millisecond", "milliseconds"}
_THOUSAND = 1000


def without_thousands(
    cells: Sequence[str], key: str, rows: Iterable[Sequence[str]], where: str
) -> tuple[list[str], str | None]:
    """Return the cells of a column without the commas between thousands, and a notice of what was assumed.

    Commas before decimals remain, as do cells that are no numbers. Where the column does not show which of them it
    has, decimals in other columns do.

    Args:
        cells: the column.
        key: its key: frames and milliseconds have no decimals.
        rows: all cells of the table.
        where: file and column, for the error.

    Raises:
        InputError: numbers such as "1,250" may be either.

    Examples:
        >>> without_thousands(["980.5", "1,200"], "start_s", [], "")
        (['980.5', '1200'], None)
        >>> without_thousands(["0,980", "1,200"], "start_s", [], "")
        (['0,980', '1,200'], None)
    """
    numbers = [cell for cell in cells if not is_unscored(cell) or cell == "-1"]
    doubtful = [cell for cell in numbers if "," in cell]
    if not doubtful or not all(map(_NUMBER.fullmatch, numbers)) or not all(map(_GROUPED.fullmatch, doubtful)):
        return list(cells), None
    stripped = [cell.replace(",", "") for cell in cells]
    are_plain = _WHOLE_UNITS & set(key.split("_")) or any("." in cell or cell.count(",") > 1 for cell in numbers)
    if are_plain:
        return stripped, None
    shown = {sign for row in rows for cell in row if (sign := _decimal_sign(cell))}
    if len(shown) == 1:
        return (stripped if shown == {"."} else list(cells)), None
    others = [abs(int(cell)) for cell in numbers if "," not in cell]
    if others and max(others) < _THOUSAND:
        example = doubtful[0]
        return stripped, f"numbers such as {example!r} are taken as thousands: {example.replace(',', '')}"
    raise InputError(
        f"{where}: expected numbers without commas between thousands; found {doubtful[0]!r}, which "
        f"may be {doubtful[0].replace(',', '.')} or {doubtful[0].replace(',', '')}: write the one that is meant"
    )


def _decimal_sign(cell: str) -> str:
    """Return the sign before the decimals of a number; empty if there are none, or they may be thousands."""
    if not ("." in cell or "," in cell) or not _NUMBER.fullmatch(cell):
        return ""
    if "." in cell:
        return "."
    return "" if _GROUPED.fullmatch(cell) or cell.count(",") > 1 else ","
