"""The commands as a user runs them, each one's output fed to the next."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.tracks.calms21.submissions import read_submission
from tests.fuzz.forks import FinishedCommand

TINY = ("--device", "cpu", "--architecture.channels", "16", "--architecture.blocks", "3", "--clip-seconds", "2")
FEW = (
    "--device", "cpu", "--supervision.clip_seconds", "2", "--supervision.steps", "8", "--supervision.trees", "5",
)  # fmt: skip

pytestmark = pytest.mark.slow


Run = Callable[..., str]


@pytest.fixture
def run(command: Callable[..., FinishedCommand]) -> Run:
    """What a command prints."""
    return lambda *words: command(*words).out


def test_the_challenges_own_files(run: Run, tmp_path: Path) -> None:
    data, encoder, model, submission = (tmp_path / name for name in ("data", "encoder", "model", "out/submission.npy"))
    output = run(
        "simulate", "--output", data, "--train-videos", 4, "--test-videos", 2, "--unlabelled-videos", 1,
        "--min-frames", 400, "--max-frames", 500,
    )  # fmt: skip
    assert "ssl-behavior pretrain --recordings" in output
    output = run("pretrain", "--recordings", data / "test.npy", "--output", encoder, "--steps", 5, *TINY)
    assert f"ssl-behavior finetune --encoder {encoder}" in output
    output = run("finetune", "--encoder", encoder, "--recordings", data / "train.npy", "--output", model, *FEW)
    assert "macro F1" in output
    assert f"ssl-behavior predict --model {model}" in output
    output = run(
        "predict", "--model", model, "--recordings", data / "test.npy", "--output", submission,
        "--sample-submission", data / "sample_submission.npy", "--device", "cpu",
    )  # fmt: skip
    assert f"ssl-behavior evaluate --predictions {submission}" in output
    predicted, sample = read_submission(submission), read_submission(data / "sample_submission.npy")
    assert {name: len(labels) for name, labels in predicted.items()} == {name: len(v) for name, v in sample.items()}
    assert set(np.concatenate(list(predicted.values()))) <= {0, 1, 2, 3}
    output = run("evaluate", "--predictions", submission, "--annotations", data / "truth.npy")
    assert "macro F1" in output
    scores = json.loads((tmp_path / "out" / "submission.scores" / "scores.json").read_text())
    judged = sum(one.frames for one in calms21.read(data / "truth.npy"))
    assert sum(map(sum, scores["confusion"])) == judged < sum(map(len, predicted.values()))
    assert 0 <= scores["macro_f1"] <= 1


@pytest.mark.real
def test_the_real_dyads(run: Run, shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    tracks = [next(shared_data("dyads/tracks").glob(f"{video}DLC_*.csv.gz")) for video in (10, 13, 14)]
    annotations = [shared_data("dyads/annotations") / f"{video}_annot.txt" for video in (10, 13, 14)]
    encoder, model, predictions = (tmp_path / name for name in ("encoder", "model", "predictions"))
    scored = ("--channel", "S1", "--unscored", "base")
    run(
        "pretrain", "--recordings", *tracks, "--output", encoder, "--steps", 5, *TINY, "--preparation.frame_rate", 30,
    )  # fmt: skip
    output = run(
        "finetune", "--encoder", encoder, "--recordings", *tracks, "--annotations", *annotations[:2], *scored,
        "--output", model, *FEW,
    )  # fmt: skip
    assert "tracks without annotations, left out: 14" in output
    assert "labelled videos: 2; scored frames: 24,000" in output
    run("predict", "--model", model, "--recordings", tracks[2], "--output", predictions, "--device", "cpu")
    table = pd.read_csv(predictions / "14.csv")
    assert list(table.columns[:4]) == ["frame", "time_s", "label", "animals_tracked"]
    assert set(table.columns[4:]) == {"aggression", "nonsocial", "social"}
    assert len(table) == len(pd.read_csv(tracks[2], header=[0, 1, 2, 3], index_col=0))
    output = run("evaluate", "--predictions", predictions, "--annotations", annotations[2], *scored)
    assert "1 video, 12,000 scored frames at 30 Hz" in output


def test_overview() -> None:
    done = subprocess.run([sys.executable, "-m", "ssl_behavior"], capture_output=True, text=True, check=True)
    for name in ("simulate", "pretrain", "finetune", "predict", "evaluate"):
        assert name in done.stdout


def test_an_error_ends_with_code_2_and_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ssl_behavior.pretrain", "--recordings", "nowhere", "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert re.fullmatch("error: .*nowhere.*\n", done.stderr)
    assert not any(tmp_path.iterdir())
