"""Bounds of settings, written at the field: ``steps: Annotated[int, Above(0)] = 3000``.

Settings that derive from ``Checked`` are checked when they are made: from options, from a YAML file or in a notebook.
"""

from __future__ import annotations

import dataclasses
import typing
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from types import UnionType
from typing import Annotated, Any

from ssl_behavior.cli.options import option_of
from ssl_behavior.compute.argument_types import require_type
from ssl_behavior.errors import InputError
from ssl_behavior.recordings.frame_rate import HIGHEST_FRAME_RATE, LOWEST_FRAME_RATE

__all__ = ["Above", "AtLeast", "AtMost", "Bound", "Checked", "FrameRate", "Share", "field_bounds", "require_bounds"]


@dataclass(frozen=True)
class Bound(ABC):
    """A condition on a number. Help texts show it as ``short``, errors as ``expected``."""

    @abstractmethod
    def allows(self, value: float) -> bool:
        """Return whether the number satisfies the condition; NaN never does."""

    @property
    def expected(self) -> str:
        """The condition in an error, after "expected"."""
        return self.short

    @property
    @abstractmethod
    def short(self) -> str:
        """The condition in a few words."""


@dataclass(frozen=True)
class Above(Bound):
    """Larger than ``limit``."""

    limit: float

    def allows(self, value: float) -> bool:
        """Return whether the number is larger than the limit."""
        return value > self.limit

    @property
    def expected(self) -> str:
        """The condition in an error."""
        return f"a number {self.short}"

    @property
    def short(self) -> str:
        """The condition in a few words."""
        return f"above {self.limit:g}"


@dataclass(frozen=True)
class AtLeast(Bound):
    """``limit`` or larger."""

    limit: float

    def allows(self, value: float) -> bool:
        """Return whether the number is the limit or larger."""
        return value >= self.limit

    @property
    def short(self) -> str:
        """The condition in a few words."""
        return f"{self.limit:g} or more"


@dataclass(frozen=True)
class AtMost(Bound):
    """``limit`` or smaller."""

    limit: float

    def allows(self, value: float) -> bool:
        """Return whether the number is the limit or smaller."""
        return value <= self.limit

    @property
    def short(self) -> str:
        """The condition in a few words."""
        return f"{self.limit:g} or less"


@dataclass(frozen=True)
class Share(Bound):
    """At least 0 and below 1."""

    def allows(self, value: float) -> bool:
        """Return whether the number is at least 0 and below 1."""
        return 0 <= value < 1

    @property
    def expected(self) -> str:
        """The condition in an error."""
        return "a share of at least 0 and below 1"

    @property
    def short(self) -> str:
        """The condition in a few words."""
        return "below 1"


FrameRate = Annotated[float, AtLeast(LOWEST_FRAME_RATE), AtMost(HIGHEST_FRAME_RATE)]
"""Hz of a video."""


class Checked:
    """Base of a command's settings, as the shell, a YAML file or a notebook makes them.

    Text stands for a path, and a list or a single value for a tuple: ``PretrainConfig(recordings="tracks")``. A value
    of another type than that of its annotation and a number out of its bounds raise ``InputError``.
    """

    def __post_init__(self) -> None:
        for name, hint in typing.get_type_hints(type(self)).items():
            object.__setattr__(self, name, _as_hinted(getattr(self, name), hint))
        require_bounds(self)
        _require_types(self)


def require_bounds(settings: Any, outer: str = "") -> None:
    """Make sure that all numbers of a dataclass, and of dataclasses in it, are within the bounds of their fields.

    Args:
        settings: an instance of a dataclass.
        outer: name of the settings that contain these, with a dot, such as ``supervision.``.

    Raises:
        InputError: a number is out of bounds; the message names its option, such as ``--supervision.steps``.
    """
    for name, bounds in field_bounds(type(settings)).items():
        value = getattr(settings, name)
        for bound in bounds if value is not None else ():
            if not isinstance(value, int | float):
                raise InputError(f"{option_of(outer + name)}: expected {bound.expected}; found {value!r}")
            if not bound.allows(value):
                raise InputError(f"{option_of(outer + name)}: expected {bound.expected} and found {value:g}")
    for field in dataclasses.fields(settings):
        if dataclasses.is_dataclass(value := getattr(settings, field.name)):
            require_bounds(value, f"{outer}{field.name}.")


def _require_types(settings: Any, outer: str = "") -> None:
    """Make sure that all values of a dataclass, and of dataclasses in it, are of the types of their fields.

    Raises:
        InputError: a value is of another type; the message names its option.
    """
    for name, hint in typing.get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        require_type(option_of(outer + name), value, hint)
        if dataclasses.is_dataclass(value):
            _require_types(value, f"{outer}{name}.")


def _as_hinted(value: Any, hint: Any) -> Any:
    """A setting as its annotation wants it: a path in place of text, a tuple in place of a list or a single value."""
    if type(value).__module__ == "numpy" and isinstance(value, Real):
        value = value.item()  # type: ignore[attr-defined]  # YAML has no numbers of numpy
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (UnionType, typing.Union) else (hint,)
    several = next((kind for kind in kinds if typing.get_origin(kind) is tuple), None)
    if several is not None and isinstance(value, str | Path | list | tuple | Iterator):
        values = [value] if isinstance(value, str | Path) else value
        return tuple(_as_hinted(item, typing.get_args(several)[0]) for item in values)
    if isinstance(value, str) and Path in kinds and str not in kinds:
        return Path(value)
    return str(value) if isinstance(value, Path) and str in kinds and Path not in kinds else value


def field_bounds(settings_class: type[Any]) -> Mapping[str, tuple[Bound, ...]]:
    """Field name -> bounds, for the fields of a dataclass that have bounds."""
    hints = typing.get_type_hints(settings_class, include_extras=True)
    return {name: bounds for name, hint in hints.items() if (bounds := _bounds(hint))}


def _bounds(hint: Any) -> tuple[Bound, ...]:
    """The bounds in a type annotation, also in one of several alternatives: ``Annotated[int, Above(0)] | None``."""
    bounds = tuple(bound for bound in getattr(hint, "__metadata__", ()) if isinstance(bound, Bound))
    return bounds or tuple(bound for choice in typing.get_args(hint) for bound in _bounds(choice))
