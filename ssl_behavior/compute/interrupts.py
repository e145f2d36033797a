"""Delay Ctrl-C and SIGTERM to a good moment, and end quietly when the reader of a pipe closes it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def delay_signals(message: str = "", once: bool = False) -> Iterator[list[signal.Signals]]:
    """Note SIGINT and SIGTERM, and deliver the first of them at the end of a ``with`` block.

    Python handles signals in the main thread only; in another thread, nothing is delayed.

    Args:
        message: printed to stderr when a signal arrives.
        once: delay the first signal only; a second one acts at once.

    Yields:
        The list of signals that have arrived so far.

    Examples:
        >>> with delay_signals("writing the file first"):
        ...     write(file)
    """
    arrived: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield arrived
        return

    def note(number: int, _frame: object) -> None:
        arrived.append(signal.Signals(number))
        if once:
            restore()
        if message:
            print(f"\n{message}", file=sys.stderr)

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield arrived
    finally:
        restore()
    if arrived:
        signal.raise_signal(arrived[0])


@contextmanager
def exit_on_closed_pipe() -> Iterator[None]:
    """End the process without a traceback if the reader of its output goes away, as ``head`` does.

    Raises:
        SystemExit: with code 1 when the reader has gone.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # at Python's exit, the error could not be caught
    except BrokenPipeError:
        # Python flushes again at exit, and that must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
