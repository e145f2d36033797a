"""Checks of values that come from a pickle or JSON: each function returns the value as its type, or refuses it.

``where`` names the file and the place in it, and starts the error message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError

_LARGEST = 1e9  # far beyond any frame rate, code or annotator


def array(values: Any, where: str) -> np.ndarray:
    """Return the values as a float32 array. A number too large for float32 becomes infinite.

    Raises:
        InputError: the values are not an array of numbers.
    """
    try:
        with np.errstate(over="ignore"):
            return np.asarray(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"{where}: expected an array of numbers; found uneven rows, or values that are not numbers"
        ) from None


def number(value: Any, where: str) -> float:
    """Return the value as a float, for example a frame rate or a code.

    Raises:
        InputError: it is not a number, or its size is 1e9 or more.
    """
    value = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    if not isinstance(value, int | float | np.integer | np.floating) or not -_LARGEST < value < _LARGEST:
        raise InputError(f"{where}: expected a number; found {_description(value)}")
    return float(value)


def mapping(value: Any, where: str) -> Mapping[Any, Any]:
    """Return the value as a mapping.

    Raises:
        InputError: it is not a dict.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected a dict; found {type(value).__name__}")
    return value


def names(values: Any, where: str) -> tuple[str, ...]:
    """Return the values as names; whole numbers become text.

    Raises:
        InputError: they are not a list of texts or whole numbers, or a name comes twice.
    """
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str | int) for name in listed):
        raise InputError(f"{where}: expected a list of names; found {_description(values)}")
    as_text = tuple(map(str, listed))
    if len(set(as_text)) < len(as_text):
        raise InputError(f"{where}: expected names that differ from each other; found a name twice")
    return as_text


def _description(value: Any) -> str:
    """Describe a value for an error: the value itself if it is small, else its type."""
    return repr(value)[:40] if isinstance(value, str | int | float | None) else type(value).__name__
