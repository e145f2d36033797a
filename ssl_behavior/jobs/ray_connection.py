"""Connect to a Ray cluster, or start one on this machine; a failure to do so is one sentence."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from ssl_behavior.cli.validators import Above, AtLeast, Checked
from ssl_behavior.compute.devices import Device
from ssl_behavior.errors import InputError

_OBJECT_STORE_BYTES = 100_000_000
"""Ray's shared memory. Ray would take a third of the machine, but results bypass it."""
_CONNECT_TIMEOUT_S = 10.0
_LONGEST_REASON = 400
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""The first bytes of HTTP/2: its preface and an empty frame of settings, which the server answers with its own."""
_GREETING_KIND = b"\4"


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
    """Check that a server as Ray's listens at an address. Ray itself would wait for minutes.

    Raises:
        InputError: nothing listens, something else does, or the text is no address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--address {address}: expected local, auto, HOST:PORT or ray://HOST:PORT")
    try:
        with socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S) as connection:
            answer = _greet(connection)
    except (OSError, OverflowError) as error:
        raise InputError(f"--address {address}: expected a Ray cluster; found nothing there ({error})") from None
    if not answer.startswith(_GREETING_KIND, 3) and os.environ.get("RAY_USE_TLS") != "1":
        raise InputError(
            f"--address {address}: expected a Ray cluster; found another program: give the address that ray start "
            "--head prints"
        )


def _greet(connection: socket.socket) -> bytes:
    """Return the first bytes that a server answers to a client of Ray, whose messages are HTTP/2."""
    connection.sendall(_GREETING)
    try:
        return connection.recv(9)
    except TimeoutError:
        return b""


@contextmanager
def ray_connection(settings: RayConfig) -> Iterator[None]:
    """Connect to Ray for the duration of the block; a connection that is open already is used and stays open.

    Raises:
        InputError: Ray does not start, there is no such cluster, it ends while it works, or this machine has too few
            cores or GPUs for a unit.
    """
    # By default Ray reports its usage over the network, and hides the GPUs from tasks that request none.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    from ray.exceptions import RayError

    opened_here = not ray.is_initialized()
    try:
        if opened_here:
            _connect(settings)
        _require_resources(settings, ray.cluster_resources(), settings.address == "local")
        yield
    except RayError as error:
        raise InputError(
            f"--address {settings.address}: Ray ended while it worked ({_in_one_line(error)}); run the same command "
            "again to do what is missing"
        ) from None
    finally:
        if opened_here:
            ray.shutdown()


def _connect(settings: RayConfig) -> None:
    """Connect to Ray, or start it.

    Raises:
        InputError: Ray does not start, or there is no such cluster.
    """
    import ray

    # By default, Ray would restart a unit that exceeds the memory again and again.
    os.environ.setdefault("RAY_task_oom_retries", str(settings.attempts - 1))
    is_local = settings.address == "local"
    options: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(settings.address, log_to_driver=False, logging_level=logging.ERROR, **(options if is_local else {}))
    except Exception as error:  # Ray raises a plain Exception where a process of its own does not come up in time
        if is_local:
            raise InputError(
                f"Ray did not start on this machine ({_in_one_line(error)}): make room in memory and in the folder for "
                f"temporary files ({os.environ.get('RAY_TMPDIR') or '/tmp'}/ray, where session_latest/logs says more; "
                "RAY_TMPDIR names another folder), and run the same command again"
            ) from None
        raise InputError(
            f"--address {settings.address}: expected a Ray cluster of this version of Ray and Python; found none "
            f"({_in_one_line(error)}): start one with ray start --head, or give --address local"
        ) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # ray.init replaces it


def _in_one_line(error: Exception) -> str:
    """Return what an error says, cut to a length that can be read; its name if it says nothing."""
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__


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
