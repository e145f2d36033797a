"""Steps per second of one pretraining, and of two at once, by how idle OpenMP threads wait.

    python -m experiments.benchmarks.threads

Each training has a thread per core, so two at once have twice as many threads as there are cores. A training that is
not done in time is stopped, and the steps that it made count. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.benchmarks import machine
from experiments.benchmarks.turns import PROJECT, spread

_WAYS: Mapping[str, Mapping[str, str]] = {
    "the package's default: spin 3,000 times": {},
    "spin 300,000 times (GNU OpenMP's default)": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "300000"},
    "spin 10,000 times": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"},
    "spin 1,000 times": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "sleep at once (passive)": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
}
_OF_THREADS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
_WARM_UP = 10  # steps whose time is not counted


def rates(trainings: int, tracks: Path, way: Mapping[str, str], steps: int, limit: float) -> list[float]:
    """Steps per second of each of so many trainings at once.

    Args:
        trainings: their number.
        tracks: folder of recordings.
        way: environment variables of their threads.
        steps: of each training.
        limit: seconds after which a training is stopped.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THREADS}
    environment |= {"PYTHONPATH": str(PROJECT), "CUDA_VISIBLE_DEVICES": "", **way}
    words = [sys.executable, "-m", "ssl_behavior.pretrain", "--recordings", str(tracks), "--steps", str(steps)]
    with TemporaryDirectory() as folder:
        outputs = [Path(folder) / str(number) for number in range(trainings)]
        started, end = [], time.monotonic() + limit
        for output in outputs:
            command = [*words, "--output", str(output)]
            started.append(
                subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            )
        progress = [_errors(process, end) for process in started]
        return [
            _rate(output) if process.returncode == 0 else _steps_shown(shown) / limit
            for process, output, shown in zip(started, outputs, progress, strict=True)
        ]


def _errors(process: subprocess.Popen[bytes], end: float) -> str:
    """The standard error of a process, which is stopped at ``end`` if it has not ended."""
    try:
        return process.communicate(timeout=max(0.0, end - time.monotonic()))[1].decode()
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[1].decode()


def _rate(output: Path) -> float:
    with (output / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    counted = rows[_WARM_UP:]
    return len(counted) / (float(rows[-1]["seconds"]) - float(rows[_WARM_UP - 1]["seconds"]))


def _steps_shown(shown: str) -> int:
    """The steps in the last state of the progress bar: ``pretraining:  15%| 9/60 [...``."""
    counts = [line.partition("| ")[2].partition("/")[0] for line in shown.split("\r") if line.startswith("pretraining")]
    return int(counts[-1]) if counts else 0


def main() -> None:
    """Measure every way, and write threads.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=Path, default=Path("../shared/data/dyads/tracks"), help="folder of recordings")
    parser.add_argument("--steps", type=int, default=60, help="of each training")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--limit", type=float, default=30, help="seconds after which trainings are stopped")
    given = parser.parse_args()
    measured: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in _WAYS}
    for _ in range(given.repeats):
        for name, way in _WAYS.items():
            for trainings, into in zip((1, 2), measured[name], strict=True):
                into += rates(trainings, given.tracks, way, given.steps, given.limit)
                print(name, trainings, into, flush=True)
    lines = ["| idle threads | one training | each of two at once |", "|---|---|---|"]
    lines += [f"| {name} | {spread(one, 1)} | {spread(two, 1)} |" for name, (one, two) in measured.items()]
    heading = f"Steps of pretraining per second, median (least to most) of {given.repeats} runs:"
    machine.write("threads", "\n".join([heading, "", *lines, "", machine.about()]))


if __name__ == "__main__":
    main()
