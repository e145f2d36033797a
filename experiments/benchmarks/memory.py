"""The wall time and memory of a command, measured from outside while it runs (Linux)."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.benchmarks.turns import PROJECT, environment

_EVERY_S = 0.02


class Cost(NamedTuple):
    """Time and memory of a command.

    Attributes:
        seconds: from its start to its end.
        own: peak of its own memory in bytes, without mapped files (``RssAnon``).
        resident: peak of its resident memory in bytes (``VmHWM``), with pages of mapped files, which the system drops
            when other programs need memory.
    """

    seconds: float
    own: int
    resident: int


def cost(command: Sequence[str | Path], **variables: str) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the message has its last output.
    """
    words = [str(word) for word in command]
    own = resident = 0
    with tempfile.TemporaryFile("w+") as printed:
        start = time.perf_counter()
        running = subprocess.Popen(
            words, cwd=PROJECT, env=environment(**variables), stdout=printed, stderr=subprocess.STDOUT
        )
        while running.poll() is None:
            current = _memory(running.pid)
            own, resident = max(own, current.get("RssAnon", 0)), max(resident, current.get("VmHWM", 0))
            time.sleep(_EVERY_S)
        seconds = time.perf_counter() - start
        if running.returncode:
            printed.seek(0)
            raise RuntimeError(f"{' '.join(words)} failed:\n{printed.read()[-3000:]}")
    return Cost(seconds, own, resident)


def _memory(process: int) -> dict[str, int]:
    """Name -> bytes of a running process; empty after its end."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(number) << 10 for name, number, _ in fields}
