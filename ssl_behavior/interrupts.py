"""Ctrl-C and SIGTERM where a moment later is better than now."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back(told: str = "") -> Iterator[list[signal.Signals]]:
    """Inside, the first signal that asks the process to end is noted, and acts at the end; the second acts at once.

    Only the main thread is told of signals; in another, nothing is done.

    Args:
        told: what is said when it is noted.

    Yields:
        a list that it is put in.
    """
    asked: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, _frame: object) -> None:
        asked.append(signal.Signals(number))
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
