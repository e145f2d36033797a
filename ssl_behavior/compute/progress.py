"""Progress of loops: bars on a terminal, and a plain line every ten seconds where stderr is a file or a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

__all__ = ["ProgressBar", "ProgressLines", "close_bars", "progress", "progress_bar"]

T = TypeVar("T")
_LINE = "{l_bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
ProgressBar = tqdm
"""The bar that ``progress_bar`` returns, with ``update``, ``set_postfix``, ``set_description`` and ``write``."""


class ProgressLines(tqdm):
    """A bar that writes whole lines and no control characters, for log files.

    A loop shorter than ``seconds_between`` writes only its last line, and nothing with ``leave=False``.
    """

    seconds_between = 10.0
    _last_line: float | None = None

    def display(self, msg: str | None = None, pos: int | None = None) -> None:  # noqa: ARG002 - tqdm's signature
        """Write a line if the last one is old enough."""
        now = time.monotonic()
        if self._last_line is None:
            self._last_line = now
        elif now - self._last_line >= self.seconds_between:
            self._last_line = now
            self._write_line()

    def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:
        """Write a line at once: the loop starts something new that may take long."""
        super().set_description(desc, refresh=False)
        if refresh and not self.disable:
            self._last_line = time.monotonic()
            self._write_line()

    def clear(self, nolock: bool = False) -> None:
        """Do nothing: written lines cannot be cleared."""

    def moveto(self, n: int) -> None:
        """Do nothing: a file has no cursor."""

    def close(self) -> None:
        """Write the last line, unless ``leave`` is off."""
        if self.disable:
            return
        self.disable = True
        self._decr_instances(self)  # type: ignore[attr-defined]
        if self.leave:
            self._write_line()

    def _write_line(self) -> None:
        self.fp.write(f"{self}\n")
        self.fp.flush()


def progress(
    iterable: Iterable[T],
    description: str,
    *,
    total: int | None = None,
    unit: str = "it",
    leave: bool = True,
    shown: bool = True,
) -> tqdm[T]:
    """Iterate, and show the progress on stderr.

    Args:
        iterable: the items.
        description: text that describes the loop, such as ``predicting``.
        total: number of items, if the iterable has no length.
        unit: noun of an item.
        leave: keep the finished bar, or the last line.
        shown: False shows nothing.

    Examples:
        >>> for video in progress(videos, "predicting", unit="video"):
        ...     predict(video)
    """
    kind, layout = _kind()
    return kind(iterable, description, total, unit=unit, leave=leave, disable=not shown, bar_format=layout)


def progress_bar(
    total: int,
    description: str | None,
    *,
    unit: str = "it",
    initial: int = 0,
    leave: bool = True,
    shown: bool = True,
    smoothing: float = 0.3,
) -> tqdm[Any]:
    """Show a bar on stderr that the caller advances with ``update``.

    Args:
        total: number of items.
        description: text that describes the loop.
        unit: noun of an item.
        initial: number of items that an earlier run finished.
        leave: keep the finished bar, or the last line.
        shown: False shows nothing.
        smoothing: weight of the last items in the estimate of the speed; 0 takes the mean over all.
    """
    kind, layout = _kind()
    return kind(
        total=total,
        desc=description,
        unit=unit,
        initial=initial,
        leave=leave,
        disable=not shown,
        smoothing=smoothing,
        mininterval=0.5,
        bar_format=layout,
    )


def _kind() -> tuple[type[tqdm[Any]], str | None]:
    """Return the class of bars that suits stderr, and their layout."""
    return (tqdm, None) if sys.stderr.isatty() else (ProgressLines, _LINE)


def close_bars() -> None:
    """Close the bars that an exception has left open, or they would overwrite what is printed next."""
    for bar in [*tqdm._instances]:  # type: ignore[attr-defined]
        bar.close()
