"""The processes of one run, of which there is mostly one; what several have to tell each other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout

from torch import Tensor, distributed

from ssl_behavior.errors import InputError, sentence


def count() -> int:
    """How many processes share the run."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def index() -> int:
    """Which of them this one is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def first() -> bool:
    """Whether this process is the one that prints and writes."""
    return index() == 0


def share(clips: int, option: str) -> int:
    """How many of a batch's clips are this process's.

    Raises:
        InputError: the processes cannot share as many clips as ``option`` says evenly.
    """
    if clips % count():
        raise InputError(
            f"{option}: expected a number of clips that {count()} processes can share evenly and found {clips}; give "
            f"{clips + -clips % count()}, or start another number of processes"
        )
    return clips // count()


def averaged(values: Tensor) -> Tensor:
    """The mean over the processes of a tensor that each has, without a gradient."""
    if count() == 1:
        return values.detach()
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total / count()


def gathered(names: list[str]) -> list[str]:
    """The names that each process has, of all of them."""
    if count() == 1:
        return names
    found: list[list[str]] = [[] for _ in range(count())]
    distributed.all_gather_object(found, names)
    return [name for one in found for name in one]


@contextmanager
def together() -> Iterator[None]:
    """A part of the run after which all processes wait for each other, and which fails for all if it does for one.

    What the user must know is said once, by the first process.

    Raises:
        InputError, OSError: in a run of one process, what was raised inside.
        SystemExit: in a run of several, 2 in all of them.
    """
    failure = None
    try:
        yield
    except (InputError, OSError) as error:
        if count() == 1:
            raise
        failure = sentence(error)
    except KeyboardInterrupt:
        if first():
            raise
        sys.exit(130)
    if count() > 1:
        _agree(failure)


@contextmanager
def quiet_but_first() -> Iterator[None]:
    """Inside, only the first process prints and shows bars."""
    with ExitStack() as stack:
        if not first():
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
        yield


def _agree(failure: str | None) -> None:
    found: list[str | None] = [None] * count()
    distributed.all_gather_object(found, failure)
    failures = [one for one in found if one is not None]
    if not failures:
        return
    if first():
        print(f"error: {failures[0]}", file=sys.stderr, flush=True)
    distributed.barrier()  # whoever started the processes may end all of them as soon as one has ended
    sys.exit(2)
