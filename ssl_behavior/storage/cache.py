"""A cache on disk of parsed and prepared recordings, whose arrays are read by memory map at the next start.

Each entry is a file in the layout of ``array_files``. Its name is the digest of everything that its content depends on:
the input, the settings and this package's own code. Entries therefore never go out of date, any number of processes may
share the cache, and any entry can be deleted at any time. Adding an entry deletes those that nobody has read for
``DAYS``. Each read compares the entry with its checksums: a flipped bit must not change predictions.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import platformdirs

from ssl_behavior import __version__
from ssl_behavior.errors import InputError
from ssl_behavior.storage.array_files import SUFFIX, DamagedError, read_arrays, write_arrays
from ssl_behavior.storage.digests import digest

VARIABLE = "SSL_BEHAVIOR_CACHE"
"""Environment variable that names another cache folder than the user's default; if it is empty, nothing is cached."""

DAYS = 60
"""Entries that were not read for this long are deleted."""

# A cache folder may hold other files too; only those with such names are deleted.
_ENTRY_NAME = re.compile(r"\.?[0-9a-f]{32}\.safetensors(\.[0-9a-f]{12}\.part)?")

_READERS = ("movement", "sleap-io")
"""Other packages that read files for this one: a new version of them may read the same file differently."""

_UNWRITABLE: set[Path] = set()

Value = TypeVar("Value")
Pack = Callable[[Value], tuple[Mapping[str, np.ndarray], Any]]
Unpack = Callable[[Mapping[str, np.ndarray], Any], Value]


def folder() -> Path | None:
    """The cache folder, or None if nothing is cached."""
    name = os.environ.get(VARIABLE)
    if name is None:
        return platformdirs.user_cache_path("ssl_behavior")
    return Path(name).expanduser() if name else None


def notice() -> str:
    """Say where the cache is and how to move or delete it, for a notice or a command's help."""
    alternatives = f"({VARIABLE}=FOLDER names another folder, {VARIABLE}= caches nothing)"
    path = folder()
    if path is None:
        return f"parsed and prepared recordings are not cached {alternatives}"
    return (
        f"parsed and prepared recordings are cached in {path} until nobody has read them for {DAYS} days; "
        f"you can delete them at any time {alternatives}"
    )


def cached(
    kind: str,
    follows_from: Callable[[], object],
    make: Callable[[], Value],
    pack: Pack[Value],
    unpack: Unpack[Value],
) -> Value:
    """Return a value from the cache, with its arrays read by memory map; make it and cache it if it is missing.

    A value that cannot be cached is returned as ``make`` made it: the folder may be read-only, or the value may hold
    more than arrays and plain values. A damaged entry is made again.

    Args:
        kind: of value. Each kind has a folder of its own in the cache.
        follows_from: returns everything that the value depends on, such that its ``repr`` differs where the value may.
        make: makes the value.
        pack: splits the value into the arrays and plain values that ``write_arrays`` takes.
        unpack: joins them again.

    Raises:
        Exception: any that ``follows_from`` or ``make`` raises.
    """
    cache_folder = folder()
    if cache_folder is None:
        return make()
    name = digest(_code(), repr(follows_from()), length=32)
    path = cache_folder / kind / f"{name}{SUFFIX}"
    existing = _read(path, kind, unpack)
    if existing is not None:
        return existing
    value = make()
    if not _write(cache_folder, path, kind, value, pack):
        return value
    # Read back, so that the first run uses memory-mapped arrays, as all later ones do.
    mapped = _read(path, kind, unpack)
    return value if mapped is None else mapped


def _read(path: Path, kind: str, unpack: Unpack[Value]) -> Value | None:
    try:
        value = unpack(*read_arrays(path, _file_kind(kind)))
        with suppress(OSError):  # the file belongs to another user, or the disk is read-only
            os.utime(path)  # `_delete_old` goes by this time
        return value
    except DamagedError:
        print(f"{path}: this entry of the cache is damaged, so it is made again; if this recurs, check the disk")
        return None
    except (OSError, InputError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None  # missing, or not complete


def _write(cache_folder: Path, path: Path, kind: str, value: Value, pack: Pack[Value]) -> bool:
    """Write an entry; False if that is impossible."""
    if cache_folder in _UNWRITABLE:
        return False
    try:
        arrays, metadata = pack(value)
        if not cache_folder.is_dir():
            cache_folder.mkdir(parents=True, exist_ok=True)  # another process may have made it just now
            print(notice())
        _delete_old(cache_folder)
        write_arrays(path, arrays, _file_kind(kind), metadata)
    except (KeyError, TypeError, ValueError):
        return False  # the value holds something that the file format cannot
    except OSError as error:
        _UNWRITABLE.add(cache_folder)  # say it once only
        print(
            f"{cache_folder}: nothing more can be cached there ({error}); going on without the cache, "
            f"{VARIABLE}=FOLDER names another folder"
        )
        return False
    return True


@functools.cache
def _delete_old(cache_folder: Path) -> None:
    """Delete the entries that nobody has read for ``DAYS``, once in a process."""
    oldest = time.time() - DAYS * 86_400
    for file in cache_folder.glob("*/*"):
        with suppress(OSError):
            if _ENTRY_NAME.fullmatch(file.name) and file.stat().st_mtime < oldest:
                file.unlink()


def _file_kind(kind: str) -> str:
    return f"ssl_behavior.cache.{kind}"


@functools.cache
def _code() -> str:
    """The digest of the code that reads and prepares recordings: an entry that other code made is not used."""
    package = Path(__file__).parents[1]
    rooms = ("storage", "recordings", "formats", "poses")
    files = [file for room in rooms for file in (package / room).rglob("*.py")]
    readers = [f"{name} {version(name)}" for name in _READERS if importlib.util.find_spec(name.replace("-", "_"))]
    return digest(f"{__version__} {readers}", *(file.read_bytes() for file in sorted(files)), length=64)
