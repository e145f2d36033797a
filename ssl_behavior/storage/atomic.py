"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError

TEMPORARY = re.compile(r"\..*\.[0-9a-f]{12}\.part")
"""Names of temporary files, which a killed process leaves behind."""

SAFETENSORS_TEMPORARY = re.compile(r"\.tmp[0-9A-Za-z]{6}")
"""Names of the temporary files of safetensors. Other programs use such names too, so these files are never deleted."""


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which replaces ``path`` when the block ends without an error.

    Args:
        path: the file to write; missing parent folders are made.

    Raises:
        OSError: the file cannot be written. A file that was at ``path`` before is unchanged.

    Examples:
        >>> with write_atomically("scores.csv") as temporary:
        ...     table.to_csv(temporary)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # safetensors makes files that others may not read, whatever the umask says
        flush_to_disk(temporary)
        os.replace(temporary, path)
    except SafetensorError as error:
        code = re.search(r"os error (\d+)", str(error))
        raise _write_error(path, os.strerror(int(code[1])) if code else str(error)) from None
    except OSError as error:
        if error.filename not in (None, str(temporary)):  # the error concerns another file, which the block read
            raise
        raise _write_error(path, error.strerror or str(error), error.errno) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with write_atomically(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def temporary_path(path: Path) -> Path:
    """A hidden name beside ``path`` that no other process uses, on any machine that shares the disk."""
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")


def flush_to_disk(path: Path) -> None:
    """Force a file's content to the disk.

    Renaming may reach the disk before the content does. After a power cut, the new name would then hold an incomplete
    file.
    """
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _write_error(path: Path, reason: str, code: int | None = None) -> OSError:
    message = f"cannot be written ({reason}); free some space there or choose another output, and run again"
    return OSError(code or errno.EIO, message, str(path))
