import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.jobs import ray_connection as ray_connection_module
from ssl_behavior.jobs.ray_connection import RayConfig, ray_connection

pytestmark = pytest.mark.slow


def test_unusable_resources_and_addresses_are_refused() -> None:
    assert (RayConfig().device, RayConfig(gpus=0.25).device) == ("cpu", "cuda")
    unreachable = (
        RayConfig(address=address) for address in ("127.0.0.1:1", "ray://127.0.0.1:99999", "127.0.0.1", "somewhere")
    )
    for config in (*unreachable, RayConfig(gpus=1.5)):
        with pytest.raises(InputError, match="expected"):
            config.require_usable_ray()


@pytest.mark.parametrize(
    "failure",
    [
        Exception("The current node timed out during startup.\n This could happen because of this."),
        RuntimeError("Failed to start GCS."),
        TimeoutError("Timed out while waiting for the GCS."),
        AssertionError(),
        ValueError("AF_UNIX path length cannot exceed 107 bytes"),
    ],
)
def test_a_ray_that_does_not_come_up_is_one_sentence(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def fail(*_: object, **__: object) -> None:
        raise failure

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    for address, advice in (("local", "run the same command again"), ("auto", "ray start --head")):
        with pytest.raises(InputError, match=advice) as raised, ray_connection(RayConfig(address=address)):
            pass
        assert "\n" not in str(raised.value)
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_cluster_that_ends_while_it_works_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2})
    with pytest.raises(InputError, match="Ray ended while it worked"), ray_connection(RayConfig()):
        raise ray.exceptions.RaySystemError("the raylet is gone")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_another_program_at_the_address_is_told_from_ray(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection_module, "_CONNECT_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                connection.sendall(answer)
                connections.append(connection)

        connections: list[socket.socket] = []
        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        for prefix in ("", "ray://"):
            with pytest.raises(InputError, match="expected a Ray cluster; found another program"):
                RayConfig(address=f"{prefix}{host}:{port}").require_usable_ray()
        thread.join()
        for connection in connections:
            connection.close()


@pytest.mark.usefixtures("cluster")
def test_the_address_of_a_cluster_is_accepted() -> None:
    ray = pytest.importorskip("ray")
    RayConfig(address=ray.get_runtime_context().gcs_address).require_usable_ray()


def test_a_local_ray_whose_folder_cannot_be_made_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    words = ["-c", "import sys; from ssl_behavior.jobs.ray_connection import *; from ssl_behavior.cli import run; "
             "run.run(RayConfig, lambda s: ray_connection(s).__enter__(), '', [], 'x')"]  # fmt: skip
    environment = {**os.environ, "RAY_TMPDIR": str(tmp_path / "a file")}
    pytest.importorskip("ray")
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: Ray did not start on this machine (")
    assert done.stderr.count("\n") == 1
