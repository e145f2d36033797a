"""Lists of starts and stops: each row says that a behaviour starts or that it stops."""

from __future__ import annotations

from collections.abc import Sequence

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.table import Table, to_key

_COLUMNS = ("type", "event_type", "state", "status", "value", "start_stop", "on_off", "active", "kind", "phase")
"""Columns that may say whether a behaviour starts or stops."""

_STARTS = {"start", "starts", "started", "begin", "begins", "on", "onset"}
_STOPS = {"stop", "stops", "stopped", "end", "ends", "off", "offset"}
_YES, _NO = {"1", "true"}, {"0", "false"}


def require_no_switches(table: Table, labels: Sequence[str]) -> None:
    """Refuse a list of starts and stops, which would be misread as rows with a label each.

    States that last, such as "light on" in frame after frame, are no such list.

    Raises:
        InputError: a column, or the labels themselves, say what starts and what stops.
    """
    for name, key in zip(table.names, table.keys, strict=True):
        if key in _COLUMNS and key not in table.used:
            cells = [row[table.keys.index(key)] for row in table.rows]
            if _alternate(labels, [_switch(cell.lower().split()[-1:], with_digits=True) for cell in cells]):
                raise _refusal(table, f"the column {name!r} of starts and stops")
    named = {label: _behaviour_and_switch(label) for label in set(labels)}
    if _alternate([named[label][0] for label in labels], [named[label][1] for label in labels]):
        behaviour = next(behaviour for behaviour, switch in named.values() if switch is not None)
        raise _refusal(table, f"starts and stops of {behaviour!r} as labels")


def _alternate(behaviours: Sequence[str], switches: Sequence[bool | None]) -> bool:
    """Return whether starts and stops follow each other within behaviours, more often than the same twice."""
    last: dict[str, bool] = {}
    changes = repeats = 0
    for behaviour, switch in zip(behaviours, switches, strict=True):
        if switch is None:
            continue
        if behaviour in last:
            changes += last[behaviour] != switch
            repeats += last[behaviour] == switch
        last[behaviour] = switch
    return changes > repeats


def _behaviour_and_switch(label: str) -> tuple[str, bool | None]:
    """Return the behaviour in a label such as "groom start" or "stopGroom", and whether it starts there."""
    words = to_key(label).split("_")
    for switch, rest in ((words[-1:], words[:-1]), (words[:1], words[1:])):
        if rest and (starts := _switch(switch, with_digits=False)) is not None:
            return " ".join(rest), starts
    return label, None


def _switch(word: Sequence[str], *, with_digits: bool) -> bool | None:
    if not word:
        return None
    if word[0] in _STARTS or (with_digits and word[0] in _YES):
        return True
    return False if word[0] in _STOPS or (with_digits and word[0] in _NO) else None


def _refusal(table: Table, found: str) -> InputError:
    return InputError(
        f"{table.path}: expected a label per frame or a row per bout; found {found}: write a row per bout, with the "
        "columns behaviour, start_s and stop_s"
    )
