"""Experiments as users run them: posted, worked on by several processes of which some are stopped, and looked at."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ssl_behavior.errors import InputError
from ssl_behavior.experiments import PostConfig, StatusConfig, WorkConfig, post, status, work
from ssl_behavior.storage.object_store import Store
from tests.fuzz.forks import ForkServer, RunningCommand
from tests.jobs.test_sweep import settings

pytestmark = pytest.mark.slow


@pytest.fixture
def posted(tracks: Path, tmp_path: Path) -> Callable[..., PostConfig]:
    """``posted(vary)`` writes a grid and posts it; without ``vary``, it has one combination."""
    pytest.importorskip("fsspec", reason="fsspec is not installed")

    def make(vary: dict[str, list[object]] | None = None, output: str = "", name: str = "seeds") -> PostConfig:
        grid = {**settings(tracks), **({"vary": vary} if vary else {})}
        (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(grid, sort_keys=False))
        config = PostConfig(configs=tmp_path / "sweep.yaml", name=name, output=output or str(tmp_path / "out"))
        post(config)
        return config

    return make


@pytest.fixture
def start(forks: ForkServer, tmp_path: Path) -> Callable[..., RunningCommand]:
    """``start(*words)`` starts a worker on the folder ``out``."""
    return lambda *words: forks.start(
        ["ssl_behavior.experiments", "work", "--output", tmp_path / "out", "--lease", 1, *words], tmp_path
    )


def claims(output: str | Path) -> list[str]:
    return sorted(path.name for path in Path(output, "claims").glob("*.json"))


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_message_of_a_killed_worker_is_done_by_another_one_and_everything_once(
    posted: Callable[..., PostConfig],
    start: Callable[..., RunningCommand],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = posted()
    workers = [start(), start()]  # both want the encoder, and one gets it
    wait_for(lambda: bool(claims(config.output)))
    at_work = status(StatusConfig(output=config.output)).iloc[0]
    assert at_work["state"] == "at work"
    killed, other = sorted(workers, key=lambda worker: not at_work["worker"].endswith(f":{worker.pid}"))
    killed.send(signal.SIGKILL)
    assert killed.wait().code == -signal.SIGKILL
    assert len(claims(config.output)) == 1
    done = other.wait()
    assert (done.code, "Traceback" in done.err) == (0, False), done.err
    assert f"{at_work['training']} (seeds): at work (attempt 2 of 3)" in done.out
    assert done.out.count(": done in") == 2
    assert claims(config.output) == []
    capsys.readouterr()
    status(StatusConfig(output=config.output))
    said = capsys.readouterr().out
    assert "seeds: 2 messages: 0 waiting, 0 at work, 2 done, 0 failed" in said
    scores = pd.read_csv(Path(config.output) / "experiments" / "seeds" / "results.csv", keep_default_na=False)
    assert list(scores["problem"]) == [""]
    assert f"best macro F1 in cross-validation: {scores['macro_f1'][0]:.3f} by {config.output}/models/" in said


def test_a_worker_that_its_scheduler_stops_gives_its_message_back(
    posted: Callable[..., PostConfig], start: Callable[..., RunningCommand]
) -> None:
    config = posted({"pretrain.steps": [20_000]})
    worker = start("--lease", 600)
    wait_for(lambda: bool(claims(config.output)))
    time.sleep(0.5)
    # Python drops an exception that a signal raises within a callback, as of an import. So a scheduler may have to ask
    # again, and a training that is never stopped must end by itself.
    for _ in range(3):
        worker.send(signal.SIGTERM)
        end = time.monotonic() + 20
        while claims(config.output) and time.monotonic() < end:
            time.sleep(0.05)
        if not claims(config.output):
            break
    stopped = worker.wait()
    assert stopped.code == 143, stopped.err
    assert "Traceback" not in stopped.err
    assert "given back" in stopped.out
    assert claims(config.output) == []
    assert set(status(StatusConfig(output=config.output))["state"]) == {"waiting"}


def test_posting_twice_does_nothing_twice_and_experiments_share_what_is_equal(
    posted: Callable[..., PostConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    config = posted({"finetune.seed": [0, 5]})
    assert "seeds: 2 combinations, 3 messages: 3 new" in capsys.readouterr().out
    files = sorted(Store(config.output).names())
    posted({"finetune.seed": [0, 5]})
    assert "3 messages: 3 posted before" in capsys.readouterr().out
    assert sorted(Store(config.output).names()) == files
    posted({"finetune.seed": [5, 6]}, name="more")
    assert sorted(capsys.readouterr().out.split(": ")[-1].strip().split(", ")) == ["1 new", "2 posted before"]
    table = status(StatusConfig(output=config.output))
    assert table.groupby("experiment").size().to_dict() == {"more": 3, "seeds": 3}
    assert table["training"].nunique() == 4


def test_experiments_in_an_object_store(
    posted: Callable[..., PostConfig], folder: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    config = posted(output=folder("out"))
    work(WorkConfig(output=config.output))
    posted(output=folder("out"))
    table = status(StatusConfig(output=config.output))
    assert list(table["state"]) == ["done", "done"]
    printed = capsys.readouterr().out
    assert "no message is left; 2 messages done here" in printed
    assert "2 messages: 2 done" in printed
    (csv,) = Store(config.output).read(["experiments/seeds/results.csv"]).values()
    assert b"macro_f1" in csv
    assert Store(config.output).names("claims") == []
    # A result that somebody deleted is made again, once it is posted again.
    model = table["training"].iloc[1].removeprefix("model-")
    Store(config.output).remove([f"models/{model}/config.yaml"])
    posted(output=folder("out"))
    assert list(status(StatusConfig(output=config.output))["state"]) == ["waiting", "done"]


def test_a_training_that_fails_is_given_up_and_tried_again_when_it_is_posted_again(
    posted: Callable[..., PostConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    config = posted({"pretrain.clip_seconds": [9999]})
    with pytest.raises(InputError, match=r"1 message failed for the reasons above.*[Pp]ost"):
        work(WorkConfig(output=config.output, attempts=2, lease=1))
    printed = capsys.readouterr().out
    assert ": attempt 1 of 2 failed: " in printed
    table = status(StatusConfig(output=config.output))
    assert list(table["state"]) == ["failed", "failed"]
    assert "give --clip-seconds 8 or less" in table["reason"].iloc[0]
    assert table["reason"].iloc[1] == f"its encoder failed: {table['reason'].iloc[0]}"
    scores = pd.read_csv(Path(config.output) / "experiments" / "seeds" / "results.csv")
    assert "--clip-seconds" in scores["problem"][0]
    posted({"pretrain.clip_seconds": [9999]})
    assert set(status(StatusConfig(output=config.output))["state"]) == {"waiting"}


def test_inputs_that_have_changed_since_they_were_posted_are_refused(
    posted: Callable[..., PostConfig], tracks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = posted()
    (tracks / "video000.safetensors").write_bytes((tracks / "video001.safetensors").read_bytes())
    with pytest.raises(InputError, match="1 message failed"):
        work(WorkConfig(output=config.output, attempts=1))
    assert "video000.safetensors: expected the content that the file had" in capsys.readouterr().out


@pytest.mark.usefixtures("cluster")
def test_a_worker_on_ray(posted: Callable[..., PostConfig], capsys: pytest.CaptureFixture[str]) -> None:
    config = posted()
    work(WorkConfig(output=config.output, workers=1, lease=30))
    printed = capsys.readouterr().out
    assert printed.count(": done in") == 2
    assert "worker 1: no message is left; 2 messages done here" in printed
    assert set(status(StatusConfig(output=config.output))["state"]) == {"done"}


def test_damaged_files_are_named_and_the_others_count(
    posted: Callable[..., PostConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    config = posted({"finetune.seed": [0, 5]})
    store = Store(config.output)
    message = next(name for name in store.names("messages"))
    plan = next(name for name in store.names("experiments"))
    for name in (message, plan):
        store.write(name, b"[]")
    capsys.readouterr()
    assert len(status(StatusConfig(output=config.output))) == 2
    printed = capsys.readouterr().out
    assert f"{config.output}/{message}: expected a message of ssl-behavior experiments" in printed
    assert f"{config.output}/{plan}: expected the plan of an experiment" in printed


def test_other_input_is_refused_in_a_sentence(
    posted: Callable[..., PostConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"--name a/b: expected up to 64 letters"):
        PostConfig(configs=tmp_path / "sweep.yaml", name="a/b")
    nowhere = str(tmp_path / "nowhere")
    for run in (lambda: status(StatusConfig(output=nowhere)), lambda: work(WorkConfig(output=nowhere))):
        with pytest.raises(InputError, match="found none: post some with ssl-behavior experiments post"):
            run()
    with pytest.raises(InputError, match=r"--address auto: expected --workers"):
        work(WorkConfig(output=posted().output, address="auto"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"found notes\.txt"):
        posted(output=str(tmp_path / "mine"))
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["notes.txt"]
