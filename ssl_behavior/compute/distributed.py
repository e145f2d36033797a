"""The processes that share a run: their number, their exchange of values, and their common failure.

Most runs have a single process. The functions then return at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout

from torch import Tensor, distributed

from ssl_behavior.errors import InputError, error_message


def world_size() -> int:
    """Return the number of processes that share the run."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process among them, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_first() -> bool:
    """Return whether this process is the one that prints and writes."""
    return rank() == 0


def clips_per_process(clips: int, option: str) -> int:
    """Return the number of clips of a batch that fall to each process.

    Args:
        clips: number of clips in the whole batch.
        option: name of the option that sets this number, for the error.

    Raises:
        InputError: the number of processes does not divide the number of clips.
    """
    if clips % world_size():
        raise InputError(
            f"{option} {clips}: expected a number of clips that {world_size()} processes can share evenly; give "
            f"{option} {clips + -clips % world_size()}, or start another number of processes"
        )
    return clips // world_size()


def mean_over_processes(values: Tensor) -> Tensor:
    """Average a tensor over the processes, each of which has its own; the mean has the same shape and no gradient."""
    if world_size() == 1:
        return values.detach()
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total / world_size()


def gather_names(names: list[str]) -> list[str]:
    """Return the names of all processes, in the order of their ranks."""
    if world_size() == 1:
        return names
    by_rank: list[list[str]] = [[] for _ in range(world_size())]
    distributed.all_gather_object(by_rank, names)
    return [name for names in by_rank for name in names]


@contextmanager
def fail_together() -> Iterator[None]:
    """Fail in all processes if the ``with`` block fails in one. At its end, all processes wait for each other.

    The first process alone prints the error.

    Raises:
        InputError, OSError: in a run of one process, as raised inside.
        SystemExit: with code 2 in all processes, if there are several.
    """
    failure = None
    try:
        yield
    except (InputError, OSError) as error:
        if world_size() == 1:
            raise
        failure = error_message(error)
    except KeyboardInterrupt:
        if is_first():
            raise
        sys.exit(130)
    if world_size() > 1:
        _agree(failure)


@contextmanager
def quiet_unless_first() -> Iterator[None]:
    """Silence the output and the progress bars of all processes but the first, for a ``with`` block."""
    with ExitStack() as stack:
        if not is_first():
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
        yield


def _agree(failure: str | None) -> None:
    """Wait for all processes, and exit in all of them if any has failed."""
    by_rank: list[str | None] = [None] * world_size()
    distributed.all_gather_object(by_rank, failure)
    failures = [message for message in by_rank if message is not None]
    if not failures:
        return
    if is_first():
        print(f"error: {failures[0]}", file=sys.stderr, flush=True)
    # torchrun and srun may kill the others as soon as one process ends, perhaps before the first has printed.
    distributed.barrier()
    sys.exit(2)
