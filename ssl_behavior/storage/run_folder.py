"""Output folders of commands: checked before any work, locked by one run at a time, and marked until they are complete.

A killed run leaves complete files, temporary files that the next run removes, and a folder marked as unfinished. The
same command can therefore start again in that folder, where it would otherwise refuse to overwrite results.
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
from ssl_behavior.storage.atomic import SAFETENSORS_TEMPORARY, TEMPORARY, temporary_path

try:
    import fcntl

    _HAS_LOCKS = True
except ImportError:  # Windows: two runs that write to one folder do not notice each other
    _HAS_LOCKS = False


UNFINISHED = ".unfinished"
"""Folder within an output that marks it as unfinished; runs that can resume store their state in it."""

_RUN_ID = "of"
"""File in the mark. It names the run that wrote all other files of the output, if the output was empty before."""

_LOCK = ".lock"

# A path with one of these endings is meant as a file. Any other path is meant as a folder, such as "runs/v1.2".
_FILE_SUFFIXES = (".npy", ".npz", ".json", ".csv", ".gz", ".h5", ".slp", ".nwb", ".parquet", ".txt", ".annot", ".yaml")

# Age from which a temporary file counts as left behind. Indexes and scores are written below the folder without its
# lock, so a younger file may belong to a process that is still writing.
_STALE_SECONDS = 600.0


def check_output(
    path: str | Path, overwrite: bool, file_suffix: str | None = None, option: str = "--output", run_id: str = ""
) -> Path:
    """Make sure, before any work is done, that results can be written to ``path`` without losing others.

    Args:
        path: a folder, or a file that ends in ``file_suffix``.
        overwrite: whether existing results may be overwritten.
        file_suffix: ending of the file that the command can write; None if it writes folders only.
        option: the option that names the path, for messages.
        run_id: identifies the run. Its own unfinished results may be overwritten.

    Returns:
        The path, with ``~`` expanded.

    Raises:
        InputError: results exist and ``overwrite`` is off, or there is a file where a folder is needed.
    """
    path = Path(path).expanduser()
    is_file = path.suffix.lower() == file_suffix
    if not is_file and path.suffix.lower() in _FILE_SUFFIXES:
        expected = f"a folder or a {file_suffix} file" if file_suffix else "a folder"
        raise InputError(f"{option} {path}: expected {expected} and found a file's name; choose another {option}")
    folder = path.parent if is_file else path
    if blocking := next(
        (parent for parent in (folder, *folder.parents) if parent.exists() and not parent.is_dir()), None
    ):
        raise InputError(f"{option} {path}: expected a folder at {blocking} and found a file; choose another {option}")
    if is_file and path.is_dir():
        raise InputError(f"{option} {path}: expected to write a file and found a folder; choose another {option}")
    if not overwrite and path.exists() and (is_file or not (is_unfinished(path, run_id) or _is_empty(path))):
        existing = "a file" if is_file else "a folder that is not empty"
        if not is_file and is_unfinished(path):
            existing = "unfinished results of a run with other settings"
        raise InputError(
            f"{option} {path}: found {existing}; choose another {option}, or add --overwrite to replace it"
        )
    return path


def is_unfinished(folder: Path, run_id: str | None = None) -> bool:
    """Return whether a folder holds only files of a run that did not end.

    Args:
        folder: the output of a command.
        run_id: if given, the unfinished run must be this one.
    """
    try:
        marked_run = (folder / UNFINISHED / _RUN_ID).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return run_id in (None, marked_run)


def unfinished_notices(folders: Iterable[str | Path]) -> list[str]:
    """A notice for each of these folders that holds unfinished results."""
    unfinished = [folder for folder in folders if is_unfinished(Path(folder).expanduser())]
    return [
        f"{folder}: the run that wrote this folder did not finish, so files may be missing" for folder in unfinished
    ]


def run_identity(settings: Any) -> str:
    """Identify a run by its settings, except ``overwrite``, which does not change results."""
    return f"{type(settings).__name__} {replace(settings, overwrite=False)!r}"


@contextmanager
def open_output(settings: Any, file_suffix: str | None = None) -> Iterator[Path]:
    """Check the output of a command, lock it and mark it as unfinished; yield its path.

    With ``overwrite``, files of the same names are replaced; no other file in the folder is deleted. For an output that
    ends in ``file_suffix``, only its parent folder is made.

    Args:
        settings: of a command, with ``output`` and ``overwrite``.
        file_suffix: ending of the file that the command can write; None if it writes folders only.

    Raises:
        InputError: as ``check_output``, or another run is writing to the folder.
        OSError: the folder cannot be written to.

    Examples:
        >>> with open_output(config) as output:
        ...     write_text(output / "scores.csv", text)
    """
    run_id = run_identity(settings)
    path = check_output(settings.output, settings.overwrite, file_suffix, run_id=run_id)
    if path.suffix.lower() == file_suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        return
    with lock_folder(path):
        check_output(path, settings.overwrite, run_id=run_id)  # again: another run may have ended before the lock
        with mark_unfinished(path, run_id):
            yield path


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make a folder if it is missing, lock it for this run, and remove temporary files of killed runs.

    The operating system releases the lock when the process ends, in whatever way. On a file system without locks,
    runs do not notice each other, and no temporary file is removed.

    Raises:
        InputError: another run is writing to the folder.
        OSError: the folder cannot be written to.
    """
    new_folders = _make_folders(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: expected a folder that you may write to; it is read-only: choose another")
    lock = folder / _LOCK
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _acquire(handle, lock):
            _remove_stale(folder)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
        _remove_empty(new_folders)


@contextmanager
def mark_unfinished(folder: Path, run_id: str) -> Iterator[None]:
    """Mark an empty folder as unfinished; the mark stays if the block ends with an error.

    A folder that holds finished results is not marked with ``run_id``: after an error, they still need ``--overwrite``.

    Args:
        folder: of results.
        run_id: identifies the run (``run_identity``). Only this run may start again there without ``--overwrite``.
    """
    was_free = is_unfinished(folder, run_id) or not folder.exists() or _is_empty(folder)
    mark = folder / UNFINISHED
    new_folders = _make_folders(folder)
    if was_free and not is_unfinished(folder):
        (temporary := temporary_path(mark)).mkdir()
        (temporary / _RUN_ID).write_text(run_id, encoding="utf-8")
        temporary.rename(mark)
    mark.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if {*mark.iterdir()} <= {mark / _RUN_ID} and {*folder.iterdir()} <= {mark, folder / _LOCK}:
            shutil.rmtree(mark)  # the run wrote nothing
            _remove_empty(new_folders)
        elif not any(mark.iterdir()):
            mark.rmdir()
        raise
    # Renamed first, so that the mark disappears in one step: a mark that lost its files would mean finished results.
    shutil.rmtree(mark.rename(temporary_path(mark)))


def _acquire(handle: int, lock: Path) -> bool:
    """Take the lock; False where the file system has none.

    Raises:
        InputError: another run holds it.
    """
    busy = InputError(f"{lock.parent}: another run is writing to this folder; wait for its end, or choose another")
    if not _HAS_LOCKS:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None
    except OSError:
        return False  # a file system without locks
    if not lock.exists() or not os.path.samestat(os.fstat(handle), lock.stat()):
        # The former owner deleted the lock file just now, and another run may have made it again: our lock is on a
        # file that no longer exists.
        raise busy
    return True


def _remove_stale(folder: Path) -> None:
    oldest = time.time() - _STALE_SECONDS
    for path in [path for path in folder.rglob(".*") if TEMPORARY.fullmatch(path.name)]:
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and its parents; return those that are new, the innermost first."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return new


def _remove_empty(folders: Sequence[Path]) -> None:
    with suppress(OSError):  # rmdir refuses a folder that is not empty; its parents are not empty then, either
        for folder in folders:
            folder.rmdir()


def _is_empty(folder: Path) -> bool:
    """Return whether a folder holds nothing but a lock and temporary files."""
    return all(
        path.name == _LOCK or TEMPORARY.fullmatch(path.name) or SAFETENSORS_TEMPORARY.fullmatch(path.name)
        for path in folder.iterdir()
    )
