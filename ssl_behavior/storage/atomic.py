"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError

ASIDE = re.compile(r"\..*\.[0-9a-f]{12}\.part")
"""What a kill leaves of a file that was being written."""


SAFETENSORS_ASIDE = re.compile(r"\.tmp[0-9A-Za-z]{6}")
"""What it leaves of one that safetensors was writing; others' files may be called so, too."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes the place of ``path`` once the block ends without an error.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = aside_of(path)
    try:
        aside.touch()
        mode = aside.stat().st_mode
        yield aside
        aside.chmod(mode)  # safetensors makes files that others may not read, whatever the umask says
        to_disk(aside)
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


def aside_of(path: Path) -> Path:
    """A name beside a path that one writer alone has, on whatever machine."""
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")


def to_disk(path: Path) -> None:
    """Have the content on the disk before the name is: after a power cut, a file that is there is whole."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())
