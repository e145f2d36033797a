"""Scripts that complete commands, options and file names in a shell, made by shtab from the commands' settings."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import shtab

from ssl_behavior.cli.options import item_type, option_types, short_options
from ssl_behavior.cli.parser import build_parser
from ssl_behavior.cli.run import CommandGroup
from ssl_behavior.errors import PROGRAM

__all__ = ["completion_script"]


def completion_script(commands: Mapping[str, str], shell: str) -> str:
    """Make the script that a shell sources to complete commands, options and file names.

    Args:
        commands: name -> one line of help.
        shell: bash or zsh.

    Returns:
        The text of the script.
    """
    program = argparse.ArgumentParser(PROGRAM)
    program.add_argument("--version", action="store_true", help="print the version")
    subparsers = program.add_subparsers()
    for name, line in commands.items():
        main = importlib.import_module(f"ssl_behavior.{name}").main
        parser = subparsers.add_parser(name, help=line)
        if isinstance(main, CommandGroup):
            group = parser.add_subparsers()
            for word, command in main.commands.items():
                _add_options(group.add_parser(word, help=command.description), command.settings_class)
        else:
            _add_options(parser, main.settings_class)
    return shtab.complete(program, shell=shell)


def _add_options(parser: argparse.ArgumentParser, settings_class: type[Any]) -> None:
    short = {option: name for name, option in short_options(settings_class).items()}
    actions = build_parser(settings_class)._actions
    helps = {action.option_strings[0].replace("_", "-"): action.help for action in actions}
    kinds = {"--config": Path, **option_types(settings_class)}
    for option, kind in kinds.items():
        names = [option, short[option]] if option in short else [option]
        # A list takes several words, and a switch needs none.
        nargs = "+" if item_type(kind) else "?" if kind is bool else None
        action = parser.add_argument(*names, nargs=nargs, choices=_choices(kind), help=helps[option])
        if Path in (kind, item_type(kind), *typing.get_args(kind)) or dataclasses.is_dataclass(kind):
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def _choices(kind: Any) -> list[str] | None:
    """All values of a setting of this type, as words; None if it takes any value."""
    if kind is bool:
        return ["true", "false"]
    return [str(word) for word in typing.get_args(kind)] if typing.get_origin(kind) is typing.Literal else None
