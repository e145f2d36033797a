"""Runs a measurement in a process of its own, on a number of cores, and reads its result, a line of JSON."""

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
    """Run a command; returns the JSON of its last line, and ``wall``, the seconds that it took in all.

    Args:
        command: its words.
        cores: number of cores, with a thread each; all by default.
        variables: additional environment variables. GPUs are hidden.

    Raises:
        RuntimeError: it failed; the message has its last output.
    """
    start = time.perf_counter()
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=PROJECT, env=environment(cores, **variables), capture_output=True, text=True)
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    lines = done.stdout.strip().splitlines()
    result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return {**result, "wall": wall}


def environment(cores: int | None = None, **variables: str) -> dict[str, str]:
    """Environment of a measured process: this project's code, no GPU, as many threads as cores."""
    threads = str(cores or len(os.sched_getaffinity(0)))
    fixed = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": threads, "PYTHONPATH": str(PROJECT)}
    return {**os.environ, **fixed, **variables}


def on_cores(cores: int, command: Sequence[str | Path]) -> list[str | Path]:
    """The command, restricted to the first so many cores."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    return ["taskset", "--cpu-list", ",".join(map(str, chosen)), *command]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """``median (least to most)``, or the median alone if there is one value."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})" if len(values) > 1 else middle


def shares(steps: Mapping[str, float], total: float) -> dict[str, float]:
    """The share of each step in ``total``, and the remainder as ``rest``."""
    result = {name: seconds / total for name, seconds in steps.items()}
    return {**result, "rest": 1 - sum(result.values())}


def met(is_met: bool) -> str:
    """The outcome of a goal, in words."""
    return "met" if is_met else "**not met**"
