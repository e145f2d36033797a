"""Types of arguments and settings, checked against their annotations. The command line does this; Python does not."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ssl_behavior.errors import InputError

__all__ = ["check_arguments", "require_type"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_ONE = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path", NoneType: "None"}
_SEVERAL = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}


def check_arguments(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Make a function refuse arguments of other types than it is annotated with, before it does anything.

    Raises:
        InputError: in the decorated function, an argument is of another type.

    Examples:
        >>> @check_arguments
        ... def half(number: float) -> float:
        ...     return number / 2
        >>> half("a")
        Traceback (most recent call last):
        ssl_behavior.errors.InputError: number: expected a number; found 'a'
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        # A missing or an unknown argument is a mistake in the code that calls: Python's own TypeError says which.
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            require_type(name, value, _hints(function).get(name, Any))
        return function(*args, **kwargs)

    return checked


def require_type(name: str, value: object, hint: Any) -> None:
    """Make sure that a value is of the type that an annotation says. Numbers must be finite.

    Args:
        name: of the argument or of the option, for the message.
        value: of any type.
        hint: annotation; types that it does not know are not checked.

    Raises:
        InputError: the value is of another type.
    """
    if not _fits(value, hint):
        raise InputError(f"{name}: expected {_describe(hint)}; found {value!r:.60}")


@functools.cache
def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Argument -> annotation, of those that can be resolved: others name packages that need not be installed."""
    hints: dict[str, Any] = {}
    for name, annotation in function.__annotations__.items():
        try:
            hints |= typing.get_type_hints(SimpleNamespace(__annotations__={name: annotation}), function.__globals__)
        except (NameError, TypeError):
            continue
    return hints


def _fits(value: object, hint: Any) -> bool:
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _fits(value, choices[0])
    if origin in (typing.Union, UnionType):
        return any(_fits(value, choice) for choice in choices)
    if origin is typing.Literal:
        return any(type(value) is type(choice) and value == choice for choice in choices)
    if origin is tuple and choices[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(choices) and all(map(_fits, value, choices))
    if origin in (tuple, list, Sequence, Iterable):
        is_one = isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection)
        return not is_one and all(_fits(item, choices[0]) for item in typing.cast(Collection[object], value))
    return _is_plain(value, origin or hint)


def _is_plain(value: object, kind: Any) -> bool:
    """Tell whether a value is of a class that is no collection."""
    if kind in (int, float):
        is_number = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
        return is_number and math.isfinite(value)  # type: ignore[arg-type]
    if kind in (None, NoneType):
        return value is None
    kinds = {bool: (bool, np.bool_), Path: PathLike}.get(kind, kind)
    try:
        return isinstance(value, kinds)  # type: ignore[arg-type]
    except TypeError:  # a protocol, a type variable, Any
        return True


def _describe(hint: Any) -> str:
    """The values that fit an annotation, in words."""
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _describe(choices[0])
    if origin in (typing.Union, UnionType):
        return " or ".join(dict.fromkeys(map(_describe, choices)))
    if origin is typing.Literal:
        return f"one of {', '.join(map(str, choices))}"
    if origin is tuple and choices[-1] is not Ellipsis:
        return f"{len(choices)} values: {', '.join(map(_describe, choices))}"
    if choices and origin in (tuple, list, Sequence, Iterable):
        kinds = typing.get_args(choices[0]) or (choices[0],)
        return f"a list of {' or '.join(dict.fromkeys(_SEVERAL.get(kind, f'{kind.__name__}s') for kind in kinds))}"
    kind = origin or hint
    if dataclasses.is_dataclass(kind):
        return f"{kind.__name__}(...)"  # type: ignore[union-attr]
    return _ONE.get(kind) or f"a value of the type {getattr(kind, '__name__', kind)}"
