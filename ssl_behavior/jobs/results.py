"""Units, and the folder that their results go to, which knows the ones that are done.

``units/LABEL.DIGEST.json`` is written after everything else of a unit, and taken away before anything of it is
replaced: where it is and the files that it names are, the result of just these inputs is whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ssl_behavior import __version__
from ssl_behavior.errors import InputError, some
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.object_store import InputFile, Store

_MARKS = "units"


@dataclass(frozen=True)
class Unit:
    """A piece of work that any worker can do any number of times with the same result.

    Attributes:
        label: what its result is called: a video id as it stands in file names, or a configuration's digest.
        digest: 16 characters that only the same work has (see ``unit_digest``).
        inputs: files that it reads.
        former: marks of results of the same label from other inputs, which its own replaces.
    """

    label: str
    digest: str
    inputs: tuple[InputFile, ...] = ()
    former: tuple[str, ...] = field(default=(), compare=False)

    @property
    def mark(self) -> str:
        """The file that says that it is done."""
        return f"{_MARKS}/{self.label}.{self.digest}.json"


def unit_digest(*parts: object) -> str:
    """16 characters that only the same settings and contents have, for this version of the package."""
    return digest(json.dumps([__version__, *parts], sort_keys=True, default=str))


class Results:
    """A folder of results.

    Args:
        store: where it lies.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def begin(self, about: str, content: bytes, overwrite: bool, is_result: Callable[[str], bool]) -> None:
        """Claim the folder for results of one checkpoint.

        Args:
            about: name of the file that says what made the results.
            content: of that file.
            overwrite: whether results of another checkpoint may be taken away.
            is_result: tells by its name whether a file is one of them.

        Raises:
            InputError: there are results of another checkpoint, or other files.
        """
        former = self.store.read([about]).get(about)
        names = self.store.names()
        # Results without marks are of another command, which would lose what it added to them.
        if names and (former is None or (any(map(is_result, names)) and not any(map(_is_mark, names)))):
            raise self._taken(names)
        if former == content:
            return
        if former is not None and not overwrite:
            raise InputError(
                f"--output {self.store.address}: expected results of the same checkpoint and precision and found those "
                "of another one; give another --output, or --overwrite to make them anew"
            )
        # The marks first, so that what an interrupt leaves is not taken for done.
        self.store.remove([name for name in names if _is_mark(name)])
        self.store.remove([name for name in names if is_result(name)])
        self.write(about, content)

    def require_own(self, *others: str) -> None:
        """Make sure that the folder is new, or that units have gone to it.

        Args:
            others: names of files that the command writes besides.

        Raises:
            InputError: there are other files only.
        """
        names = set(self.store.names()) - set(others)
        if names and not any(map(_is_mark, names)):
            raise self._taken(names)

    def missing(self, units: Sequence[Unit]) -> list[Unit]:
        """Those of the units that are not done, each with the marks of its former results."""
        there = set(self.store.names())
        marks: dict[str, list[str]] = {}
        for name in filter(_is_mark, there):
            marks.setdefault(_label(name), []).append(name)
        done = self.marks([unit for unit in units if unit.mark in there])
        return [
            replace(unit, former=tuple(name for name in marks.get(unit.label, ()) if name != unit.mark))
            for unit in units
            if unit not in done or not there.issuperset(done[unit]["files"])
        ]

    def marks(self, units: Iterable[Unit]) -> dict[Unit, dict[str, Any]]:
        """What was noted of each of the units that are done."""
        found = self.store.read([unit.mark for unit in units])
        return {unit: self._note(unit.mark, found[unit.mark]) for unit in units if unit.mark in found}

    def former(self, unit: Unit) -> list[dict[str, Any]]:
        """What was noted of results of the same label from other inputs."""
        return [self._note(mark, content) for mark, content in self.store.read(unit.former).items()]

    def _note(self, mark: str, content: bytes) -> dict[str, Any]:
        try:
            note = json.loads(content)
        except (ValueError, RecursionError):
            note = None
        if not isinstance(note, dict) or not isinstance(note.get("files"), list):
            raise InputError(
                f"{self.store.address}/{mark}: expected the note of a result; found something else: delete it"
            )
        return note

    def put(self, unit: Unit, files: Mapping[str, Path], note: Mapping[str, Any]) -> None:
        """Write a unit's result, in place of one from other inputs, and then its mark."""
        self.store.remove([*unit.former, unit.mark])
        for name, file in files.items():
            self.store.put(name, file)
        about = {"inputs": [one.address for one in unit.inputs], "files": list(files), **note}
        self.write(unit.mark, json.dumps(about, indent=1).encode())

    def _taken(self, names: Iterable[str]) -> InputError:
        return InputError(
            f"--output {self.store.address}: expected an empty folder or former results and found {some(names, 3)}; "
            "give another --output"
        )

    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "content"
            file.write_bytes(content)
            self.store.put(name, file)


def files_below(folder: Path) -> dict[str, Path]:
    """Name -> path of every file below a folder, as ``Results.put`` takes them."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _is_mark(name: str) -> bool:
    return name.startswith(f"{_MARKS}/")


def _label(mark: str) -> str:
    return mark.removeprefix(f"{_MARKS}/").removesuffix(".json").rpartition(".")[0]
