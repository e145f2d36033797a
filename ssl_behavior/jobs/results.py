"""Units of work, and the folder of their results, which records the units that are done.

The mark of a unit, ``units/LABEL.DIGEST.json``, is written after all its results, and removed before any of them is
replaced. So where the mark and the files that it names exist, the result of exactly these inputs is complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ssl_behavior import __version__
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.object_store import InputFile, Store

_MARKS = "units"


@dataclass(frozen=True)
class Unit:
    """A piece of work that any worker can do any number of times with the same result.

    Attributes:
        label: name of its result: a video id as used in file names, or the digest of a configuration.
        digest: 16 characters that identify the work by its content (see ``unit_digest``).
        inputs: files that it reads.
        former: marks of results with the same label from other inputs, which this result replaces.
    """

    label: str
    digest: str
    inputs: tuple[InputFile, ...] = ()
    former: tuple[str, ...] = field(default=(), compare=False)

    @property
    def mark(self) -> str:
        """Name of the file that marks the unit as done."""
        return f"{_MARKS}/{self.label}.{self.digest}.json"


def unit_digest(*parts: object) -> str:
    """Return 16 characters that identify settings and contents, for this version of the package."""
    return digest(json.dumps([__version__, *parts], sort_keys=True, default=str))


class Results:
    """A folder of results.

    Args:
        store: the folder, on a disk or in an object store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def claim(self, about: str, content: bytes, overwrite: bool, is_result: Callable[[str], bool]) -> None:
        """Claim the folder for the results of one checkpoint.

        Args:
            about: name of the file that describes the checkpoint.
            content: content of that file.
            overwrite: remove results of another checkpoint.
            is_result: decides by the name of a file whether it is a result.

        Raises:
            InputError: the folder holds results of another checkpoint, or other files.
        """
        existing = self.store.read([about]).get(about)
        names = self.store.names()
        # Results without marks were written by another command, whose additions would be lost.
        if names and (existing is None or (any(map(is_result, names)) and not any(map(_is_mark, names)))):
            raise self._occupied(names)
        if existing == content:
            return
        if existing is not None and not overwrite:
            raise InputError(
                f"--output {self.store.address}: expected results of the same checkpoint and precision; found those of "
                "another one: choose another --output, or pass --overwrite to replace them"
            )
        # Marks go first: results that an interrupt leaves must not count as done.
        self.store.remove([name for name in names if _is_mark(name)])
        self.store.remove([name for name in names if is_result(name)])
        self.store.write(about, content)

    def require_own_folder(self, *others: str) -> None:
        """Check that the folder is empty, or holds results of units.

        Args:
            *others: names of other files that the command writes.

        Raises:
            InputError: the folder holds other files only.
        """
        names = set(self.store.names()) - set(others)
        if names and not any(map(_is_mark, names)):
            raise self._occupied(names)

    def marks(self) -> set[str]:
        """Return the names of all marks."""
        return set(self.store.names(_MARKS))

    def missing(self, units: Sequence[Unit]) -> list[Unit]:
        """Return the units that are not done, each with the marks of the results that it replaces."""
        names = set(self.store.names())
        marks: dict[str, list[str]] = {}
        for name in filter(_is_mark, names):
            marks.setdefault(_label(name), []).append(name)
        notes = self.notes([unit for unit in units if unit.mark in names])
        return [
            replace(unit, former=tuple(name for name in marks.get(unit.label, ()) if name != unit.mark))
            for unit in units
            if unit not in notes or not names.issuperset(notes[unit]["files"])
        ]

    def notes(self, units: Iterable[Unit]) -> dict[Unit, dict[str, Any]]:
        """Read the marks of those units that are done: their inputs, their files and what ``put`` was given."""
        units = list(units)
        contents = self.store.read([unit.mark for unit in units])
        return {unit: self._parse(unit.mark, contents[unit.mark]) for unit in units if unit.mark in contents}

    def former_notes(self, unit: Unit) -> list[dict[str, Any]]:
        """Read the marks of the results that a unit replaces."""
        return [self._parse(mark, content) for mark, content in self.store.read(unit.former).items()]

    def _parse(self, mark: str, content: bytes) -> dict[str, Any]:
        try:
            note = json.loads(content)
        except (ValueError, RecursionError):
            note = None
        if not isinstance(note, dict) or not isinstance(note.get("files"), list):
            raise InputError(
                f"{self.store.address}/{mark}: expected the mark of a result; found something else: delete the file"
            )
        return note

    def put(self, unit: Unit, files: Mapping[str, Path], note: Mapping[str, Any]) -> None:
        """Write the result of a unit, in place of one from other inputs, and then its mark.

        Args:
            unit: the unit.
            files: name in the folder -> file to copy.
            note: plain values to store in the mark.
        """
        self.store.remove([*unit.former, unit.mark])
        for name, file in files.items():
            self.store.put(name, file)
        content = {"inputs": [file.address for file in unit.inputs], "files": list(files), **note}
        self.store.write(unit.mark, json.dumps(content, indent=1).encode())

    def _occupied(self, names: Iterable[str]) -> InputError:
        return InputError(
            f"--output {self.store.address}: expected an empty folder or former results; found {list_names(names, 3)}: "
            "choose another --output"
        )


def files_below(folder: Path) -> dict[str, Path]:
    """Return name -> path of every file below a folder, as ``Results.put`` takes them."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _is_mark(name: str) -> bool:
    return name.startswith(f"{_MARKS}/")


def _label(mark: str) -> str:
    return mark.removeprefix(f"{_MARKS}/").removesuffix(".json").rpartition(".")[0]
