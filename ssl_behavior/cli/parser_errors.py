"""Errors of jsonargparse, put into one plain sentence that names the option and what it takes."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

from ssl_behavior.cli.options import item_type, option_of, option_types

__all__ = ["explain"]

_TAKES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
_NO_VALUE = r"argument (--[\w.-]+): expected one argument"
_MISSING = "the following arguments are required: "


def explain(settings_class: type[Any], message: str) -> str:
    """Put an error of the parser into one plain sentence.

    Args:
        settings_class: of the command.
        message: of the parser's ``ArgumentError``. The patterns here are those of jsonargparse's messages; a message
            that matches none is returned on one line.

    Examples:
        >>> explain(PretrainConfig, 'Parser key "steps": ... Got value: many')
        '--steps takes a whole number; got many'
    """
    group = re.match(r"Parser key \"([\w.]+)\":\s+Unable to load config '([^']*)'", message)
    if group and dataclasses.is_dataclass(inner := _setting_type(settings_class, group[1])):
        examples = " ".join(list(option_types(inner, f"{group[1]}."))[:2])  # type: ignore[arg-type]
        expected = f"a YAML file of its settings, each of which is also an option ({examples} ...)"
        return f"{option_of(group[1])} takes {expected}; got {group[2]}"
    if no_value := re.match(_NO_VALUE, message):
        kind = _setting_type(settings_class, no_value[1].removeprefix("--").replace("-", "_"))
        return f"{no_value[1]} takes {'a path' if kind is None else _expected(kind)}; got nothing"
    value = re.search(r'Parser key "([\w.]+)":.*(?:Got|Given) value: ([^\n]*)', message, re.DOTALL)
    if value is None or (kind := _setting_type(settings_class, value[1])) is None:
        return _explain_names(message)
    return f"{option_of(value[1])} takes {_expected(kind)}; got {value[2]}"


def _explain_names(message: str) -> str:
    """Explain a message about the names of settings, which are missing or unknown."""
    plain = " ".join(message.split()).removeprefix('Parser key "config": ')
    if plain.startswith(_MISSING):
        return f"missing: {', '.join(map(option_of, plain.removeprefix(_MISSING).split(', ')))}"
    plain = re.sub(r"Group '(\S+)' does not accept option '(\S+)'", r"there is no setting '\1.\2'", plain)
    return re.sub(r"Option ('\S+') is not accepted", r"there is no setting \1", plain)


def _expected(kind: Any) -> str:
    """The values that a setting of this type takes, in words."""
    choices = [choice for choice in typing.get_args(kind) if choice is not type(None)] or [kind]
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, choices))
    if (item := item_type(kind)) is not None:
        # YAML reads an unquoted 7 as a number, which is the usual reason why a list of names is refused.
        return f"a list whose items are {_TAKES.get(item, item)}" + (" (in YAML: in quotes)" if item is str else "")
    return " or ".join(_TAKES.get(choice, str(choice)) for choice in choices)


def _setting_type(settings_class: type[Any], name: str) -> Any:
    """The type of the setting ``field`` or ``group.field``; None if there is no such setting."""
    kind: Any = settings_class
    for field in name.split("."):
        if not dataclasses.is_dataclass(kind):
            return None
        kind = typing.get_type_hints(kind).get(field)
    return kind
