"""Limits on how much memory a file may take.

A few bytes can declare an array of a terabyte, or unpack into one. Readers therefore compare the size that a file
declares with its size on disk before they allocate memory.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, Any

from ssl_behavior.errors import InputError

LEAST = 512 << 20
"""Bytes of memory that any file may take, however small it is: ten hours of two animals with 13 keypoints."""
RATIO = 100
"""A file that needs more may take this many times its own size. Compressed tracks take a half to a thirtieth."""
MOST_COLUMNS = 30_000
"""Columns of a table, or numbers of one frame: fifty animals with two hundred keypoints, three numbers each."""
LONGEST_LINE = 4 << 20
"""Bytes in one line of column names."""


def most_bytes(stored: int) -> int:
    """Return the bytes in memory that a file of ``stored`` bytes may take."""
    return max(LEAST, RATIO * stored)


def opened(path: str | Path) -> IO[bytes]:
    """Open a file for reading bytes; a ``.gz`` is unpacked on the way.

    Raises:
        InputError: while reading, if the ``.gz`` is damaged or unpacks to more than ``most_bytes``.
    """
    if str(path).lower().endswith(".gz"):
        return io.BufferedReader(_BoundedGzip(path), 1 << 20)
    return open(path, "rb")


class _BoundedGzip(io.RawIOBase):
    """The content of a ``.gz``, counted while it is unpacked: its header may lie about its length."""

    def __init__(self, path: str | Path) -> None:
        self.path, self.left = path, most_bytes(Path(path).stat().st_size)
        self.file = gzip.GzipFile(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count = self.file.readinto(buffer)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: cannot be read to its end ({error})") from None
        self.left -= count
        if self.left < 0:
            raise InputError(f"{self.path}: expected a file that unpacks to at most {RATIO} times its size; found more")
        return count

    def close(self) -> None:
        self.file.close()
        super().close()
