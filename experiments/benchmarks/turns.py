"""Turns of a measurement: each in a process of its own, on so many cores, that tells its result as a line of JSON."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


def turn(command: Sequence[str | Path], cores: int | None = None, **variables: str) -> dict[str, Any]:
    """What a command told in the last line that it printed, and ``wall``, the seconds that it took in all.

    Args:
        command: its words.
        cores: that it may run on, with a thread each; all by default.
        variables: of its environment, besides those that are there. No GPU is seen.

    Raises:
        RuntimeError: it failed; what it printed at last is told.
    """
    start = time.perf_counter()
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=PROJECT, env=environment(cores, **variables), capture_output=True, text=True)
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    lines = done.stdout.strip().splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return {**told, "wall": wall}


def environment(cores: int | None = None, **variables: str) -> dict[str, str]:
    """The variables of a measured process: of this project's code, without a GPU, with as many threads as cores."""
    threads = str(cores or len(os.sched_getaffinity(0)))
    fixed = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": threads, "PYTHONPATH": str(PROJECT)}
    return {**os.environ, **fixed, **variables}


def on_cores(cores: int, command: Sequence[str | Path]) -> list[str | Path]:
    """The command held to the first so many of the cores."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    return ["taskset", "--cpu-list", ",".join(map(str, chosen)), *command]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """``median (least to most)``, the median alone where there is one value."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})" if len(values) > 1 else middle


def shares(steps: Mapping[str, float], total: float) -> dict[str, float]:
    """Share of each step in ``total``, and what no step accounts for as ``rest``."""
    found = {name: seconds / total for name, seconds in steps.items()}
    return {**found, "rest": 1 - sum(found.values())}


def met(is_met: bool) -> str:
    """A goal's outcome in words."""
    return "met" if is_met else "**not met**"
