"""YAML of plain values from untrusted files: loading one runs no code and takes memory in proportion to its size.

``yaml.safe_load`` makes no objects, but it is not enough. One kilobyte of aliases and merge keys can expand to more
values than memory can hold, and of two entries with the same key it silently keeps the last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ssl_behavior.errors import InputError

MAX_BYTES = 16 << 20
"""Largest file that is read. The files that this package writes for ten thousand videos are below one megabyte."""
_MAX_VALUES = 1_000_000
_MAX_DEPTH = 32
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the loader in C is missing in some builds of PyYAML


def read(path: str | Path, repeats: bool = False) -> Any:
    """Read a YAML file.

    Args:
        path: of the file.
        repeats: accept repeated keys, as in files that lines are appended to; the last value is used.

    Raises:
        InputError: there is no such file, or it is not YAML of plain values.
    """
    return loads(read_text(path), path, repeats)


def loads(text: str | bytes, source: str | Path, repeats: bool = False) -> Any:
    """Load YAML from a text.

    Args:
        text: the YAML.
        source: where the text comes from, for messages.
        repeats: accept repeated keys; the last value is used.

    Raises:
        InputError: it is not YAML of plain values.

    Examples:
        >>> loads("{a: 1}", "settings")
        {'a': 1}
    """
    try:
        check(text, repeats)
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as the 99th of May
        raise InputError(f"{source}: expected YAML of plain values; found something else ({error})") from None


def read_text(path: str | Path) -> str:
    """Read a small text file in UTF-8.

    Raises:
        InputError: there is no such file, it is too large, or it is not text.
    """
    path = Path(path)
    if not path.is_file():  # this refuses pipes and devices too, which may never end
        raise InputError(f"{path}: expected a text file; there is no such file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InputError(
                f"{path}: expected YAML of at most {MAX_BYTES >> 20} MB; the file is larger: check the path"
            )
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected YAML in UTF-8; found other bytes: save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def check(text: str | bytes, repeats: bool = False) -> None:
    """Make sure that loading a text makes no more values than it spells out.

    Raises:
        yaml.YAMLError: it is not YAML, has an alias or a repeated key, or is too deep or too large for settings.
    """
    collections: list[_Keys] = []
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if count > _MAX_VALUES or len(collections) > _MAX_DEPTH:
            raise yaml.YAMLError(f"more than {_MAX_VALUES:,} values or {_MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"the alias *{event.anchor:.40}; aliases are not supported")
        if isinstance(event, yaml.CollectionEndEvent):
            collections.pop()
        elif isinstance(event, yaml.NodeEvent):
            if collections and not repeats:
                collections[-1].add(event)
            if isinstance(event, yaml.CollectionStartEvent):
                collections.append(_Keys(isinstance(event, yaml.MappingStartEvent)))


class _Keys:
    """The keys seen so far in one collection. In a mapping, every other entry is a key; a list has none."""

    def __init__(self, is_mapping: bool) -> None:
        self.is_mapping = self.next_is_key = is_mapping
        self.names: set[str] = set()

    def add(self, event: yaml.NodeEvent) -> None:
        if self.next_is_key and isinstance(event, yaml.ScalarEvent):
            if event.value in self.names:
                raise yaml.YAMLError(f"the key {event.value[:40]!r} twice")
            self.names.add(event.value)
        self.next_is_key = self.is_mapping and not self.next_is_key
