"""Values as a pickle or JSON may hold them, taken for what they should be or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError

_LARGEST = 1e9


def array(values: Any, where: str) -> np.ndarray:
    """Float32 numbers, infinite where float32 has none as large.

    Raises:
        InputError: it is no array of numbers.
    """
    try:
        with np.errstate(over="ignore"):
            return np.asarray(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"{where}: expected an array of numbers and found rows that are uneven or no numbers"
        ) from None


def number(value: Any, where: str) -> float:
    """A number, as a frame rate or a code is one.

    Raises:
        InputError: it is none, or beyond all measure.
    """
    value = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    if not isinstance(value, int | float | np.integer | np.floating) or not -_LARGEST < value < _LARGEST:
        raise InputError(f"{where}: expected a number and found {_shown(value)}")
    return float(value)


def mapping(value: Any, where: str) -> Mapping[Any, Any]:
    """A dict.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected a dict and found {type(value).__name__}")
    return value


def names(values: Any, where: str) -> tuple[str, ...]:
    """Texts that differ from each other.

    Raises:
        InputError: it is no list of such.
    """
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str | int) for name in listed):
        raise InputError(f"{where}: expected a list of names and found {_shown(values)}")
    found = tuple(map(str, listed))
    if len(set(found)) < len(found):
        raise InputError(f"{where}: expected names that differ from each other and found one twice")
    return found


def _shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, str | int | float | None) else type(value).__name__
