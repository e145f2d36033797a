"""Options of a command: names, short names of nested ones, and command-line words in the form that the parser takes."""

from __future__ import annotations

import dataclasses
import difflib
import json
import shlex
import types
import typing
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError

__all__ = ["as_parser_words", "item_type", "option_of", "option_types", "short_options"]

_COMMON_OPTIONS = ("--config", "--print-config", "--help")
_INPUTS = ("recordings", "atlas", "predictions", "configs", "output")
"""Settings that a word without an option is most often meant for, the likeliest first."""


def option_of(name: str) -> str:
    """The option of a setting, such as ``--clip-seconds`` of ``clip_seconds``."""
    return "--" + name.replace("_", "-")


def option_types(settings_class: type[Any], outer: str = "") -> dict[str, Any]:
    """Option -> type of its setting, for all fields of a dataclass; a nested one is ``--outer.inner``."""
    kinds: dict[str, Any] = {}
    hints = typing.get_type_hints(settings_class)
    for field in dataclasses.fields(settings_class):
        kinds[option_of(outer + field.name)] = hints[field.name]
        if dataclasses.is_dataclass(hints[field.name]):
            kinds |= option_types(hints[field.name], f"{outer}{field.name}.")
    return kinds


def short_options(settings_class: type[Any]) -> dict[str, str]:
    """Short name -> nested option, such as ``--steps`` -> ``--supervision.steps``, if only one option has that name."""
    return {short: options[0] for short, options in _by_last_name(settings_class).items() if len(options) == 1}


def as_parser_words(settings_class: type[Any], argv: Sequence[str]) -> list[str]:
    """Translate command-line words for jsonargparse: ``--option=value`` each, lists as JSON, switches as true.

    Examples:
        >>> as_parser_words(PredictConfig, ["--recordings", "a", "b", "--overwrite"])
        ['--overwrite=true', '--recordings=["a", "b"]']

    Raises:
        InputError: an option does not exist, a list has no value, or a word has no option before it.
    """
    kinds = option_types(settings_class)
    words: list[str] = []
    lists: dict[str, list[str]] = {}
    remaining = list(argv)
    while remaining:
        word = remaining.pop(0)
        if word == "-h":
            words.append(word)
            continue
        if not word.startswith("--"):
            raise _without_option(settings_class, word)
        name, has_value, value = word.partition("=")
        option = _full_name(settings_class, name)
        kind = kinds.get(option)
        values = [value] if has_value else []
        takes_more = not has_value
        while takes_more and remaining and not remaining[0].startswith("--"):
            values.append(remaining.pop(0))
            takes_more = item_type(kind) is not None
        if item_type(kind) is not None:
            lists.setdefault(option, []).extend(values)
        elif kind is bool and not values:
            words.append(f"{_for_parser(option)}=true")
        else:
            words.append("=".join([_for_parser(option), *values]))
    return words + [
        f"{_for_parser(option)}={_as_list(option, values, kinds[option])}" for option, values in lists.items()
    ]


def item_type(kind: Any) -> Any:
    """The type of a list's items; None if the type is not a list."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next((item for choice in typing.get_args(kind) if (item := item_type(choice)) is not None), None)
    return typing.get_args(kind)[0] if typing.get_origin(kind) in (tuple, list, Sequence) else None


def _full_name(settings_class: type[Any], name: str) -> str:
    """The full name of the option that a word names.

    Raises:
        InputError: there is no such option; the message names the most similar ones.
    """
    option, short = option_of(name[2:]), short_options(settings_class)
    full = [*option_types(settings_class), *_COMMON_OPTIONS]
    if option in short:
        option = short[option]
    elif option not in full:
        by_last_name = _by_last_name(settings_class)
        # Nobody means --help, the last of the full names, by a misspelt option.
        similar = difflib.get_close_matches(option, [*full[:-1], *by_last_name], 1)
        if similar and similar[0] not in short:
            similar = by_last_name.get(similar[0], similar)  # a last name of several options: name them all
        advice = f"did you mean {' or '.join(similar)}?" if similar else "see --help"
        raise InputError(f"there is no option {name}; {advice}")
    return option


def _without_option(settings_class: type[Any], word: str) -> InputError:
    """The error about a word that is neither an option nor the value of one."""
    if word.startswith("-"):
        return InputError(f"there is no option {word}; options begin with two dashes, see --help")
    names = {field.name for field in dataclasses.fields(settings_class)}
    option = option_of(next((name for name in _INPUTS if name in names), min(names)))
    example = f"{option} {shlex.quote(word)}"
    return InputError(f"found {word} without an option before it; put one there, as in {example}")


def _for_parser(option: str) -> str:
    """The option as jsonargparse spells it: nested names with ``_``."""
    outer, dot, inner = option.partition(".")
    return outer + dot + inner.replace("-", "_")


def _by_last_name(settings_class: type[Any]) -> dict[str, list[str]]:
    """Last name -> the nested options with it, such as ``--steps`` -> [``--supervision.steps``]."""
    all_options = option_types(settings_class)
    taken = {*all_options, *_COMMON_OPTIONS}
    nested: dict[str, list[str]] = defaultdict(list)
    for option, kind in all_options.items():
        last = "--" + option.rpartition(".")[2]
        if "." in option and last not in taken and not dataclasses.is_dataclass(kind):
            nested[last].append(option)
    return dict(nested)


def _as_list(option: str, values: list[str], kind: Any) -> str:
    """The words after a list's option as JSON; commas separate too, except in the name of an existing file.

    Raises:
        InputError: there are no words.
    """
    if not values:
        raise InputError(f"{option} needs at least one value")
    if len(values) == 1 and values[0].startswith("["):
        return values[0]
    item = item_type(kind)
    if item is not Path:
        pieces = [[value] if Path(value).exists() else value.split(",") for value in values]
        values = [piece for several in pieces for piece in several if piece]
    return json.dumps(values) if item in (str, Path) else f"[{','.join(values)}]"
