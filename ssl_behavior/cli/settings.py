"""Settings of a command: a frozen dataclass, read from command-line words and YAML, written as YAML."""

from __future__ import annotations

import argparse
import dataclasses
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import docstring_parser
import yaml
from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, get_loader, set_loader

from ssl_behavior.cli.options import as_parser_words, item_type, option_of, option_types, short_options
from ssl_behavior.cli.validators import field_bounds
from ssl_behavior.errors import InputError
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_text

Settings = TypeVar("Settings")

_TAKES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
_MODE = "plain_yaml"
_METAVARS = {int: "N", float: "X", Path: "PATH", str: "NAME"}


def parse(
    settings_class: type[Settings], argv: Sequence[str], description: str = "", command: str = "settings"
) -> Settings:
    """Settings from command-line words: ``--config FILE`` first, single options over it.

    Options are spelt with ``-`` or ``_``. A list takes several words or comma-separated ones; a switch needs no value.

    Raises:
        InputError: an unknown option or key, or a value of the wrong type.
        SystemExit: 0 after ``--help`` or ``--print-config``.
    """
    parser = parser_of(settings_class, description, command)
    words = as_parser_words(settings_class, argv)
    for file in _files(words):
        yaml_files.read_text(file)  # which is there and small; the parser would take a name for YAML, too
    try:
        return _build(parser, settings_class, parser.parse_args(words))
    except ArgumentError as error:
        explanation = _explain(settings_class, str(error))
        if files := " or ".join(_files(words)):
            explanation += f" (in {files}, or among the options)"
        raise InputError(f"{explanation}; see {command} --help") from None
    except InputError as error:
        raise InputError(f"{' or '.join(_files(words))}: {error}" if _files(words) else f"{error}") from None


def _files(words: Sequence[str]) -> list[str]:
    return [word.removeprefix("--config=") for word in words if word.startswith("--config=")]


def load_settings(settings_class: type[Settings], path: Path) -> Settings:
    """Settings from a YAML file that ``save_settings`` or a person wrote.

    Raises:
        InputError: no such file, no YAML, an unknown key, or a value of the wrong type.
    """
    parser = parser_of(settings_class)
    if not Path(path).is_file():
        raise InputError(f"{path}: expected a YAML file of settings; there is no such file")
    yaml_files.read_text(path)  # which is small, and text
    try:
        return _build(parser, settings_class, parser.parse_path(str(path)))
    except ArgumentError as error:
        raise InputError(f"{path}: {_explain(settings_class, str(error))}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def save_settings(settings: Any, path: Path) -> None:
    """Write the settings as YAML, so that ``load_settings`` and ``--config`` give equal ones back."""
    text = yaml.dump(_plain(settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    write_text(path, text)


def parser_of(settings_class: type[Any], description: str = "", command: str = "settings") -> ArgumentParser:
    """The parser of a command's options, with their help."""
    parser = ArgumentParser(
        prog=command,
        usage=f"{command} [--option value ...]",
        description=description,
        formatter_class=_HelpFormatter,
        parser_mode=_MODE,
        exit_on_error=False,
        allow_abbrev=False,
        print_config="--print-config",
    )
    parser.add_argument("--config", action=ActionConfigFile, metavar="FILE", help="YAML file of these settings.")
    hints, helps = typing.get_type_hints(settings_class), _helps(settings_class)
    for field in dataclasses.fields(settings_class):
        options: dict[str, Any] = {"type": hints[field.name], "help": helps.get(field.name, field.name)}
        if field.default is not dataclasses.MISSING:
            options["default"] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            options["default"] = field.default_factory()
        else:
            options["required"] = True
            options["help"] += " (required)"
        if metavar := _metavar(hints[field.name]):
            options["metavar"] = metavar
        options["help"] += _remarks(settings_class, field.name, options.get("default"))
        parser.add_argument(option_of(field.name), **options)
        if dataclasses.is_dataclass(hints[field.name]):
            _complete_help(parser, field.name, options.get("default", hints[field.name]))
    actions = {action.option_strings[0].replace("_", "-"): action for action in parser._actions}
    for short, option in short_options(settings_class).items():
        actions[option].help = f"{actions[option].help} (also {short})"
    return parser


def _complete_help(parser: ArgumentParser, name: str, settings: Any) -> None:
    """Give the options of nested settings, which the parser made itself, what those of the command have.

    Args:
        parser: holds an option for each field.
        name: of the nested settings, ``outer.inner``.
        settings: the nested settings' defaults, or their class where there are none.
    """
    options = {action.dest: action for action in parser._actions}
    if name in options:
        options[name].metavar, options[name].help = "FILE", "YAML file of the settings below."
    kind = settings if isinstance(settings, type) else type(settings)
    hints, helps = typing.get_type_hints(kind), _helps(kind)
    for field in dataclasses.fields(settings):
        inner = f"{name}.{field.name}"
        default = getattr(settings, field.name, None)  # a class has those of its fields that are plain
        if dataclasses.is_dataclass(hints[field.name]):
            _complete_help(parser, inner, default or hints[field.name])
        elif inner in options:
            option = options[inner]
            option.help = helps.get(field.name, field.name)
            if metavar := _metavar(hints[field.name]):
                option.metavar = metavar
            option.help += _remarks(kind, field.name, default)


def _load(text: str) -> Any:
    """As jsonargparse loads YAML, once it is known that it does not grow."""
    try:
        yaml_files.check(text)
        return get_loader("yaml")(text)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from None


set_loader(_MODE, _load, (yaml.YAMLError,))


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.2 and jsonargparse, but not YAML 1.1, take for numbers: a video may be called 1e3."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.[\d_]+)([eE][-+]?\d+)?$"), list("-+.0123456789")
)


class _HelpFormatter(argparse.HelpFormatter):
    """Wide enough that an option and its help share a line; defaults are part of the help texts."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=110)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        return (
            f"{action.option_strings[0]} {action.metavar}"
            if action.metavar
            else super()._format_action_invocation(action)
        )


def _build(parser: ArgumentParser, settings_class: type[Settings], parsed: Any) -> Settings:
    _require_groups(settings_class, parsed)
    values = parser.instantiate(parsed)
    return settings_class(**{field.name: values[field.name] for field in dataclasses.fields(settings_class)})  # type: ignore[arg-type]


def _require_groups(settings_class: type[Any], parsed: Any, outer: str = "") -> None:
    """Make sure that a file of settings says something of every group that it names.

    Raises:
        InputError: of one it says nothing.
    """
    hints = typing.get_type_hints(settings_class)
    for name in (name for name, kind in hints.items() if dataclasses.is_dataclass(kind)):
        if parsed.get(name) is None:
            first = next(iter(option_types(hints[name], f"{outer}{name}.")))
            option = option_of(outer + name)
            raise InputError(f"{option} takes settings, which are options too ({first} ...); got nothing")
        _require_groups(hints[name], parsed[name], f"{outer}{name}.")


def _helps(settings_class: type[Any]) -> dict[str, str]:
    """Field name -> help, from ``Attributes:`` sections and attribute docstrings, base classes first."""
    helps: dict[str, str] = {}
    for base in reversed(settings_class.__mro__):
        if dataclasses.is_dataclass(base):
            for parameter in docstring_parser.parse_from_object(base).params:
                text = " ".join((parameter.description or "").split()).replace("``", "")
                helps[parameter.arg_name] = text.replace("%", "%%")
    return helps


def _metavar(kind: Any) -> str | None:
    choices = [part for part in typing.get_args(kind) if part is not type(None)] or [kind]
    if typing.get_origin(kind) is typing.Literal or dataclasses.is_dataclass(kind):
        return None
    if (item := item_type(kind)) is not None:
        return f"{_METAVARS.get(item, 'VALUE')} ..."
    return "" if kind is bool else _METAVARS.get(choices[0])


def _remarks(settings_class: type[Any], name: str, default: Any) -> str:
    """The default and the bounds of a setting, to stand after its help."""
    remarks = [f"default: {_show(default)}"] if _is_worth_showing(default) else []
    remarks += [bound.short for bound in field_bounds(settings_class).get(name, ())]
    return f" ({'; '.join(remarks)})" if remarks else ""


def _is_worth_showing(default: Any) -> bool:
    empty = default is None or default is False or default in ((), [], "")
    return not empty and not dataclasses.is_dataclass(default)


def _show(default: Any) -> str:
    if isinstance(default, tuple | list):
        return " ".join(map(_show, default))
    return (str(default).lower() if isinstance(default, bool) else f"{default}").replace("%", "%%")


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as what YAML has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _explain(settings_class: type[Any], message: str) -> str:
    """The parser's complaint in one plain sentence."""
    group = re.match(r"Parser key \"([\w.]+)\":\s+Unable to load config '([^']*)'", message)
    if group and dataclasses.is_dataclass(inner := _kind(settings_class, group[1])):
        first = " ".join(list(option_types(inner, f"{group[1]}."))[:2])  # type: ignore[arg-type]
        expected = f"a YAML file of its settings, which are options too ({first} ...)"
        return f"{option_of(group[1])} takes {expected}; got {group[2]}"
    match = re.search(r'Parser key "([\w.]+)":.*(?:Got|Given) value: ([^\n]*)', message, re.DOTALL)
    if match is None or (kind := _kind(settings_class, match[1])) is None:
        plain = _one_line(message).removeprefix('Parser key "config": ')
        if plain.startswith(missing := "the following arguments are required: "):
            return "what is missing is " + ", ".join(map(option_of, plain.removeprefix(missing).split(", ")))
        plain = re.sub(r"Group '(\S+)' does not accept option '(\S+)'", r"there is no setting '\1.\2'", plain)
        return re.sub(r"Option ('\S+') is not accepted", r"there is no setting \1", plain)
    parts = [part for part in typing.get_args(kind) if part is not type(None)] or [kind]
    if typing.get_origin(kind) is typing.Literal:
        expected = "one of " + ", ".join(map(str, parts))
    elif (item := item_type(kind)) is not None:
        expected = f"a list, each of it {_TAKES.get(item, item)}" + (" (in YAML: in quotes)" if item is str else "")
    else:
        expected = " or ".join(_TAKES.get(part, str(part)) for part in parts)
    return f"{option_of(match[1])} takes {expected}; got {match[2]}"


def _kind(settings_class: type[Any], name: str) -> Any:
    """The type of the setting ``field`` or ``field.inner``; None if there is no such setting."""
    kind: Any = settings_class
    for part in name.split("."):
        if not dataclasses.is_dataclass(kind):
            return None
        kind = typing.get_type_hints(kind).get(part)
    return kind


def _one_line(message: object) -> str:
    return " ".join(str(message).split())
