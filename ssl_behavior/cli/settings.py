"""Settings of a command: a frozen dataclass, read from command-line words and YAML, written as YAML."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from ssl_behavior.cli.options import as_parser_words, option_of, option_types
from ssl_behavior.cli.parser import build_parser
from ssl_behavior.cli.parser_errors import explain
from ssl_behavior.errors import InputError
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_text

__all__ = ["load_settings", "parse", "save_settings"]

Settings = TypeVar("Settings")


def parse(
    settings_class: type[Settings], argv: Sequence[str], description: str = "", command: str = "settings"
) -> Settings:
    """Make settings from command-line words; single options take precedence over a file given with ``--config``.

    Options are spelt with ``-`` or ``_``. A list takes several words or comma-separated ones; a switch needs no value.

    Args:
        settings_class: a dataclass; each field is an option.
        argv: the words after the command.
        description: the first lines of ``--help``.
        command: how users call the command, for help and errors.

    Raises:
        InputError: an unknown option or key, or a value of the wrong type.
        SystemExit: 0 after ``--help`` or ``--print-config``.

    Examples:
        >>> parse(SimulateConfig, ["--output", "data", "--seed", "3"])
    """
    parser = build_parser(settings_class, description, command)
    words = as_parser_words(settings_class, argv)
    files = _config_files(words)
    for file in files:
        # Raises if the file is missing or large: jsonargparse would otherwise parse the path itself as YAML.
        yaml_files.read_text(file)
    try:
        return _make(parser, settings_class, parser.parse_args(words))
    except ArgumentError as error:
        explanation = explain(settings_class, str(error))
        if files:
            explanation += f" (in {' or '.join(files)}, or among the options)"
        raise InputError(f"{explanation}; see {command} --help") from None
    except InputError as error:
        raise InputError(f"{' or '.join(files)}: {error}" if files else f"{error}") from None


def _config_files(words: Sequence[str]) -> list[str]:
    return [word.removeprefix("--config=") for word in words if word.startswith("--config=")]


def load_settings(settings_class: type[Settings], path: Path) -> Settings:
    """Read settings from a YAML file, whether ``save_settings`` or a person wrote it.

    Raises:
        InputError: there is no such file, it is not YAML, or it has an unknown key or a value of the wrong type.
    """
    parser = build_parser(settings_class)
    if not Path(path).is_file():
        raise InputError(f"{path}: expected a YAML file of settings; there is no such file")
    yaml_files.read_text(path)  # raises if the file is large or not text, which jsonargparse would accept
    try:
        return _make(parser, settings_class, parser.parse_path(str(path)))
    except ArgumentError as error:
        raise InputError(f"{path}: {explain(settings_class, str(error))}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def save_settings(settings: Any, path: Path) -> None:
    """Write settings as YAML; ``load_settings`` and ``--config`` read equal settings from it.

    Raises:
        OSError: the file cannot be written.
    """
    text = yaml.dump(_as_plain(settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    write_text(path, text)


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.2 and jsonargparse read as a number and YAML 1.1 does not: a video may be named 1e3."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.[\d_]+)([eE][-+]?\d+)?$"), list("-+.0123456789")
)


def _as_plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as the types that YAML has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_as_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _make(parser: ArgumentParser, settings_class: type[Settings], parsed: Any) -> Settings:
    _require_groups(settings_class, parsed)
    values = parser.instantiate(parsed)
    # Built here and not by jsonargparse, so that an InputError of a bound reaches the user as it is.
    return settings_class(**{field.name: values[field.name] for field in dataclasses.fields(settings_class)})  # type: ignore[arg-type]


def _require_groups(settings_class: type[Any], parsed: Any, outer: str = "") -> None:
    """Make sure that no group of nested settings is empty, such as ``supervision:`` alone in a YAML file.

    Raises:
        InputError: a group is empty.
    """
    hints = typing.get_type_hints(settings_class)
    for name in (name for name, kind in hints.items() if dataclasses.is_dataclass(kind)):
        if parsed.get(name) is None:
            example = next(iter(option_types(hints[name], f"{outer}{name}.")))
            option = option_of(outer + name)
            raise InputError(f"{option} takes settings, each of which is also an option ({example} ...); got nothing")
        _require_groups(hints[name], parsed[name], f"{outer}{name}.")
