"""Measures the time in chosen functions of a program, without a change of its code."""

from __future__ import annotations

import functools
import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

Watched = tuple[Any, str, str]
"""A module or class, the name of a function in it, and the name of the step that its time counts for."""


class Stopwatch:
    """Adds up seconds by step. Where a step runs inside another, its time counts for the inner step only.

    Args:
        clock: returns the time in seconds.

    Attributes:
        seconds: by step.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.seconds: Counter[str] = Counter()
        self._inside: list[float] = []

    @contextmanager
    def running(self, step: str) -> Iterator[None]:
        """Within the block, time counts for ``step``."""
        self._inside.append(0.0)
        start = self.clock()
        try:
            yield
        finally:
            took = self.clock() - start
            self.seconds[step] += took - self._inside.pop()
            if self._inside:
                self._inside[-1] += took

    @contextmanager
    def watching(self, watched: Sequence[Watched]) -> Iterator[None]:
        """Within the block, calls of these functions are timed.

        Raises:
            AttributeError: there is no such function; the list of functions is out of date.
        """
        with ExitStack() as stack:
            for owner, name, step in watched:
                stack.enter_context(mock.patch.object(owner, name, self._timed(getattr(owner, name), step)))
            yield

    def _timed(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            with self.running(step):
                return function(*arguments, **keywords)

        @functools.wraps(function)
        def iterate(*arguments: Any, **keywords: Any) -> Iterator[Any]:
            items = function(*arguments, **keywords)
            while True:
                with self.running(step):
                    item = next(items, self)  # the stopwatch itself marks the end
                if item is self:
                    return
                yield item

        return iterate if inspect.isgeneratorfunction(function) else call
