"""A grid of settings, from a YAML file: a section per command, and under ``vary`` the alternatives of some settings.

::

    pretrain: {recordings: [tracks]}
    finetune: {recordings: [tracks], annotations: [annotations], channel: S1}
    vary:
      pretrain.steps: [1000, 3000]
      finetune.supervision.dropout: [0.2, 0.5]
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import yaml

from ssl_behavior.cli.settings import load_settings
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.storage import yaml_files

Settings = TypeVar("Settings")

_VARY = "vary"
_MAX_COMBINATIONS = 100_000
"""A few lines of YAML can ask for billions of combinations; nobody means to train more than this."""


@dataclass(frozen=True)
class Configuration:
    """One combination of the alternatives.

    Attributes:
        varied: ``section.setting`` -> the chosen alternative.
        sections: section -> settings of its command, as plain YAML values.
    """

    varied: Mapping[str, Any]
    sections: Mapping[str, dict[str, Any]]


def read_grid(path: Path, names: Sequence[str]) -> list[Configuration]:
    """Return every combination of the alternatives in a file; the last varied setting changes first.

    Args:
        path: the YAML file.
        names: names of the sections; the file must have all of them.

    Raises:
        InputError: the file does not exist, or is no such grid.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a YAML file of settings to sweep; found no such file")
    content = yaml_files.read(path)
    if not isinstance(content, dict) or set(content) - {*names, _VARY} or set(names) - set(content):
        present = list_names(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path}: expected the sections {', '.join(names)} and perhaps {_VARY}; found {present}")
    vary = content.get(_VARY) or {}
    if wrong := [name for name in names if not isinstance(content[name], dict)]:
        raise InputError(f"{path}: expected settings in the section {wrong[0]}; found {content[wrong[0]]!r}")
    if not isinstance(vary, dict) or not all(isinstance(values, list) and values for values in vary.values()):
        raise InputError(f"{path}: expected lines like '{names[0]}.seed: [0, 1]' under {_VARY}; found {vary!r}")
    if wrong := [str(name) for name in vary if str(name).partition(".")[0] not in names]:
        raise InputError(f"{path}: expected settings of {' or '.join(names)} under {_VARY}; found {list_names(wrong)}")
    if (count := math.prod(map(len, vary.values()))) > _MAX_COMBINATIONS:
        raise InputError(f"{path}: expected at most {_MAX_COMBINATIONS:,} combinations under {_VARY}; found {count:,}")
    sections = {name: content[name] for name in names}
    return [
        _combine(path, sections, dict(zip(vary, values, strict=True))) for values in itertools.product(*vary.values())
    ]


def _combine(path: Path, sections: Mapping[str, dict[str, Any]], varied: Mapping[str, Any]) -> Configuration:
    """Return the sections with the varied settings filled in."""
    combined = copy.deepcopy(dict(sections))
    for name, value in varied.items():
        *outer, last = name.split(".")
        parent: Any = combined
        for key in outer:
            parent = parent.setdefault(key, {}) if isinstance(parent, dict) else None
        if not isinstance(parent, dict) or parent is combined:
            raise InputError(
                f"{path}: expected the name of a setting under {_VARY}, such as pretrain.seed; found {name}"
            )
        parent[last] = value
    return Configuration(varied, combined)


def settings_of(settings_class: type[Settings], section: Mapping[str, Any], where: str) -> Settings:
    """Return the settings of a section.

    Args:
        settings_class: dataclass of the command's settings.
        section: plain YAML values.
        where: name of the section, for the error message.

    Raises:
        InputError: a setting is unknown, or its value has the wrong type.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "section.yaml"
        file.write_text(yaml.safe_dump(dict(section), allow_unicode=True), encoding="utf-8")
        try:
            return load_settings(settings_class, file)
        except InputError as error:
            raise InputError(str(error).replace(str(file), where)) from None
