"""Two trainings at once, each with its default number of threads on the same cores."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ssl_behavior.formats.tracks import native
from ssl_behavior.simulation.simulator import simulate_recordings

STEPS = 30
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
SHOW = "import os, ssl_behavior; print(os.environ['OMP_WAIT_POLICY'], os.environ.get('GOMP_SPINCOUNT'))"


def environment(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in WAITING} | variables


def shown(**variables: str) -> str:
    words = [sys.executable, "-c", SHOW]
    return subprocess.run(
        words, env=environment(**variables), capture_output=True, text=True, check=True
    ).stdout.strip()


def test_idle_threads_wait_briefly_unless_the_user_says_how() -> None:
    assert shown() == "PASSIVE 3000"
    assert shown(GOMP_SPINCOUNT="7") == "PASSIVE 7"
    assert shown(OMP_WAIT_POLICY="ACTIVE") == "ACTIVE None"


def cpu_seconds(tracks: Path, *outputs: Path, **variables: str) -> float:
    """CPU time of trainings at once, on the same two cores, which make all their steps."""
    words = [sys.executable, "-m", "ssl_behavior.pretrain", "--recordings", str(tracks), "--device", "cpu"]
    words += ["--steps", str(STEPS), "--output"]
    if taskset := shutil.which("taskset"):
        words = [taskset, "--cpu-list", ",".join(map(str, sorted(os.sched_getaffinity(0))[:2])), *words]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = [
        subprocess.Popen([*words, str(output)], env=environment(**variables), stdout=subprocess.DEVNULL)
        for output in outputs
    ]
    try:
        assert [process.wait(timeout=400) for process in started] == [0] * len(started)
    finally:
        for process in started:
            process.kill()
    for output in outputs:
        assert (output / "metrics.csv").read_text().splitlines()[-1].startswith(f"{STEPS},")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
def test_two_trainings_at_once_burn_no_time_on_waiting(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.npz"
    native.write(tracks, simulate_recordings(2, seed=1, frames=3000))
    alone = cpu_seconds(tracks, tmp_path / "alone", OMP_NUM_THREADS="1")  # a single thread waits for no other
    # With GNU OpenMP's defaults, the threads of two trainings take ten times as long as one.
    assert cpu_seconds(tracks, tmp_path / "one", tmp_path / "other") < 5 * alone
