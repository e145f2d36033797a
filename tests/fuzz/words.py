"""Random command lines, of words that people may type, for every command."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from ssl_behavior.cli.settings import parse
from tests.commands import every_command

_WORDS = (
    *(
        "1",
        "-1",
        "0",
        "1e999",
        "nan",
        "inf",
        "1_0",
        "true",
        "False",
        "null",
        "~",
        "",
        " ",
        "a,b",
        ",",
        "[1, 2",
        "[]",
        "{}",
    ),
    *(
        "{a: 1}",
        "*a",
        "&a",
        "!!python/object/apply:os.system [true]",
        "-",
        "--",
        "=",
        "x=y",
        "'",
        '"',
        "\\",
        "é",
        "\udc80",
    ),
    *(
        "9" * 5000,
        "a" * 300,
        "[" * 500,
        "1:30",
        "2026-99-99",
        "0x1F",
        "auto",
        "cpu",
        "tracks",
        "/dev/null",
        "..",
        "*",
        "%s",
    ),
)
_FLAGS = (
    "--config",
    "--print-config",
    "--no-such",
    "---",
    "--recordings.x",
    "--=",
    "--seed=",
    "-h",
    "--output.",
    "--.a",
)


def settings_classes() -> dict[str, type[Any]]:
    """Command -> class of its settings."""
    return {words: command.settings_class for words, command in every_command().items()}


def line(settings_class: type[Any], rng: Random) -> list[str]:
    """A random command line; most of its options are those of the command."""
    flags = [f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(settings_class)]
    words: list[str] = []
    for _ in range(rng.randrange(1, 6)):
        flag = rng.choice(flags) if rng.random() < 0.85 else rng.choice(_FLAGS)
        if rng.random() < 0.1:
            flag = flag[: rng.randrange(3, len(flag) + 1)] if len(flag) > 3 else flag
        values = [rng.choice(_WORDS) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
        words += [f"{flag}={values[0]}", *values[1:]] if values and rng.random() < 0.3 else [flag, *values]
    return words


def reader(settings_class: type[Any], words: list[str]) -> Callable[[Path], object]:
    """A reader that parses the words and ignores its path."""
    return lambda _: parse(settings_class, words, "", "command")
