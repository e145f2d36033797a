"""Arguments of other types than their annotations end in one sentence that names the argument."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pytest

from ssl_behavior.compute.argument_types import check_arguments, require_type
from ssl_behavior.errors import InputError

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]


@dataclass(frozen=True)
class Settings:
    """Settings of a test."""

    steps: int = 1


GOOD: list[tuple[object, Any]] = [
    (3, int),
    (np.int64(3), int),
    (3, float),
    (np.float32(0.5), float),
    (True, bool),
    (np.bool_(True), bool),
    ("a", str),
    (Path("a"), Path),
    ("a", str | Path | Sequence[str | Path]),
    (["a", Path("b")], str | Path | Sequence[str | Path]),
    (np.array(["a"]), Sequence[str]),
    (None, int | None),
    ("cpu", Literal["auto", "cpu"]),
    ((1, 2), tuple[int, int]),
    ((), tuple[int, ...]),
    (Settings(), Settings),
    ({"a": 1}, Mapping[str, int]),
    (len, Callable[[str], int]),
    (7, Any),
    (2, Annotated[int, "bounds"]),
]
BAD: list[tuple[object, Any, str]] = [
    (1.5, int, "a whole number; found 1.5"),
    (True, int, "a whole number; found True"),
    ("3", int, "a whole number; found '3'"),
    (None, float, "a number; found None"),
    (math.nan, float, "a number; found nan"),
    (math.inf, float, "a number; found inf"),
    (1, bool, "true or false; found 1"),
    (7, str, "text; found 7"),
    (7, Path, "a path; found 7"),
    (5, str | Path | Sequence[str | Path], "text or a path or a list of texts or paths; found 5"),
    (["a", 5], Sequence[str], r"a list of texts; found \['a', 5\]"),
    ("a", Sequence[str], "a list of texts; found 'a'"),
    ({"a": 1}, Sequence[str], "a list of texts"),
    ((letter for letter in "ab"), Sequence[str], "a list of texts; found <generator"),
    ("a", int | None, "a whole number or None; found 'a'"),
    ("gpu", Literal["auto", "cpu"], "one of auto, cpu; found 'gpu'"),
    ([], Literal["auto", "cpu"], "one of auto, cpu; found"),
    ((1, 2, 3), tuple[int, int], "2 values: a whole number, a whole number; found"),
    ("path", Settings, r"Settings\(...\); found 'path'"),
    (5, np.ndarray, "a value of the type ndarray; found 5"),
    (5, Callable[[str], int], "a value of the type Callable; found 5"),
]


@pytest.mark.parametrize(("value", "hint"), GOOD)
def test_values_of_the_annotated_type_pass(value: object, hint: object) -> None:
    require_type("name", value, hint)


@pytest.mark.parametrize(("value", "hint", "message"), BAD)
def test_other_values_are_refused_in_words(value: object, hint: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^name: expected {message}") as refused:
        require_type("name", value, hint)
    assert len(str(refused.value)) < 250


@check_arguments
def scale(values: Sequence[float], factor: float = 2.0, *, other: Missing | None = None) -> list[float]:
    """Scale numbers."""
    return [factor * value for value in values]


def test_a_function_checks_its_arguments_and_is_otherwise_the_same() -> None:
    assert scale([1, 2], factor=3) == [3, 6]
    assert (scale.__name__, scale.__doc__) == ("scale", "Scale numbers.")
    assert pickle.loads(pickle.dumps(scale)) is scale
    with pytest.raises(InputError, match="factor: expected a number; found 'a'"):
        scale([1], "a")
    with pytest.raises(InputError, match=r"values: expected a list of numbers; found \[None\]"):
        scale(values=[None])


def test_annotations_of_packages_that_are_not_installed_are_not_checked() -> None:
    assert scale([1], other=5) == [2]


def test_an_unknown_argument_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        scale([1], facto=2)  # type: ignore[call-arg]
