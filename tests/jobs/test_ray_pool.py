import os
import signal
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.jobs.ray_pool import FleetConfig, connected, do_missing, each_done, require_none
from ssl_behavior.jobs.results import Results, Unit, unit_digest
from ssl_behavior.storage.object_store import Store

pytestmark = pytest.mark.slow

# The work is made within the tests, so that it is sent to the workers whole: these do not import the tests.


def units(count: int) -> list[Unit]:
    return [Unit(str(i), unit_digest(i)) for i in range(count)]


@pytest.mark.usefixtures("cluster")
def test_a_killed_workers_unit_is_done_by_another(tmp_path: Path) -> None:
    folder, fatal = str(tmp_path), signal.SIGKILL

    def work(unit: Unit) -> None:
        began = Path(folder, f"{unit.label}.began")
        with began.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if unit.label == "1" and len(began.read_text().split()) == 1:
            os.kill(os.getpid(), fatal)
        Results(Store(f"{folder}/done")).put(unit, {}, {})

    done = dict(each_done(units(4), work, FleetConfig(), "trying"))
    assert {one.failure for one in done.values()} == {None}
    assert Results(Store(f"{folder}/done")).missing(units(4)) == []
    first, second = (tmp_path / "1.began").read_text().split()
    assert first != second


@pytest.mark.usefixtures("cluster")
def test_what_cannot_be_done_does_not_keep_the_others_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, fatal = str(tmp_path), signal.SIGKILL

    def work(unit: Unit) -> None:
        print("the same notice")
        match unit.label:
            case "1":
                os.kill(os.getpid(), fatal)
            case "2":
                raise InputError("2.csv: expected tracks")
            case "3":
                raise ZeroDivisionError("our fault")
            case "4":
                Path(folder, "none").read_text()
        Path(folder, unit.label).touch()

    failed = do_missing(units(7), units(7)[1:], work, FleetConfig(attempts=2), "trying")
    assert {unit.label: why for unit, why in failed.items()} == {
        "1": "its worker was killed 2 times (WorkerCrashedError)",
        "2": "2.csv: expected tracks",
        "3": "ZeroDivisionError: our fault",
        "4": f"{folder}/none: No such file or directory",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5", "6"]
    told = capsys.readouterr().out
    assert "trying: 1 of 7 done already, 6 to do" in told
    assert "the same notice (2 times)" in told
    assert "failed: 2: 2.csv: expected tracks" in told
    assert "test_fleet.py" in told  # where the fault is ours
    with pytest.raises(InputError, match="4 of 6 failed"):
        require_none(failed, 6)


@pytest.mark.usefixtures("cluster")
def test_a_unit_has_the_cores_it_asks_for(tmp_path: Path) -> None:
    folder = str(tmp_path)

    def work(unit: Unit) -> None:
        import torch

        Path(folder, unit.label).write_text(str(torch.get_num_threads()))

    list(each_done(units(1), work, FleetConfig(cpus=2), "trying"))
    assert (tmp_path / "0").read_text() == "2"
    with pytest.raises(InputError, match="--cpus 3: expected at most 2"), connected(FleetConfig(cpus=3)):
        pass


def test_a_unit_computes_where_it_has_a_device() -> None:
    assert (FleetConfig().device, FleetConfig(gpus=0.25).device) == ("cpu", "cuda")
    nowhere = (FleetConfig(address=one) for one in ("127.0.0.1:1", "ray://127.0.0.1:99999", "127.0.0.1", "somewhere"))
    for wrong in (*nowhere, FleetConfig(gpus=1.5)):
        with pytest.raises(InputError, match="expected"):
            wrong.require_fleet()
