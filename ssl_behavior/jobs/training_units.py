"""The training of an encoder or of a model as a unit of work: from the settings of a grid to a unit and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ssl_behavior.compute.devices import Device
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.annotations.read import LABEL_SUFFIXES
from ssl_behavior.formats.tracks.read import TRACK_SUFFIXES
from ssl_behavior.jobs.grid import settings_of
from ssl_behavior.jobs.results import Unit, unit_digest
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.object_store import InputFile, fetch, input_files

_INPUTS = {"recordings": TRACK_SUFFIXES, "annotations": LABEL_SUFFIXES, "skeleton": None}
"""Settings that name files -> endings of the files that count in a folder."""
_SET_BY_WORKER = {"output", "overwrite", "device", "encoder"}

FindFiles = Callable[[tuple[str, ...], tuple[str, ...] | None], list[InputFile]]
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class TrainingUnit(Unit):
    """The training of an encoder, or of a model on an encoder.

    Attributes:
        section: settings of the command as YAML, with the address of every file.
        encoder: training of the encoder that a model is trained on; None if this trains an encoder.
    """

    section: str = field(default="", compare=False)
    encoder: TrainingUnit | None = None

    @property
    def folder(self) -> str:
        """Folder of the result."""
        return f"{'models' if self.encoder else 'encoders'}/{self.digest}"


def training_unit(
    digest: str, encoder: TrainingUnit | None, inputs: tuple[InputFile, ...] = (), section: str = ""
) -> TrainingUnit:
    """Return the training with this digest, which names its result; the digest alone finds one that is done."""
    label = f"{'model' if encoder else 'encoder'}-{digest}"
    return TrainingUnit(label, digest, inputs, section=section, encoder=encoder)


def plan_training(
    settings_class: type[Any],
    section: Mapping[str, Any],
    where: str,
    encoder: TrainingUnit | None,
    find_files: FindFiles,
) -> TrainingUnit:
    """Return the training that a section of a grid describes.

    Args:
        settings_class: dataclass of the command's settings.
        section: settings of the command as plain YAML values.
        where: name of the section, for the error message.
        encoder: training of the encoder of a model; None if this is the training of an encoder.
        find_files: lists files, as ``input_files`` does.

    Raises:
        InputError: a setting is unknown, has an unusable value or is set by the worker, or a file does not exist.
    """
    if reserved := _SET_BY_WORKER & set(section):
        raise InputError(f"{where}: found {', '.join(sorted(reserved))}, which each worker sets itself: remove it")
    placeholder = {"encoder": "-"} if encoder else {}  # a required setting, whose folder does not exist yet
    settings = asdict(settings_of(settings_class, {**section, **placeholder}, where))
    section = dict(section)
    inputs: list[tuple[str, InputFile]] = []
    for name, suffixes in _INPUTS.items():
        if addresses := section.get(name):
            patterns = (addresses,) if isinstance(addresses, str) else tuple(addresses)
            files = find_files(patterns, None if section.get("format") and name == "recordings" else suffixes)
            section[name] = files[0].address if isinstance(addresses, str) else [file.address for file in files]
            inputs += [(name, file) for file in files]
    # Files count by name and content, so the same training is recognised wherever its inputs are.
    other_settings = {name: value for name, value in settings.items() if name not in {*_INPUTS, *_SET_BY_WORKER}}
    contents = [(name, file.address.rpartition("/")[2], file.stamp) for name, file in inputs]
    digest = unit_digest(settings_class.__name__, other_settings, contents, encoder.digest if encoder else None)
    return training_unit(digest, encoder, tuple(file for _, file in inputs), yaml.safe_dump(section, sort_keys=False))


def training_settings(
    settings_class: type[Settings], unit: TrainingUnit, folder: Path, device: Device, encoder: Path | None
) -> Settings:
    """Return the settings with which a worker trains a unit in a folder of its own.

    Args:
        settings_class: dataclass of the command's settings.
        unit: the training.
        folder: folder for copies of the inputs, and for the ``output``.
        device: device of this worker.
        encoder: folder of the encoder of a model.

    Raises:
        InputError: an input has changed since the unit was planned, or cannot be read.
    """
    present = set(input_files([file.address for file in unit.inputs]))
    if changed := [file.address for file in unit.inputs if file not in present]:
        raise InputError(
            f"{list_names(changed, 3)}: expected the content that the file had when the training was planned; found "
            "another: plan it again with the same command"
        )
    section = yaml_files.loads(unit.section, unit.label)
    if not isinstance(section, dict):
        raise InputError(f"{unit.label}: expected settings; found {section!r:.40}: post the experiment again")
    for name in _INPUTS:
        if addresses := section.get(name):
            section[name] = _fetch_all(addresses, folder / name)
    section |= {"output": str(folder / "output"), "device": device}
    if encoder is not None:
        section["encoder"] = str(encoder)
    return settings_of(settings_class, section, unit.label)


def _fetch_all(addresses: str | list[str], folder: Path) -> str | list[str]:
    if isinstance(addresses, str):
        return str(fetch(addresses, folder))
    # A folder for each file, because files of different folders may have the same name.
    return [str(fetch(address, folder / str(i))) for i, address in enumerate(addresses)]
