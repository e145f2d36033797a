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
from ssl_behavior.errors import InputError, some
from ssl_behavior.storage import yaml_files

Settings = TypeVar("Settings")

_VARY = "vary"
_MOST = 100_000


@dataclass(frozen=True)
class Configuration:
    """One choice among the alternatives.

    Attributes:
        varied: ``section.setting`` -> what is chosen for it.
        sections: name -> the command's settings as YAML has them.
    """

    varied: Mapping[str, Any]
    sections: Mapping[str, dict[str, Any]]


def read_grid(path: Path, names: Sequence[str]) -> list[Configuration]:
    """Every combination of the alternatives in a file, the last varied setting changing first.

    Args:
        path: of the file.
        names: of the sections, all of which must be there.

    Raises:
        InputError: the file is no such grid.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a YAML file of settings to sweep; there is no such file")
    plain = yaml_files.read(path)
    if not isinstance(plain, dict) or set(plain) - {*names, _VARY} or set(names) - set(plain):
        found = some(map(str, plain)) if isinstance(plain, dict) else type(plain).__name__
        raise InputError(f"{path}: expected the sections {', '.join(names)} and perhaps {_VARY}; found {found}")
    vary = plain.get(_VARY) or {}
    if wrong := [name for name in names if not isinstance(plain[name], dict)]:
        raise InputError(f"{path}: expected settings in the section {wrong[0]}; found {plain[wrong[0]]!r}")
    if not isinstance(vary, dict) or not all(isinstance(values, list) and values for values in vary.values()):
        raise InputError(f"{path}: expected lines like '{names[0]}.seed: [0, 1]' under {_VARY}; found {vary!r}")
    if wrong := [str(name) for name in vary if str(name).partition(".")[0] not in names]:
        raise InputError(f"{path}: expected settings of {' or '.join(names)} under {_VARY}; found {some(wrong)}")
    if (count := math.prod(map(len, vary.values()))) > _MOST:
        raise InputError(f"{path}: expected at most {_MOST:,} combinations under {_VARY}; found {count:,}")
    return [
        _chosen(path, {name: plain[name] for name in names}, dict(zip(vary, values, strict=True)))
        for values in itertools.product(*vary.values())
    ]


def _chosen(path: Path, sections: Mapping[str, dict[str, Any]], varied: Mapping[str, Any]) -> Configuration:
    own = copy.deepcopy(dict(sections))
    for name, value in varied.items():
        *outer, last = name.split(".")
        place: Any = own
        for part in outer:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict) or place is own:
            raise InputError(
                f"{path}: expected the name of a setting under {_VARY}, such as pretrain.seed; found {name}"
            )
        place[last] = value
    return Configuration(varied, own)


def settings_of(settings_class: type[Settings], section: Mapping[str, Any], where: str) -> Settings:
    """The settings of a section.

    Raises:
        InputError: an unknown setting, or a value of the wrong type; ``where`` names the section.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "section.yaml"
        file.write_text(yaml.safe_dump(dict(section), allow_unicode=True), encoding="utf-8")
        try:
            return load_settings(settings_class, file)
        except InputError as error:
            raise InputError(str(error).replace(str(file), where)) from None
