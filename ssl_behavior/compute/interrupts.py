"""Ctrl-C and SIGTERM where a moment later is better than now, and readers of a pipe that leave early."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back(told: str = "", once: bool = False) -> Iterator[list[signal.Signals]]:
    """Inside, signals that ask the process to end are noted, and the first acts at the end.

    Only the main thread is told of signals; in another, nothing is done.

    Args:
        told: what is said when one is noted.
        once: hold back the first alone; the second acts at once.

    Yields:
        the list of those that were noted.
    """
    asked: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, _frame: object) -> None:
        asked.append(signal.Signals(number))
        if once:
            restore()
        if told:
            print(f"\n{told}", file=sys.stderr)

    def restore() -> None:
        for one, handler in usual.items():
            signal.signal(one, handler)

    usual = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        restore()
    if asked:
        signal.raise_signal(asked[0])


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Inside, a reader of the output that goes away, as ``head`` does, ends the process without a traceback.

    Raises:
        SystemExit: 1 when the reader has gone.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, and not at the exit of Python, where the error could not be caught
    except BrokenPipeError:
        # Python flushes once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
