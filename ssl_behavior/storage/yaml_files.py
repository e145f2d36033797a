"""YAML of plain values from files that anyone may have written: nothing in it acts, or grows beyond what is there.

``yaml.safe_load`` makes no objects, but a kilobyte of aliases and merge keys becomes as many values as there is memory
for, and of a key that comes twice it keeps the last without a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ssl_behavior.errors import InputError

LARGEST = 16 << 20
"""Bytes of a file; what this program writes for ten thousand videos is below one million."""
_MOST_VALUES = 1_000_000
_DEEPEST = 32
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: str | Path, repeats: bool = False) -> Any:
    """The content of a file.

    Args:
        path: of the file.
        repeats: whether a key may come again, as in files that are added to; the last one holds then.

    Raises:
        InputError: there is no such file, or it is not YAML of plain values.
    """
    return loads(read_text(path), path, repeats)


def loads(text: str | bytes, where: str | Path, repeats: bool = False) -> Any:
    """As ``read``, of a text; ``where`` names it in an error.

    Raises:
        InputError: it is not YAML of plain values.
    """
    try:
        check(text, repeats)
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 99th of May
        raise InputError(f"{where}: expected YAML of plain values; found something else ({error})") from None


def read_text(path: str | Path) -> str:
    """The text of a small file in UTF-8.

    Raises:
        InputError: there is no such file, it is too large, or no text.
    """
    path = Path(path)
    if not path.is_file():  # nor a pipe or a device, which may have no end
        raise InputError(f"{path}: expected a file of text; there is no such file")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise InputError(f"{path}: expected YAML of at most {LARGEST >> 20} MB; found more")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected YAML in UTF-8; found other bytes") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def check(text: str | bytes, repeats: bool = False) -> None:
    """Make sure that a text stands for no more than it says.

    Raises:
        yaml.YAMLError: it is no YAML, has an alias, or a key twice, or is too deep or too large to be settings.
    """
    open_: list[_Keys] = []
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if count > _MOST_VALUES or len(open_) > _DEEPEST:
            raise yaml.YAMLError(f"more than {_MOST_VALUES:,} values or {_DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"the alias *{event.anchor:.40}, which is not read")
        if isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
        elif isinstance(event, yaml.NodeEvent):
            if open_ and not repeats:
                open_[-1].take(event)
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append(_Keys(isinstance(event, yaml.MappingStartEvent)))


class _Keys:
    """Those of a collection's entries that are keys, which are every other one of a mapping's."""

    def __init__(self, is_mapping: bool) -> None:
        self.is_mapping = self.is_next = is_mapping
        self.found: set[str] = set()

    def take(self, event: yaml.NodeEvent) -> None:
        if self.is_next and isinstance(event, yaml.ScalarEvent):
            if event.value in self.found:
                raise yaml.YAMLError(f"the key {event.value[:40]!r} twice")
            self.found.add(event.value)
        self.is_next = self.is_mapping and not self.is_next
