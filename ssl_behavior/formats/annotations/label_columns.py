"""Tables of labels, recognised by their columns: for folders in which tables of labels and of tracks lie together."""

from __future__ import annotations

import re
from pathlib import Path

from ssl_behavior.formats.annotations.bout_columns import bout_columns
from ssl_behavior.formats.annotations.table import BEHAVIOUR, find_key, read_head, to_key

_DIGITS = {"", "0", "1", "0.0", "1.0", "-1", "-1.0", "true", "false", "nan"}

_PLACE = re.compile(r"|index|unnamed_0|row|id|.*(frame|time|second|stamp|image).*|t|s|ms|sec")
"""A column that says which frame a row is, as ``to_key`` spells it."""

_COORDINATE = re.compile(r"(.*[^a-z])?[xyz]")
_CONFIDENCE = re.compile(r".*_(p|likelihood|scores?|conf|confidence|prob|probability|visible|visibility)")


def is_table_of_labels(path: Path) -> bool:
    """Return whether a table has columns of behaviours, and none of coordinates.

    Args:
        path: a text file.
    """
    keys, binary = _columns(path)
    if any(map(_COORDINATE.fullmatch, keys)):
        return False
    if bout_columns(keys) is not None or find_key(keys, BEHAVIOUR) is not None:
        return True
    return bool(binary) and all(key in binary or _PLACE.fullmatch(key) for key in keys)


def has_labels_beside_points(path: Path) -> bool:
    """Return whether a table of tracks may hold labels too: it has a column of behaviours, or of 0 and 1.

    Args:
        path: a text file.
    """
    keys, binary = _columns(path)
    return find_key(keys, BEHAVIOUR) is not None or any(not _is_of_points(key) for key in binary)


def _is_of_points(key: str) -> bool:
    return any(pattern.fullmatch(key) for pattern in (_PLACE, _COORDINATE, _CONFIDENCE))


def _columns(path: Path) -> tuple[list[str], set[str]]:
    """Return the names of the columns, and those that hold 0 and 1 only in the first rows and name no frame."""
    names, rows = read_head(path)
    keys = [to_key(name) for name in names]
    return keys, {
        key
        for i, key in enumerate(keys)
        if rows and not _PLACE.fullmatch(key) and all(row[i].strip().lower() in _DIGITS for row in rows)
    }
