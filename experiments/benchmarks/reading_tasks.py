"""What ``reading`` measures, each in a process of its own: ``... reading_tasks TASK PATH TIMES``."""

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
    """What is compared with: the numbers of a table parsed, and nothing made of them."""
    pa.csv.read_csv(path, pa.csv.ReadOptions(skip_rows=4, autogenerate_column_names=True))


def read(path: Path) -> list[Recording]:
    """Recordings as every command gets them."""
    return read_recordings(path, notify=str)


def read_and_look(path: Path) -> float:
    """Recordings, and a look at every position."""
    return sum(float(recording.positions.sum()) for recording in read(path))


def prepare(path: Path) -> list[str]:
    """What every command begins with: poses of all recordings, and their fingerprints."""
    recordings = read(path)
    landmarks = shared_landmarks(one.skeleton for one in recordings)
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
    """MB that the process held at most, of memory that is its own and of maps that it has looked at."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000


if __name__ == "__main__":
    measure(*sys.argv[1:])
