"""Run units on the workers of a Ray cluster; if a worker is killed, another one repeats its unit."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import islice

import torch

from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError, natural_key
from ssl_behavior.jobs.ray_connection import RayConfig, ray_connection
from ssl_behavior.jobs.results import Unit
from ssl_behavior.recordings.notices import by_kind

_UNITS_PER_WORKER = 2
"""Units that Ray holds for each worker: with one more than it works on, no worker waits for this process."""

Work = Callable[[Unit], None]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a unit.

    Attributes:
        printed: lines that the unit printed.
        failure: reason of its failure in one sentence; None if it succeeded.
    """

    printed: tuple[str, ...] = ()
    failure: str | None = None


def run_units(
    units: Sequence[Unit], work: Work, settings: RayConfig, description: str
) -> Iterator[tuple[Unit, Outcome]]:
    """Run all units, and yield each as it ends. Call this inside ``ray_connection``.

    If the caller stops iterating, running units are not cancelled; they end when the connection closes. (Ray may crash
    this process if it is asked to cancel a unit that just finishes.)

    Args:
        units: units to run, any number; Ray is given only a few more than it has workers for.
        work: function that a worker calls with a unit. It is sent along with every unit, so it should hold settings and
            no data.
        settings: resources of a unit.
        description: text of the progress bar.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    cores = ray.cluster_resources().get("CPU", 1)
    at_once = _UNITS_PER_WORKER * max(1, int(cores / settings.cpus))
    task = ray.remote(run_unit).options(
        num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=settings.attempts - 1, name=description
    )
    running: dict[ray.ObjectRef, Unit] = {}
    waiting = iter(units)
    with progress_bar(len(units), description, unit="unit") as bar:
        while True:
            for unit in islice(waiting, at_once - len(running)):
                running[task.remote(work, unit, settings.cpus)] = unit
            if not running:
                return
            (ended,), _ = ray.wait(list(running), num_returns=1)
            unit = running.pop(ended)
            try:
                outcome = ray.get(ended)
            except RayTaskError as error:  # a bug of this package: the traceback is needed to report it
                bar.write(str(error))
                outcome = Outcome(failure=f"{type(error.cause).__name__}: {error.cause}")
            except RayError as error:
                times = f"was killed {settings.attempts} times" if settings.attempts > 1 else "was killed"
                outcome = Outcome(failure=f"its worker {times} ({type(error).__name__})")
            bar.update()
            yield unit, outcome


def run_unit(work: Work, unit: Unit, threads: int) -> Outcome:
    """Run one unit, in a worker."""
    torch.set_num_threads(threads)
    # A launcher such as SLURM started Ray's own processes. A training here must not take them for its ranks.
    for name in [name for name in os.environ if name.startswith(("SLURM_", "TORCHELASTIC_"))]:
        del os.environ[name]
    printed = io.StringIO()
    failure = None
    try:
        with redirect_stdout(printed):
            work(unit)
    except InputError as error:
        failure = str(error)
    except OSError as error:
        failure = f"{error.filename or unit.label}: {error.strerror or error}"
    # The output of a unit before it failed may say why.
    return Outcome(tuple(printed.getvalue().splitlines()), failure)


def run_missing(
    units: Sequence[Unit], missing: Sequence[Unit], work: Work, settings: RayConfig, description: str
) -> dict[Unit, str]:
    """Run the missing units, and print their messages and failures.

    Args:
        units: all units, for the number that is done already.
        missing: the units to run.
        work: see ``run_units``.
        settings: address of the cluster and resources of a unit.
        description: text of the progress bar.

    Returns:
        Failed unit -> reason in one sentence.
    """
    print(f"{description}: {len(units) - len(missing):,} of {len(units):,} done already, {len(missing):,} to do")
    of_files: list[tuple[str, str]] = []
    others: Counter[str] = Counter()
    failures: dict[Unit, str] = {}
    if not missing:
        return failures
    with ray_connection(settings):
        for unit, outcome in run_units(missing, work, settings, description):
            for line in filter(None, outcome.printed):
                file = next((part.address for part in unit.inputs if line.startswith(f"{part.address}: ")), None)
                if file is None:
                    others[line] += 1
                else:
                    of_files.append((file, line.removeprefix(f"{file}: ")))
            if outcome.failure is not None:
                failures[unit] = outcome.failure
    for line in by_kind(sorted(of_files, key=lambda pair: natural_key(pair[0]))):
        print(line)
    for message, count in others.items():
        print(f"{message} ({count:,} times)" if count > 1 else message)
    for unit, failure in failures.items():
        print(f"failed: {unit.label}: {failure}")
    return failures


def require_no_failures(failures: Mapping[Unit, str], attempted: int) -> None:
    """Check that no unit failed.

    Args:
        failures: failed unit -> reason, already printed by ``run_missing``.
        attempted: number of units that were run.

    Raises:
        InputError: a unit failed.
    """
    if failures:
        raise InputError(
            f"{len(failures):,} of {attempted:,} failed for the reasons above; everything else is done. Run the same "
            "command again to do only what is missing"
        )
