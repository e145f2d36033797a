"""How the process takes memory from the system."""

from __future__ import annotations

import ctypes
import platform

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER, _LARGEST = -1, 1 << 30
_LARGEST_BEFORE_2_35 = 32 << 20


def keep_freed_memory() -> None:
    """Have what arrays free serve the next ones, in place of going back to the system.

    glibc gives large blocks back at once, so that every training step and every stretch of a recording takes them anew,
    page by page, which costs a fifth of their time and more. What the process has taken it keeps until it ends. Without
    glibc nothing changes.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        if not libc.mallopt(_MMAP_THRESHOLD, _LARGEST):
            libc.mallopt(_MMAP_THRESHOLD, _LARGEST_BEFORE_2_35)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)
