"""A command's wall time and memory, measured from outside while it runs (Linux)."""

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
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        own: most bytes that were its own at once (``RssAnon``).
        resident: most bytes that it held in memory at once (``VmHWM``), with pages of files that it had mapped, which
            the system may drop whenever others need the room.
    """

    seconds: float
    own: int
    resident: int


def cost(command: Sequence[str | Path], **variables: str) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; what it printed at last is told.
    """
    words = [str(word) for word in command]
    own = resident = 0
    with tempfile.TemporaryFile("w+") as printed:
        start = time.perf_counter()
        running = subprocess.Popen(
            words, cwd=PROJECT, env=environment(**variables), stdout=printed, stderr=subprocess.STDOUT
        )
        while running.poll() is None:
            held = _held(running.pid)
            own, resident = max(own, held.get("RssAnon", 0)), max(resident, held.get("VmHWM", 0))
            time.sleep(_EVERY_S)
        seconds = time.perf_counter() - start
        if running.returncode:
            printed.seek(0)
            raise RuntimeError(f"{' '.join(words)} failed:\n{printed.read()[-3000:]}")
    return Cost(seconds, own, resident)


def _held(process: int) -> dict[str, int]:
    """Bytes by name, of the running process; nothing once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    parts = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(number) << 10 for name, number, _ in parts}
