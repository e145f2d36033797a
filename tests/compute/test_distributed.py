import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ssl_behavior.cli.settings import save_settings
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.log import read_metrics
from ssl_behavior.training.objectives.pretraining import Objective

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
SMALL_TRANSFORMER = Architecture(8, 1, kind="transformer", heads=2, window=8)

# Several runs in the same processes, as starting processes takes longer than such runs. A run whose name starts with
# "interrupted" is interrupted in its sixth step; states are saved every fourth step.
SEVERAL = """
import atexit
import sys
from contextlib import suppress
from pathlib import Path
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.cli.settings import load_settings
from ssl_behavior.training.state import StateFolder, TrainingState

def count_threads():
    names = []
    for thread in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):  # the thread has ended
            names.append(thread.read_text())
    print(sum("gloo" in name for name in names), "threads of gloo at exit")

atexit.register(count_threads)
StateFolder.__init__.__defaults__ = (4,)  # save_every
advance = TrainingState.advance

def stop(self, *given):
    if self.step == 5:
        raise KeyboardInterrupt
    return advance(self, *given)

for path in sys.argv[1:]:
    TrainingState.advance = stop if Path(path).name.startswith("interrupted") else advance
    try:
        pretrain(load_settings(PretrainConfig, Path(path)))
    except (SystemExit, KeyboardInterrupt) as end:
        print(Path(path).stem, "ended with", repr(end), flush=True)
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> PretrainConfig:
    tracks = tmp_path_factory.mktemp("shared") / "tracks"
    native.write(tracks, simulate_recordings(3, seed=1, frames=200))
    return PretrainConfig(
        (tracks,),
        steps=8,
        batch=4,
        clip_seconds=2.0,
        architecture=Architecture(8, 2),
        probe_every=4,
        device="cpu",
        precision="float32",
    )


def agree(single: Path, several: Path, tolerance: float = 1e-4) -> None:
    """Assert that two runs logged the same curves and ended with the same weights, except for rounding in sums."""
    curves, others = read_metrics(single / "metrics.csv"), read_metrics(several / "metrics.csv")
    assert set(curves) == set(others) >= {"loss", "gradient", "rank", "probe F1"}
    for name, points in curves.items():
        assert torch.tensor(others[name]).allclose(torch.tensor(points), rtol=tolerance, atol=tolerance), name
    weights, weights_of_several = load_encoder(single).state_dict(), load_encoder(several).state_dict()
    assert all(weights_of_several[name].allclose(tensor, rtol=0, atol=tolerance) for name, tensor in weights.items())


def finish(started: list[subprocess.Popen[str]], timeout: float = 150) -> list[tuple[int, str, str]]:
    """Exit code, output and errors of each process."""
    try:
        outputs = [process.communicate(timeout=timeout) for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, *output) for process, output in zip(started, outputs, strict=True)]


def start(*words: str, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_train_the_same_encoder_as_one(config: PretrainConfig, tmp_path: Path) -> None:
    config = replace(config, output=tmp_path / "two", objective=Objective(contrast="ntxent", contrast_weight=1.0))
    save_settings(config, tmp_path / "settings.yaml")
    ((code, out, err),) = finish(
        [start(*TORCHRUN, "-m", "ssl_behavior.pretrain", "--config", f"{tmp_path}/settings.yaml")]
    )
    assert code == 0, err
    assert out.count("on 2 processes with cpu") == out.count("next:") == 1
    assert err.count("pretraining: 100%") == 1
    agree(pretrain(replace(config, output=tmp_path / "one")), tmp_path / "two")


@pytest.fixture
def half_done(config: PretrainConfig, tmp_path: Path, interrupt: Callable[[PretrainConfig], None]) -> PretrainConfig:
    """A run that a single process began and did not finish."""
    config = replace(config, output=tmp_path / "from one")
    interrupt(config)
    return config


def slurm_tasks(*words: str) -> list[subprocess.Popen[str]]:
    """Two processes with the environment that srun would give them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "1", "SLURM_NODEID": "0"}
    shared |= {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_JOB_NAME": "learn"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start(*words, **shared, SLURM_PROCID=str(i), SLURM_LOCALID=str(i)) for i in range(2)]


@pytest.mark.slow
def test_processes_of_srun_train_resume_and_fail_as_one(
    config: PretrainConfig, half_done: PretrainConfig, tmp_path: Path
) -> None:
    contrasts = {
        name: replace(config, objective=Objective(contrast=name, contrast_weight=1.0))  # type: ignore[arg-type]
        for name in ("vicreg", "barlow_twins", "lejepa")
    }
    compared = {
        "transformer": replace(config, architecture=SMALL_TRANSFORMER),
        "bfloat16": replace(config, precision="bfloat16"),
        **contrasts,
    }
    runs = {**compared, "half done": half_done, "interrupted": config, "uneven": replace(config, batch=5)}
    for name, run in runs.items():
        output = run.output if run is half_done else tmp_path / name
        save_settings(replace(run, output=output), tmp_path / f"{name}.yaml")
    (tmp_path / "several.py").write_text(SEVERAL)
    settings = [str(tmp_path / f"{name}.yaml") for name in runs]
    (code, out, err), (other_code, other_out, other_err) = finish(
        slurm_tasks(sys.executable, str(tmp_path / "several.py"), *settings)
    )

    assert code == other_code == 0, (err, other_err)
    for name, run in compared.items():
        single = pretrain(replace(run, output=tmp_path / f"{name} alone"))
        agree(single, tmp_path / name, 0.05 if name == "bfloat16" else 1e-4)
    whole = pretrain(replace(config, output=tmp_path / "whole"))
    assert "going on from step 4" in out
    agree(whole, half_done.output)
    assert "interrupted ended with KeyboardInterrupt()" in out
    agree(whole, pretrain(replace(config, output=tmp_path / "interrupted")))
    assert "error: --batch 5: expected a number of clips that 2 processes can share evenly; give --batch 6" in err
    assert "error" not in other_err
    assert "uneven ended with SystemExit(2)" in out
    # A thread that lives on into the end of the interpreter may abort the process.
    ended = ["interrupted ended with SystemExit(130)", "uneven ended with SystemExit(2)", "0 threads of gloo at exit"]
    assert other_out.split("\n") == [*ended, ""]
    assert "0 threads of gloo at exit" in out
    assert not (tmp_path / "uneven").exists()


def test_slurm_tasks_without_a_number_per_node_are_refused(
    config: PretrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE", raising=False)
    with pytest.raises(InputError, match=r"SLURM started 4 processes .*--ntasks-per-node"):
        pretrain(config)


def test_a_batch_script_of_several_tasks_is_one_process_without_srun(
    config: PretrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_STEP_ID", raising=False)
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert load_encoder(pretrain(replace(config, output=tmp_path / "alone"))).mean.isfinite().all()
