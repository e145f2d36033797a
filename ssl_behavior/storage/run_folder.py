"""How results are written: each file whole or not at all, and a folder by one run at a time.

A run that is killed leaves files that are whole, files aside that the next run takes away, and a folder that is known
to be unfinished, so that the same command starts again where it would otherwise refuse to write over results.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssl_behavior.errors import InputError
from ssl_behavior.storage.atomic import ASIDE, SAFETENSORS_ASIDE, aside_of

try:
    import fcntl

    _HAS_LOCKS = True
except ImportError:  # Windows, where no run knows of another
    _HAS_LOCKS = False


UNFINISHED = ".unfinished"
"""Folder within an output for what a run that has not ended keeps of its state."""


_OF = "of"
"""File in it that says which run all else in the output is of, where the output was free when that began."""


_LOCK = ".lock"


# A path that ends in one of these is meant as a file; any other is a folder ("runs/v1.2" too).
_FILE_SUFFIXES = (".npy", ".npz", ".json", ".csv", ".gz", ".h5", ".slp", ".nwb", ".parquet", ".txt", ".annot", ".yaml")


_STALE_S = 600.0


def check_output(
    path: str | Path, overwrite: bool, file_suffix: str | None = None, option: str = "--output", of: str = ""
) -> Path:
    """Make sure, before any work is done, that results can be written to ``path`` and nothing is lost by it.

    Args:
        path: a folder, or a file that ends in ``file_suffix``.
        overwrite: whether what is there may be written over.
        file_suffix: of the file that the command can write; None if it writes folders only.
        option: that names the path.
        of: names the run; what it left in the folder when it was killed may be written over.

    Raises:
        InputError: something is there and ``overwrite`` is off, or a file stands where a folder is needed.
    """
    path = Path(path).expanduser()
    is_file = path.suffix.lower() == file_suffix
    if not is_file and path.suffix.lower() in _FILE_SUFFIXES:
        wanted = f"a folder or a {file_suffix} file" if file_suffix else "a folder"
        raise InputError(f"{option} {path}: expected {wanted} and found a file's name; give another {option}")
    folder = path.parent if is_file else path
    if blocking := next((place for place in (folder, *folder.parents) if place.exists() and not place.is_dir()), None):
        raise InputError(f"{option} {path}: expected a folder at {blocking} and found a file; give another {option}")
    if is_file and path.is_dir():
        raise InputError(f"{option} {path}: expected to write a file and found a folder; give another {option}")
    if not overwrite and path.exists() and (is_file or not (is_unfinished(path, of) or _is_empty(path))):
        found = "a file" if is_file else "a folder that is not empty"
        if not is_file and is_unfinished(path):
            found = "what a run of other settings left when it was stopped"
        raise InputError(f"{option} {path}: found {found}; give another {option}, or --overwrite to write over it")
    return path


def is_unfinished(folder: Path, of: str | None = None) -> bool:
    """Whether a folder holds nothing but what a run wrote that did not end, the one that ``of`` names if given."""
    try:
        told = (folder / UNFINISHED / _OF).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return of in (None, told)


def notices(folders: Iterable[str | Path]) -> list[str]:
    """What readers of results are to know: those of these folders that a run did not end to write."""
    found = [folder for folder in folders if is_unfinished(Path(folder).expanduser())]
    return [f"{folder}: what is there is of a run that did not end, and may lack files" for folder in found]


def identity(settings: Any) -> str:
    """Names a run by its settings, whether or not they let it write over others'."""
    return f"{type(settings).__name__} {replace(settings, overwrite=False)!r}"


@contextmanager
def writing(settings: Any, file_suffix: str | None = None) -> Iterator[Path]:
    """Results of one run, as ``check_output`` allows: inside, the folder is this run's alone, and marked as unfinished.

    With ``overwrite``, those who write replace their own former files; nothing else in a folder is deleted. Of a path
    that ends in ``file_suffix``, the parent folder is made and nothing else is done.

    Args:
        settings: of a command, with ``output`` and ``overwrite``.
        file_suffix: of the file that the command can write; None if it writes folders only.

    Raises:
        InputError: as ``check_output``, or another run is writing there.
        OSError: the folder cannot be written to.
    """
    of = identity(settings)
    path = check_output(settings.output, settings.overwrite, file_suffix, of=of)
    if path.suffix.lower() == file_suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        return
    with alone_in(path):
        check_output(path, settings.overwrite, of=of)  # again, as another run may just have ended
        with marked(path, of):
            yield path


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside, the folder, which is made if need be, is this run's alone; what killed runs left aside is taken away.

    The operating system forgets the lock as soon as the process ends, however it does. Where a file system knows no
    locks, no run knows of another, and nothing is taken away.

    Raises:
        InputError: another run is writing there.
        OSError: the folder cannot be written to.
    """
    made = _make(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: expected a folder that you may write to; it is read-only: give another")
    lock = folder / _LOCK
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _locked(handle, lock):
            _take_away_stale(folder)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
        _take_away_empty(made)


@contextmanager
def marked(folder: Path, of: str) -> Iterator[None]:
    """Inside, a folder that was free is marked as unfinished, and stays so if the block ends by an error.

    Args:
        folder: of results.
        of: names the run (``identity``), which alone may start again there without ``--overwrite``.
    """
    was_free = is_unfinished(folder, of) or not folder.exists() or _is_empty(folder)
    mark = folder / UNFINISHED
    made = _make(folder)
    if was_free and not is_unfinished(folder):
        (aside := aside_of(mark)).mkdir()
        (aside / _OF).write_text(of, encoding="utf-8")
        aside.rename(mark)
    mark.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if {*mark.iterdir()} <= {mark / _OF} and {*folder.iterdir()} <= {mark, folder / _LOCK}:
            shutil.rmtree(mark)  # nothing was written
            _take_away_empty(made)
        elif not any(mark.iterdir()):
            mark.rmdir()
        raise
    shutil.rmtree(mark.rename(aside_of(mark)))  # gone at once, as half of it would say something else


def _locked(handle: int, lock: Path) -> bool:
    """Whether the run has the lock; False where there are none.

    Raises:
        InputError: another run has it.
    """
    taken = InputError(f"{lock.parent}: another run is writing to this folder; wait for its end, or give another")
    if not _HAS_LOCKS:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise taken from None
    except OSError:
        return False  # a file system without locks
    if not lock.exists() or not os.path.samestat(os.fstat(handle), lock.stat()):
        raise taken  # who had it took the file away just now, and another may have made a new one
    return True


def _take_away_stale(folder: Path) -> None:
    oldest = time.time() - _STALE_S
    for left in [path for path in folder.rglob(".*") if ASIDE.fullmatch(path.name)]:
        with suppress(OSError):
            if left.stat().st_mtime < oldest:  # others may be writing below, as indexes and scores are
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _make(folder: Path) -> list[Path]:
    """Make a folder; returns those that were not there, the innermost first."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _take_away_empty(folders: Sequence[Path]) -> None:
    with suppress(OSError):  # one that is not
        for folder in folders:
            folder.rmdir()


def _is_empty(folder: Path) -> bool:
    return all(
        path.name == _LOCK or ASIDE.fullmatch(path.name) or SAFETENSORS_ASIDE.fullmatch(path.name)
        for path in folder.iterdir()
    )
