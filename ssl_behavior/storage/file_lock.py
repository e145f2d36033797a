"""One process at a time changes a small file that several read, change and write, such as the marks of an atlas."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssl_behavior.errors import InputError

try:
    import fcntl

    _HAS_LOCKS = True
except ImportError:  # Windows: processes that change one file at the same moment do not notice each other
    _HAS_LOCKS = False

_PATIENCE_S = 20.0
_PAUSE_S = 0.005


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Keep other processes and threads from changing a file in a ``with`` block, which reads, changes and writes it.

    The operating system releases the lock when the process ends, in whatever way. On a file system without locks,
    processes do not notice each other.

    Args:
        path: the file; its folder is made if it is missing.

    Raises:
        InputError: another process has been changing the file for 20 seconds.
        OSError: the folder cannot be written to.

    Examples:
        >>> with changing(path):
        ...     write_text(path, path.read_text() + line)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    handle = _acquire(lock, path)
    try:
        yield
    finally:
        # Deleted before it is released: whoever waits for it finds that it is gone, and makes a new one.
        lock.unlink(missing_ok=True)
        os.close(handle)


def _acquire(lock: Path, path: Path) -> int:
    """Return an open file that holds the lock."""
    last = time.monotonic() + _PATIENCE_S
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _is_taken(handle, lock):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if time.monotonic() > last:
            raise InputError(
                f"{path}: another process has been changing this file for {_PATIENCE_S:g} s; end it, or try again later"
            )
        time.sleep(_PAUSE_S)


def _is_taken(handle: int, lock: Path) -> bool:
    """Try to lock an open file, and return whether it is the present lock and ours."""
    if not _HAS_LOCKS:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False  # its former owner deleted it just now
