"""Starts commands quickly, in real processes: forks of one process that has imported the libraries, not this package.

A process takes four seconds to import torch and the other libraries. Without forks, hundreds of short commands would
spend nearly all of their time on that.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
_MAX_MESSAGE = 1 << 16
LIBRARIES = (
    *("bokeh.server.server", "faiss", "h5py", "jsonargparse", "lightly.loss", "lightning_fabric", "matplotlib.figure"),
    *("pandas", "pyarrow.csv", "pyarrow.parquet", "scipy.ndimage", "scipy.optimize", "sklearn.metrics", "torch"),
    *("tqdm", "umap", "hdbscan", "xgboost", "yaml"),
)


@dataclass(frozen=True)
class FinishedCommand:
    """The exit code of a command (minus the signal's number if one killed it) and its output."""

    code: int
    out: str
    err: str


class RunningCommand:
    """A command that has started."""

    def __init__(self, server: ForkServer, pid: int, streams: Sequence[int]) -> None:
        self.pid, self._server = pid, server
        self._output = ["" for _ in streams]
        self._readers = [Thread(target=self._read, args=stream) for stream in enumerate(streams)]
        for reader in self._readers:
            reader.start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command."""
        os.kill(self.pid, number)

    def wait(self) -> FinishedCommand:
        """Wait for the end of the command; call this once."""
        code = self._server.ask({"wait": self.pid})["code"]
        for reader in self._readers:
            reader.join()
        return FinishedCommand(code, *self._output)

    def _read(self, index: int, stream: int) -> None:
        with open(stream, errors="replace", newline="") as file:
            self._output[index] = file.read()


class ForkServer:
    """Starts commands within its ``with`` block."""

    def __enter__(self) -> ForkServer:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.fuzz.forks", str(theirs.fileno())]
            # A process with several threads cannot be forked safely, nor one in which numba uses OpenMP.
            one_thread = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "NUMBA_THREADING_LAYER": "workqueue"}
            environment = {**os.environ, **one_thread, "MPLBACKEND": "Agg"}
            self._server = subprocess.Popen(words, cwd=PROJECT, env=environment, pass_fds=[theirs.fileno()])
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._server.wait()

    def start(self, words: Sequence[object], cwd: Path, before: str = "") -> RunningCommand:
        """Start ``python -m WORDS``.

        Args:
            words: the module's name and its arguments.
            cwd: working directory.
            before: Python code that the process runs first.
        """
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        request = {"words": [*map(str, words)], "cwd": str(cwd), "before": before}
        try:
            return RunningCommand(self, self.ask(request, out_end, err_end)["pid"], (out, err))
        finally:
            os.close(out_end)
            os.close(err_end)

    def run(self, words: Sequence[object], cwd: Path, before: str = "") -> FinishedCommand:
        """Start a command and wait for its end."""
        return self.start(words, cwd, before).wait()

    def compile(self) -> None:
        """Compile UMAP now, which takes ten seconds, so that commands started later need not."""
        self.ask({"compile": True})

    def ask(self, request: dict[str, Any], *streams: int) -> dict[str, Any]:
        """Send a request to the process that forks, and return its answer."""
        socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
        answer: dict[str, Any] = json.loads(self._socket.recv(_MAX_MESSAGE))
        return answer


def _serve(connection: socket.socket) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    while True:
        message, streams, _, _ = socket.recv_fds(connection, _MAX_MESSAGE, 2)
        if not message:
            return
        request = json.loads(message)
        if "wait" in request:
            answer = {"code": os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])}
        elif "compile" in request:
            answer = _compile()
        else:
            answer = {"pid": os.fork() or _become(request, streams)}
        for stream in streams:
            os.close(stream)
        connection.send(json.dumps(answer).encode())


def _compile() -> dict[str, Any]:
    import umap

    with warnings.catch_warnings(action="ignore"):
        points = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
        umap.UMAP(n_neighbors=5, n_epochs=2, min_dist=0.0, random_state=0, n_jobs=1).fit_transform(points)
    return {}


def _become(request: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    """Turn this process, a fork, into the command."""
    for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), *streams)):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    module, *sys.argv[1:] = request["words"]
    code: Any = 0
    try:
        exec(request["before"], {"__name__": "before"})  # noqa: S102 - the tests' own code
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as server_end:
        _serve(server_end)
