"""Two trainings at once, each with its default number of threads on the same cores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssl_behavior.formats.tracks import native
from ssl_behavior.simulation.simulator import simulate_recordings

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


@pytest.mark.slow
def test_two_trainings_at_once_both_make_all_their_steps(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.npz"
    native.write(tracks, simulate_recordings(2, seed=1, frames=3000))
    words = [sys.executable, "-m", "ssl_behavior.pretrain", "--recordings", str(tracks), "--device", "cpu"]
    words += ["--steps", "200", "--batch", "16", "--output"]
    outputs = [tmp_path / "one", tmp_path / "other"]
    started = [
        subprocess.Popen([*words, str(output)], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for output in outputs
    ]
    try:
        # With threads that spin, both had made a fifth of the steps by then, on two cores.
        assert [process.wait(timeout=150) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()
    for output in outputs:
        assert (output / "metrics.csv").read_text().splitlines()[-1].startswith("200,")
