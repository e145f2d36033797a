"""How results are written: each file whole or not at all, and a folder by one run at a time.

A run that is killed leaves files that are whole, files aside that the next run takes away, and a folder that is known
to be unfinished, so that the same command starts again where it would otherwise refuse to write over results.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError

from ssl_behavior.errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where no run knows of another
    fcntl = None  # type: ignore[assignment]

UNFINISHED = ".unfinished"
"""Folder within an output for what a run that has not ended keeps of its state."""
_FREE = "was-free"
"""File in it that says that all else in the output is of such a run, which may start again."""

# A path that ends in one of these is meant as a file; any other is a folder ("runs/v1.2" too).
_FILE_SUFFIXES = (".npy", ".npz", ".json", ".csv", ".gz", ".h5", ".slp", ".nwb", ".parquet", ".txt", ".annot", ".yaml")
_ASIDE = re.compile(r"\..*\.[0-9a-f]{12}\.part|\.tmp\w{6}")
"""What a kill leaves of a file that was being written, by us or by safetensors."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes the place of ``path`` once the block ends without an error.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    try:
        aside.touch()
        mode = aside.stat().st_mode
        yield aside
        aside.chmod(mode)  # safetensors makes files that others may not read, whatever the umask says
        _to_disk(aside)
        os.replace(aside, path)
    except SafetensorError as error:
        code = re.search(r"os error (\d+)", str(error))
        raise _unwritten(path, os.strerror(int(code[1])) if code else str(error)) from None
    except OSError as error:
        if error.filename not in (None, str(aside)):  # of another file, that was read
            raise
        raise _unwritten(path, error.strerror or str(error), error.errno) from None
    finally:
        aside.unlink(missing_ok=True)


def _unwritten(path: Path, why: str, code: int | None = None) -> OSError:
    told = f"cannot be written ({why}); make room there or write elsewhere, and run again"
    return OSError(code or errno.EIO, told, str(path))


def write_text(path: str | Path, text: str) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as aside:
        aside.write_bytes(text.encode("utf-8"))


def check_output(path: str | Path, overwrite: bool, file_suffix: str | None = None, option: str = "--output") -> Path:
    """Make sure, before any work is done, that results can be written to ``path`` and nothing is lost by it.

    Args:
        path: a folder, or a file that ends in ``file_suffix``.
        overwrite: whether what is there may be written over.
        file_suffix: of the file that the command can write; None if it writes folders only.
        option: that names the path.

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
    if not overwrite and path.exists() and (is_file or not (is_unfinished(path) or _is_empty(path))):
        found = "a file" if is_file else "a folder that is not empty"
        raise InputError(f"{option} {path}: found {found}; give another {option}, or --overwrite to write over it")
    return path


def is_unfinished(folder: Path) -> bool:
    """Whether a folder holds nothing but what a run that did not end has written to it."""
    return (folder / UNFINISHED / _FREE).is_file()


@contextmanager
def writing(path: str | Path, overwrite: bool, file_suffix: str | None = None) -> Iterator[Path]:
    """Results of one run, as ``check_output`` allows: inside, the folder is this run's alone, and marked as unfinished.

    With ``overwrite``, those who write replace their own former files; nothing else in a folder is deleted. Of a path
    that ends in ``file_suffix``, the parent folder is made and nothing else is done.

    Raises:
        InputError: as ``check_output``, or another run is writing there.
        OSError: the folder cannot be written to.
    """
    path = check_output(path, overwrite, file_suffix)
    if path.suffix.lower() == file_suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        return
    with alone_in(path), marked(path):
        yield path


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Inside, the folder, which is made if need be, is this run's alone; what killed runs left aside is taken away.

    The operating system forgets the lock as soon as the process ends, however it does. Where a file system knows no
    locks, no run knows of another.

    Raises:
        InputError: another run is writing there.
        OSError: the folder cannot be written to.
    """
    made = _make(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: expected a folder that you may write to; it is read-only: give another --output")
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if handle is not None:
            _lock(handle, folder)
        for left in [path for path in folder.rglob(".*") if _ASIDE.fullmatch(path.name)]:
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink(missing_ok=True)
        yield
    finally:
        if handle is not None:
            os.close(handle)
        _take_away_empty(made)


@contextmanager
def marked(folder: Path) -> Iterator[Path]:
    """Inside, a folder that was free is marked as unfinished, and stays so if the block ends by an error.

    Yields:
        a folder in it for what is to be known by the run that takes up this one; both are gone in the end.
    """
    was_free = is_unfinished(folder) or not folder.exists() or _is_empty(folder)
    mark = folder / UNFINISHED
    made = _make(folder)
    if was_free and not is_unfinished(folder):
        (aside := _aside(mark)).mkdir()
        (aside / _FREE).touch()
        aside.rename(mark)
    mark.mkdir(exist_ok=True)
    try:
        yield mark
    except BaseException:
        if {*folder.iterdir()} <= {mark} and {*mark.iterdir()} <= {mark / _FREE}:
            shutil.rmtree(mark)  # nothing was written
            _take_away_empty(made)
        elif not any(mark.iterdir()):
            mark.rmdir()
        raise
    shutil.rmtree(mark.rename(_aside(mark)))  # gone at once, as half of it would say something else


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{folder}: another run is writing to this folder; wait for its end, or give another --output"
        ) from None
    except OSError:
        return  # a file system without locks


def _aside(path: Path) -> Path:
    """A name beside a path that one writer alone has, on whatever machine."""
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")


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
    return all(_ASIDE.fullmatch(path.name) for path in folder.iterdir())


def _to_disk(path: Path) -> None:
    """Have the content on the disk before the name is: after a power cut, a file that is there is whole."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
