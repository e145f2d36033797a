"""Checks of arguments that a command line makes by itself, and Python does not."""

from __future__ import annotations

from operator import index
from typing import Any, TypeVar

from ssl_behavior.errors import InputError

Settings = TypeVar("Settings")


def whole_number(name: str, value: Any) -> int:
    """Return a whole number of any kind, such as numpy's, as an ``int``.

    Raises:
        InputError: the value is no whole number.
    """
    try:
        return index(value)
    except TypeError:
        raise InputError(f"{name}: expected a whole number; found {value!r}") from None


def number(name: str, value: Any) -> float:
    """Return a number of any kind as a ``float``.

    Raises:
        InputError: the value is no number.
    """
    try:
        return float(index(value) if hasattr(value, "__index__") else value.__float__())
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"{name}: expected a number; found {value!r}") from None


def settings_or_default(name: str, value: Any, kind: type[Settings]) -> Settings:
    """Return the settings that were given, or the defaults if they are None.

    Raises:
        InputError: the value is of another type.
    """
    if value is None:
        return kind()
    if not isinstance(value, kind):
        expected = kind.__name__
        raise InputError(
            f"{name}: expected settings of the type sb.{expected}; found {value!r}: give sb.{expected}(...)"
        )
    return value
