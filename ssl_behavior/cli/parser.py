"""The parser of a command: an option for each field of its settings, with help from the fields' docstrings."""

from __future__ import annotations

import argparse
import dataclasses
import typing
from pathlib import Path
from typing import Any

import docstring_parser
import yaml
from jsonargparse import ActionConfigFile, ArgumentParser, get_loader, set_loader

from ssl_behavior.cli.options import item_type, option_of, short_options
from ssl_behavior.cli.validators import field_bounds
from ssl_behavior.storage import yaml_files

__all__ = ["build_parser"]

_MODE = "plain_yaml"
_METAVARS = {int: "N", float: "X", Path: "PATH", str: "NAME"}


def build_parser(settings_class: type[Any], description: str = "", command: str = "settings") -> ArgumentParser:
    """Build the parser of a command's options, with their help.

    Args:
        settings_class: a dataclass; each field is an option.
        description: the first lines of ``--help``.
        command: how users call the command.
    """
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
    hints, helps = typing.get_type_hints(settings_class), _field_helps(settings_class)
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
            _complete_nested_help(parser, field.name, options.get("default", hints[field.name]))
    actions = {action.option_strings[0].replace("_", "-"): action for action in parser._actions}
    for short, option in short_options(settings_class).items():
        actions[option].help = f"{actions[option].help} (also {short})"
    return parser


def _complete_nested_help(parser: ArgumentParser, name: str, settings: Any) -> None:
    """Give the options of nested settings the same help as others; jsonargparse made these options itself.

    Args:
        parser: holds an option for each field.
        name: of the nested settings, ``outer.inner``.
        settings: the nested settings' defaults, or their class where there are none.
    """
    options = {action.dest: action for action in parser._actions}
    if name in options:
        options[name].metavar, options[name].help = "FILE", "YAML file of the settings below."
    settings_class = settings if isinstance(settings, type) else type(settings)
    hints, helps = typing.get_type_hints(settings_class), _field_helps(settings_class)
    for field in dataclasses.fields(settings):
        inner = f"{name}.{field.name}"
        default = getattr(settings, field.name, None)  # a class has only the defaults that no factory makes
        if dataclasses.is_dataclass(hints[field.name]):
            _complete_nested_help(parser, inner, default or hints[field.name])
        elif inner in options:
            option = options[inner]
            option.help = helps.get(field.name, field.name)
            if metavar := _metavar(hints[field.name]):
                option.metavar = metavar
            option.help += _remarks(settings_class, field.name, default)


class _HelpFormatter(argparse.HelpFormatter):
    """Puts an option and its help on one line; the default is part of the help text, so it is not added again."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=110)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        return (
            f"{action.option_strings[0]} {action.metavar}"
            if action.metavar
            else super()._format_action_invocation(action)
        )


def _field_helps(settings_class: type[Any]) -> dict[str, str]:
    """Field name -> help, from ``Attributes:`` sections and attribute docstrings; a subclass overrides its bases."""
    helps: dict[str, str] = {}
    for base in reversed(settings_class.__mro__):
        if dataclasses.is_dataclass(base):
            for parameter in docstring_parser.parse_from_object(base).params:
                text = " ".join((parameter.description or "").split()).replace("``", "")
                helps[parameter.arg_name] = text.replace("%", "%%")  # argparse formats help texts with %
    return helps


def _metavar(kind: Any) -> str | None:
    choices = [choice for choice in typing.get_args(kind) if choice is not type(None)] or [kind]
    if typing.get_origin(kind) is typing.Literal or dataclasses.is_dataclass(kind):
        return None
    if (item := item_type(kind)) is not None:
        return f"{_METAVARS.get(item, 'VALUE')} ..."
    return "" if kind is bool else _METAVARS.get(choices[0])


def _remarks(settings_class: type[Any], name: str, default: Any) -> str:
    """The default and the bounds of a setting, in parentheses after its help."""
    remarks = [f"default: {_as_text(default)}"] if _is_worth_showing(default) else []
    remarks += [bound.short for bound in field_bounds(settings_class).get(name, ())]
    return f" ({'; '.join(remarks)})" if remarks else ""


def _is_worth_showing(default: Any) -> bool:
    is_empty = default is None or default is False or default in ((), [], "")
    return not is_empty and not dataclasses.is_dataclass(default)


def _as_text(default: Any) -> str:
    if isinstance(default, tuple | list):
        return " ".join(map(_as_text, default))
    return (str(default).lower() if isinstance(default, bool) else f"{default}").replace("%", "%%")


def _load_yaml(text: str) -> Any:
    """Load YAML as jsonargparse does, after a check that its aliases do not fill the memory."""
    try:
        yaml_files.check(text)
        return get_loader("yaml")(text)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from None


# jsonargparse looks loaders up by mode, so this is a registration and not an effect on other users of jsonargparse.
set_loader(_MODE, _load_yaml, (yaml.YAMLError,))
