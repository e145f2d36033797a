"""The tasks of ``reading``, each run in a process of its own: ``... reading_tasks TASK PATH TIMES``."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from experiments.benchmarks import json_peers
from ssl_behavior.formats.tracks import deeplabcut
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.formats.untrusted import json_arrays
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare_all
from ssl_behavior.recordings.recording import Recording


def arrow_alone(path: Path) -> None:
    """The reference: parse the numbers of a table, and do nothing with them."""
    pa.csv.read_csv(path, pa.csv.ReadOptions(skip_rows=4, autogenerate_column_names=True))


def read(path: Path) -> list[Recording]:
    """Read recordings as every command does."""
    return read_recordings(path, notify=str)


def read_and_look(path: Path) -> float:
    """Read recordings and every position."""
    return sum(float(recording.positions.sum()) for recording in read(path))


def prepare(path: Path) -> list[str]:
    """Do what every command begins with: prepare all recordings, and compute their fingerprints."""
    recordings = read(path)
    landmarks = shared_landmarks(recording.skeleton for recording in recordings)
    return [poses.fingerprint() for poses in prepare_all(recordings, landmarks, Preparation())]


TASKS: dict[str, Callable[[Path], object]] = {
    "arrow": arrow_alone,
    "deeplabcut": deeplabcut.read,
    "read": read,
    "look": read_and_look,
    "prepare": prepare,
    "ssl_behavior": json_arrays.load,
    **json_peers.STREAMING,
    **json_peers.WHOLE,
}


def measure(task: str, path: str, times: str) -> None:
    before, seconds = _peak(), []
    for _ in range(int(times)):
        start = time.perf_counter()
        TASKS[task](Path(path))
        seconds.append(time.perf_counter() - start)
    print(json.dumps([min(seconds), _peak() - before]))


def _peak() -> float:
    """The peak of resident memory in MB, with the pages of maps that were read."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000


if __name__ == "__main__":
    measure(*sys.argv[1:])
