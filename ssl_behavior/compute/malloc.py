"""The way in which the process takes memory from the operating system."""

from __future__ import annotations

import ctypes
import platform

# Values of M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_NEVER, _LARGEST = -1, 1 << 30
# glibc refuses larger thresholds before version 2.35.
_LARGEST_BEFORE_2_35 = 32 << 20


def keep_freed_memory() -> None:
    """Reuse the memory of freed arrays for the next ones, instead of returning it to the operating system.

    By default, glibc returns large blocks at once. Every training step and every chunk of a recording then takes them
    again, page by page, which costs a fifth of the time or more. In exchange, the process keeps its peak memory until
    it ends. Without glibc, nothing changes.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        if not libc.mallopt(_MMAP_THRESHOLD, _LARGEST):
            libc.mallopt(_MMAP_THRESHOLD, _LARGEST_BEFORE_2_35)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)
