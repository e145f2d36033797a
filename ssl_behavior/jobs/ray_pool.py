"""Units done by the workers of a Ray cluster, each again by another worker where one is killed."""

from __future__ import annotations

import io
import logging
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import torch

from ssl_behavior.cli.validators import Above, AtLeast, Checked
from ssl_behavior.compute.devices import Device
from ssl_behavior.compute.progress import progress_bar
from ssl_behavior.errors import InputError
from ssl_behavior.jobs.results import Unit

# Results go to the store and not through Ray's memory.
_OBJECT_STORE_BYTES = 100_000_000

_PATIENCE_S = 10.0

Work = Callable[[Unit], None]


@dataclass(frozen=True, kw_only=True)
class FleetConfig(Checked):
    """Settings of every command that has its work done on Ray.

    Attributes:
        address: of a Ray cluster: auto on one of its machines, HOST:6379, or ray://HOST:10001; local starts workers on
            all cores of this machine.
        cpus: cores per unit.
        gpus: GPUs per unit, or a share of one such as 0.25; with 0, units are computed on cores.
        attempts: times that a unit is begun whose workers are killed.
    """

    address: str = "local"
    cpus: Annotated[int, Above(0)] = 1
    gpus: Annotated[float, AtLeast(0)] = 0.0
    attempts: Annotated[int, Above(0)] = 4

    @property
    def device(self) -> Device:
        """What a worker computes on."""
        return "cuda" if self.gpus else "cpu"

    def require_fleet(self) -> None:
        """Refuse a number of GPUs that Ray cannot give, and an address where no cluster answers.

        Raises:
            InputError: one of them is unusable.
        """
        if self.gpus > 1 and not float(self.gpus).is_integer():
            raise InputError(f"--gpus: expected a share of one GPU or a whole number of them and found {self.gpus:g}")
        if self.address not in ("local", "auto"):
            _require_somebody(self.address)


def _require_somebody(address: str) -> None:
    """Make sure that somebody listens at an address, as Ray waits for minutes where nobody does.

    Raises:
        InputError: nobody does, or it is no address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--address {address}: expected local, auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host, int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"--address {address}: expected a Ray cluster and found nobody there ({error})") from None


@dataclass(frozen=True)
class Outcome:
    """What came of a unit.

    Attributes:
        told: lines that it printed.
        failure: why it could not be done, in one sentence; None if it is.
    """

    told: tuple[str, ...] = ()
    failure: str | None = None


@contextmanager
def connected(settings: FleetConfig) -> Iterator[None]:
    """A connection to Ray while the block runs; one that is open already is used and left open.

    Raises:
        InputError: there is no such cluster, or it has not what a unit needs.
    """
    # Ray would send reports of its use, and takes the devices of what asks for none.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    opened_here = not ray.is_initialized()
    is_local = settings.address == "local"
    if opened_here:
        # Units that memory does not suffice for would else be begun without end.
        os.environ.setdefault("RAY_task_oom_retries", str(settings.attempts - 1))
        own: dict[str, Any] = (
            {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES} if is_local else {}
        )
        usual = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(settings.address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except (ConnectionError, ValueError, OSError, RuntimeError) as error:  # the last, of another version
            raise InputError(
                f"--address {settings.address}: expected a Ray cluster of this version of Ray and Python; found none "
                f"({' '.join(str(error).split())})"
            ) from None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, usual)  # which Ray has taken
    try:
        there = ray.cluster_resources()
        for name, wanted in (("CPU", settings.cpus), ("GPU", settings.gpus)):
            if wanted > there.get(name, 0):
                told = f"--{name.lower()}s {wanted:g}: expected at most {there.get(name, 0):g}, all there are"
                if is_local:
                    raise InputError(told)
                print(f"{told} now: waiting for a cluster that grows")
        yield
    finally:
        if opened_here:
            ray.shutdown()


def each_done(units: Sequence[Unit], work: Work, settings: FleetConfig, doing: str) -> Iterator[tuple[Unit, Outcome]]:
    """Have every unit done, and yield each as it ends. Within ``connected``.

    Units that are at work when nobody asks for more are left to it, and end at the latest with the connection: Ray may
    end this very process where it is told to cancel a unit that ends just then.

    Args:
        units: to do; a few more are handed to Ray than it has workers for, so that there may be any number.
        work: called in a worker with a unit; sent there once per unit, so it holds settings and no data.
        settings: what a unit needs.
        doing: of the progress bar.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    cores = ray.cluster_resources().get("CPU", 1)
    at_once = 2 * max(1, int(cores / settings.cpus))
    task = ray.remote(_do).options(
        num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=settings.attempts - 1, name=doing
    )
    running: dict[ray.ObjectRef, Unit] = {}
    left = iter(units)
    with progress_bar(len(units), doing, unit="unit") as bar:
        while True:
            for unit in islice(left, at_once - len(running)):
                running[task.remote(work, unit, settings.cpus)] = unit
            if not running:
                return
            (ended,), _ = ray.wait(list(running), num_returns=1)
            unit = running.pop(ended)
            try:
                outcome = ray.get(ended)
            except RayTaskError as error:  # a fault of ours: whole, for a report of it
                bar.write(str(error))
                outcome = Outcome(failure=f"{type(error.cause).__name__}: {error.cause}")
            except RayError as error:
                times = f"was killed {settings.attempts} times" if settings.attempts > 1 else "was killed"
                outcome = Outcome(failure=f"its worker {times} ({type(error).__name__})")
            bar.update()
            yield unit, outcome


def _do(work: Work, unit: Unit, threads: int) -> Outcome:
    """One unit, in a worker."""
    torch.set_num_threads(threads)
    # What started Ray's own processes is not what a training is to join.
    for name in [one for one in os.environ if one.startswith(("SLURM_", "TORCHELASTIC_"))]:
        del os.environ[name]
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            work(unit)
    except InputError as error:
        return Outcome(failure=str(error))
    except OSError as error:
        return Outcome(failure=f"{error.filename or unit.label}: {error.strerror or error}")
    return Outcome(tuple(printed.getvalue().splitlines()))


def do_missing(
    units: Sequence[Unit], missing: Sequence[Unit], work: Work, settings: FleetConfig, doing: str
) -> dict[Unit, str]:
    """Have the missing ones of the units done, and say why those that cannot be done cannot.

    Returns:
        the failed ones, each with one sentence.
    """
    print(f"{doing}: {len(units) - len(missing):,} of {len(units):,} done already, {len(missing):,} to do")
    notices: Counter[str] = Counter()
    failed: dict[Unit, str] = {}
    if not missing:
        return failed
    with connected(settings):
        for unit, outcome in each_done(missing, work, settings, doing):
            notices.update(filter(None, outcome.told))
            if outcome.failure is not None:
                failed[unit] = outcome.failure
    for notice, times in notices.items():
        print(f"{notice} ({times:,} times)" if times > 1 else notice)
    for unit, failure in failed.items():
        print(f"failed: {unit.label}: {failure}")
    return failed


def require_none(failed: Mapping[Unit, str], tried: int) -> None:
    """Make sure that all that was tried is done.

    Raises:
        InputError: some could not be done; they are told already, and the others are.
    """
    if failed:
        raise InputError(
            f"{len(failed):,} of {tried:,} failed, for the reasons above, and what does not depend on them is done; "
            "the same command does only what is missing"
        )
