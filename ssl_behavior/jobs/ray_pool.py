"""Run units on the workers of a Ray cluster; if a worker is killed, another one repeats its unit."""

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

_OBJECT_STORE_BYTES = 100_000_000
"""Ray's shared memory. Ray would take a third of the machine, but results bypass it."""
_CONNECT_TIMEOUT_S = 10.0
_UNITS_PER_WORKER = 2
"""Units that Ray holds for each worker: with one more than it works on, no worker waits for this process."""

Work = Callable[[Unit], None]


@dataclass(frozen=True, kw_only=True)
class RayConfig(Checked):
    """Settings of every command that works on Ray.

    Attributes:
        address: address of a Ray cluster: auto on one of its machines, HOST:6379, or ray://HOST:10001; local starts
            workers on all cores of this machine.
        cpus: cores per unit.
        gpus: GPUs per unit, or a share of one such as 0.25; with 0, units run on cores.
        attempts: number of times to start a unit whose worker is killed.
    """

    address: str = "local"
    cpus: Annotated[int, Above(0)] = 1
    gpus: Annotated[float, AtLeast(0)] = 0.0
    attempts: Annotated[int, Above(0)] = 4

    @property
    def device(self) -> Device:
        """The device that a worker computes on."""
        return "cuda" if self.gpus else "cpu"

    def require_usable_ray(self) -> None:
        """Check the number of GPUs, and that a cluster listens at the address.

        Raises:
            InputError: Ray cannot give that number of GPUs, or no cluster answers.
        """
        if self.gpus > 1 and not float(self.gpus).is_integer():
            raise InputError(f"--gpus: expected a share of one GPU or a whole number of GPUs; found {self.gpus:g}")
        if self.address not in ("local", "auto"):
            _require_listener(self.address)


def _require_listener(address: str) -> None:
    """Check that a process listens at an address. Ray itself would wait for minutes.

    Raises:
        InputError: nothing listens, or the text is no address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--address {address}: expected local, auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"--address {address}: expected a Ray cluster; found nothing there ({error})") from None


@dataclass(frozen=True)
class Outcome:
    """The outcome of a unit.

    Attributes:
        printed: lines that the unit printed.
        failure: reason of its failure in one sentence; None if it succeeded.
    """

    printed: tuple[str, ...] = ()
    failure: str | None = None


@contextmanager
def ray_connection(settings: RayConfig) -> Iterator[None]:
    """Connect to Ray for the duration of the block; a connection that is open already is used and stays open.

    Raises:
        InputError: there is no such cluster, or a local one has too few cores or GPUs for a unit.
    """
    # By default Ray reports its usage over the network, and hides the GPUs from tasks that request none.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    opened_here = not ray.is_initialized()
    is_local = settings.address == "local"
    if opened_here:
        # By default, Ray would restart a unit that exceeds the memory again and again.
        os.environ.setdefault("RAY_task_oom_retries", str(settings.attempts - 1))
        local_options: dict[str, Any] = (
            {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES} if is_local else {}
        )
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(settings.address, log_to_driver=False, logging_level=logging.ERROR, **local_options)
        except (ConnectionError, ValueError, OSError, RuntimeError) as error:  # RuntimeError: another version of Ray
            raise InputError(
                f"--address {settings.address}: expected a Ray cluster of this version of Ray and Python; found none "
                f"({' '.join(str(error).split())})"
            ) from None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # ray.init has replaced it
    try:
        _require_resources(settings, ray.cluster_resources(), is_local)
        yield
    finally:
        if opened_here:
            ray.shutdown()


def _require_resources(settings: RayConfig, resources: Mapping[str, float], is_local: bool) -> None:
    """Check that a unit fits the cluster; only print a message if the cluster may still grow.

    Raises:
        InputError: a unit needs more than this machine has.
    """
    for name, required in (("CPU", settings.cpus), ("GPU", settings.gpus)):
        available = resources.get(name, 0)
        if required > available:
            message = f"--{name.lower()}s {required:g}: expected at most {available:g}, the number of {name}s"
            if is_local:
                raise InputError(f"{message} of this machine")
            print(f"{message} in the cluster now: waiting for it to grow")


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
    task = ray.remote(_run_unit).options(
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


def _run_unit(work: Work, unit: Unit, threads: int) -> Outcome:
    """Run one unit, in a worker."""
    torch.set_num_threads(threads)
    # A launcher such as SLURM started Ray's own processes. A training here must not take them for its ranks.
    for name in [name for name in os.environ if name.startswith(("SLURM_", "TORCHELASTIC_"))]:
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
    messages: Counter[str] = Counter()
    failures: dict[Unit, str] = {}
    if not missing:
        return failures
    with ray_connection(settings):
        for unit, outcome in run_units(missing, work, settings, description):
            messages.update(filter(None, outcome.printed))
            if outcome.failure is not None:
                failures[unit] = outcome.failure
    for message, count in messages.items():
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
