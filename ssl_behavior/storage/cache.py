"""What was parsed or prepared once, kept on disk to be read by memory map at the next start.

A folder of files in the layout of ``mapped``, each named by the digest of all that its content follows from: what it
was made of, how, and this package's own code. So nothing in it goes out of date, any number of processes may use it at
once, and all or any of it can be deleted at any time. What nobody has read for ``DAYS`` goes when something new comes.
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
from safetensors import SafetensorError

from ssl_behavior import __version__
from ssl_behavior.errors import InputError
from ssl_behavior.storage.array_files import SUFFIX, read_arrays, write_arrays
from ssl_behavior.storage.digests import digest

VARIABLE = "SSL_BEHAVIOR_CACHE"
"""The environment variable that names another folder than the user's own for caches; empty, nothing is kept."""

DAYS = 60
"""After which what nobody read is deleted."""
_OURS = re.compile(r"\.?[0-9a-f]{32}\.safetensors(\.[0-9a-f]{12}\.part)?")

Made = TypeVar("Made")
Pack = Callable[[Made], tuple[Mapping[str, np.ndarray], Any]]
Unpack = Callable[[Mapping[str, np.ndarray], Any], Made]


def folder() -> Path | None:
    """Where things are kept, or None where nothing is to be."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return platformdirs.user_cache_path("ssl_behavior")
    return Path(named).expanduser() if named else None


def notice() -> str:
    """Where things are kept and who may delete them, for a notice or a command's help."""
    other = f"({VARIABLE}=FOLDER names another place, {VARIABLE}= keeps nothing)"
    place = folder()
    if place is None:
        return f"what is parsed and prepared is not kept for the next start {other}"
    return (
        f"what is parsed and prepared is kept in {place} for the next start, until nobody has read it for {DAYS} days; "
        f"it can be deleted at any time {other}"
    )


def kept(
    kind: str, follows_from: Callable[[], object], make: Callable[[], Made], pack: Pack[Made], unpack: Unpack[Made]
) -> Made:
    """What ``make`` makes, its arrays read by memory map: from the cache if it is there, else made and put there.

    What cannot be kept, as the folder cannot be written to or the thing holds more than arrays and plain values, is
    handed on as it was made; a file that is damaged is made anew.

    Args:
        kind: of thing, which has a folder of its own in the cache.
        follows_from: all that the thing follows from, such that its ``repr`` differs where the thing may.
        make: makes it.
        pack: takes it apart into what ``write_arrays`` takes.
        unpack: puts it together again.

    Raises:
        whatever ``follows_from`` and ``make`` raise.
    """
    place = folder()
    if place is None:
        return make()
    name = digest(_code(), repr(follows_from()), length=32)
    path = place / kind / f"{name}{SUFFIX}"
    found = _read(path, kind, unpack)
    if found is not None:
        return found
    made = make()
    if not _write(place, path, kind, made, pack):
        return made
    found = _read(path, kind, unpack)
    return made if found is None else found


def _read(path: Path, kind: str, unpack: Unpack[Made]) -> Made | None:
    try:
        found = unpack(*read_arrays(path, _written_as(kind)))
        with suppress(OSError):  # others' files, or a disk that is only to be read
            os.utime(path)
        return found
    except (OSError, InputError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None  # not there, or damaged


def _write(place: Path, path: Path, kind: str, made: Made, pack: Pack[Made]) -> bool:
    if place in _UNWRITABLE:
        return False
    try:
        arrays, about = pack(made)
        if not place.is_dir():
            place.mkdir(parents=True, exist_ok=True)  # another process may have made it just now
            print(notice())
        _forget(place)
        write_arrays(path, arrays, _written_as(kind), about)
    except (KeyError, TypeError, ValueError):
        return False  # it holds what no such file can
    except (OSError, SafetensorError) as error:
        _UNWRITABLE.add(place)
        print(f"{place}: nothing more can be kept there ({error}); going on without, {VARIABLE} names another place")
        return False
    return True


@functools.cache
def _forget(place: Path) -> None:
    """Delete what nobody read for long, once in a process; of a folder that holds other things too, these alone."""
    oldest = time.time() - DAYS * 86_400
    for file in place.glob("*/*"):
        with suppress(OSError):
            if _OURS.fullmatch(file.name) and file.stat().st_mtime < oldest:
                file.unlink()


_UNWRITABLE: set[Path] = set()
_READERS = ("movement", "sleap-io")
"""Packages that read files for us."""


def _written_as(kind: str) -> str:
    return f"ssl_behavior.cache.{kind}"


@functools.cache
def _code() -> str:
    """The digest of the code that reads and prepares, ours and others': what other code made is made anew, unasked."""
    package = Path(__file__).parents[1]
    rooms = ("storage", "recordings", "formats", "poses")
    files = [file for room in rooms for file in (package / room).rglob("*.py")]
    others = [f"{name} {version(name)}" for name in _READERS if importlib.util.find_spec(name.replace("-", "_"))]
    return digest(f"{__version__} {others}", *(file.read_bytes() for file in sorted(files)), length=64)
