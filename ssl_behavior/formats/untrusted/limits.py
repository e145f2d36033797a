"""How much a file may become in memory: what is declared or compressed can be far more than what is there."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, Any

from ssl_behavior.errors import InputError

LEAST = 512 << 20
"""Bytes that any file may become: ten hours of two animals with 13 keypoints, however well they compress."""
RATIO = 100
"""Times its size that a file may become beyond that; tracks take up a half to a thirtieth when compressed."""
MOST_COLUMNS = 30_000
"""Of a table or of a frame's numbers: fifty animals of two hundred keypoints."""
LONGEST_LINE = 4 << 20
"""Bytes of a line of column names."""


def most_bytes(stored: int) -> int:
    """What so many bytes of a file may become in memory."""
    return max(LEAST, RATIO * stored)


def opened(path: str | Path) -> IO[bytes]:
    """A file of bytes, or of what a .gz holds, which ends with an InputError if it is damaged or holds too much."""
    if str(path).lower().endswith(".gz"):
        return io.BufferedReader(_Unpacked(path), 1 << 20)
    return open(path, "rb")


class _Unpacked(io.RawIOBase):
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
            raise InputError(f"{self.path}: expected at most {RATIO} times its size when unpacked; found more")
        return count

    def close(self) -> None:
        self.file.close()
        super().close()
