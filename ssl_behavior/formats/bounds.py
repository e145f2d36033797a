"""How much a file may become in memory: what is declared or compressed can be far more than what is there."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO

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


class Unpacked(gzip.GzipFile):
    """A .gz file, open for reading in bytes, that ends with an error once it holds more than it should.

    Raises:
        OSError: on opening, where it cannot be opened.
        InputError: on reading, where it holds more than ``most_bytes`` of its size.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, "rb")
        self.path, self.left = path, most_bytes(Path(path).stat().st_size)

    def read(self, size: int | None = -1) -> bytes:
        """At most ``size`` bytes, or all."""
        content = super().read(self.left + 1 if size is None or size < 0 else min(size, self.left + 1))
        self.left -= len(content)
        if self.left < 0:
            raise InputError(f"{self.path}: expected at most {RATIO} times its size when unpacked; found more")
        return content


def opened(path: str | Path) -> IO[bytes]:
    """A file of bytes, or of what a .gz holds."""
    if str(path).lower().endswith(".gz"):
        return Unpacked(path)  # type: ignore[return-value]  # which has all that reading in bytes needs
    return open(path, "rb")
