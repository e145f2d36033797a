import os
import signal
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.jobs import ray_pool
from ssl_behavior.jobs.ray_connection import RayConfig, ray_connection
from ssl_behavior.jobs.ray_pool import require_no_failures, run_missing, run_units
from ssl_behavior.jobs.results import Results, Unit, unit_digest
from ssl_behavior.storage.object_store import Store

pytestmark = pytest.mark.slow

# The functions are defined inside the tests, so that Ray sends their code: workers cannot import the tests.


def units(count: int) -> list[Unit]:
    return [Unit(str(i), unit_digest(i)) for i in range(count)]


@pytest.mark.usefixtures("cluster")
def test_another_worker_repeats_the_unit_of_a_killed_one(tmp_path: Path) -> None:
    folder, fatal = str(tmp_path), signal.SIGKILL

    def work(unit: Unit) -> None:
        starts = Path(folder, f"{unit.label}.starts")
        with starts.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if unit.label == "1" and len(starts.read_text().split()) == 1:
            os.kill(os.getpid(), fatal)
        Results(Store(f"{folder}/done")).put(unit, {}, {})

    outcomes = dict(run_units(units(4), work, RayConfig(), "trying"))
    assert {outcome.failure for outcome in outcomes.values()} == {None}
    assert Results(Store(f"{folder}/done")).missing(units(4)) == []
    first, second = (tmp_path / "1.starts").read_text().split()
    assert first != second


@pytest.mark.usefixtures("cluster")
def test_failed_units_do_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, fatal = str(tmp_path), signal.SIGKILL

    def work(unit: Unit) -> None:
        print("the same message")
        match unit.label:
            case "1":
                os.kill(os.getpid(), fatal)
            case "2":
                raise InputError("2.csv: expected tracks")
            case "3":
                raise ZeroDivisionError("a bug")
            case "4":
                Path(folder, "none").read_text()
        Path(folder, unit.label).touch()

    failures = run_missing(units(7), units(7)[1:], work, RayConfig(attempts=2), "trying")
    assert {unit.label: reason for unit, reason in failures.items()} == {
        "1": "its worker was killed 2 times (WorkerCrashedError)",
        "2": "2.csv: expected tracks",
        "3": "ZeroDivisionError: a bug",
        "4": f"{folder}/none: No such file or directory",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5", "6"]
    printed = capsys.readouterr().out
    assert "trying: 1 of 7 done already, 6 to do" in printed
    assert "the same message (4 times)" in printed  # of two that succeed, and of two that fail
    assert "failed: 2: 2.csv: expected tracks" in printed
    assert "test_ray_pool.py" in printed  # the traceback of a bug
    with pytest.raises(InputError, match="4 of 6 failed"):
        require_no_failures(failures, 6)


@pytest.mark.usefixtures("cluster")
def test_a_unit_uses_the_cores_that_it_requests(tmp_path: Path) -> None:
    folder = str(tmp_path)

    def work(unit: Unit) -> None:
        import torch

        Path(folder, unit.label).write_text(str(torch.get_num_threads()))

    list(run_units(units(1), work, RayConfig(cpus=2), "trying"))
    assert (tmp_path / "0").read_text() == "2"
    with pytest.raises(InputError, match="--cpus 3: expected at most 2"), ray_connection(RayConfig(cpus=3)):
        pass


def test_lines_that_a_unit_prints_before_it_fails_are_kept() -> None:
    def refuse(unit: Unit) -> None:
        print(f"{unit.label}.csv: the frame rate is assumed")
        raise InputError("1.csv: expected tracks")

    outcome = ray_pool.run_unit(refuse, units(1)[0], 1)
    assert outcome == ray_pool.Outcome(("0.csv: the frame rate is assumed",), "1.csv: expected tracks")
