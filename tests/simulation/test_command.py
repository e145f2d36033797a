"""The command ``simulate``: the readers of real data read its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.formats.tracks.calms21.submissions import read_submission
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.simulate import SimulateConfig, simulate
from ssl_behavior.simulation.simulator import simulate_recordings

SMALL = ("--train-videos", "2", "--test-videos", "1", "--unlabelled-videos", "1")
SHORT = ("--min-frames", "100", "--max-frames", "200", "--seed", "3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("simulated") / "data"
    command = [sys.executable, "-m", "ssl_behavior.simulate", "--output", str(output), *SMALL, *SHORT, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"ssl-behavior pretrain --recordings {output / 'test.npy'}" in done.stdout
    return output


def test_the_files_hold_the_simulated_recordings(folder: Path) -> None:
    simulated = simulate_recordings(4, seed=3, frames=(100, 200))
    files = {
        "train.npy": (simulated[:2], True),
        "test.npy": (simulated[2:], False),
        "truth.npy": (simulated[2:3], True),
    }
    files["calms21_task1_train.json"], files["calms21_task1_test.json"] = files["train.npy"], files["truth.npy"]
    for name, (expected, has_labels) in files.items():
        read = read_recordings([folder / name], notify=lambda _: None)
        assert [recording.id for recording in read] == [recording.id for recording in expected], name
        for a, b in zip(read, expected, strict=True):
            np.testing.assert_allclose(a.positions, b.positions, rtol=1e-6)
            assert bool(a.labels) == has_labels
            if has_labels:
                assert a.labels[CHANNEL].bouts() == b.labels[CHANNEL].bouts()
                assert a.labels[CHANNEL].pair == ("resident", "intruder")


def test_the_sample_submission_has_the_test_videos_and_their_lengths(folder: Path) -> None:
    tests = read_recordings([folder / "test.npy"], notify=lambda _: None)
    sample = read_submission(folder / "sample_submission.npy")
    assert {name: len(labels) for name, labels in sample.items()} == {video.id: video.frames for video in tests}


def test_the_picture_is_a_png(folder: Path) -> None:
    assert (folder / "simulated.png").read_bytes().startswith(b"\x89PNG")


def test_files_are_not_overwritten_unless_asked(folder: Path) -> None:
    before = (folder / "train.npy").read_bytes()
    command = [sys.executable, "-m", "ssl_behavior.simulate", "--output", str(folder), *SMALL, "--seed", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert (folder / "train.npy").read_bytes() == before
    simulate(SimulateConfig(folder, 2, 1, 0, min_frames=100, max_frames=200, seed=4, overwrite=True))
    assert (folder / "train.npy").read_bytes() != before


def test_an_impossible_setting_is_an_error_that_names_its_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--train-videos"):
        simulate(SimulateConfig(tmp_path / "a", train_videos=0))
    with pytest.raises(InputError, match="--min-frames"):
        simulate(SimulateConfig(tmp_path / "a", min_frames=300, max_frames=200))
    assert not (tmp_path / "a").exists()


@pytest.fixture(scope="module")
def competition(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    output = tmp_path_factory.mktemp("simulated") / "competition"
    words = ["--layout", "mabe25", "--output", str(output), *SMALL, "--min-frames", "300", "--max-frames", "400"]
    done = subprocess.run(
        [sys.executable, "-m", "ssl_behavior.simulate", *words], capture_output=True, text=True, check=True
    )
    return output, done.stdout


def test_the_layout_mabe25_has_its_files_and_names_the_next_commands(competition: tuple[Path, str]) -> None:
    output, printed = competition
    folders = [f"{part}_{kind}" for part in ("train", "test") for kind in ("annotation", "tracking")]
    files = ["oracle.csv", "simulated.png", "test.csv", "train.csv"]
    assert {path.name for path in output.iterdir()} >= {*folders, *files}
    assert (output / "simulated.png").read_bytes().startswith(b"\x89PNG")
    following = [line for line in printed.splitlines() if line.startswith("next: ")]
    assert [line.split()[2] for line in following] == ["pretrain", "finetune", "predict", "evaluate"]
    assert f"--recordings {output / 'test'} " in following[2]
    assert "BoldGerbil" in printed


def test_json_belongs_to_calms21(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--json.*mabe25"):
        simulate(SimulateConfig(tmp_path / "a", layout="mabe25", json=True))
    assert not (tmp_path / "a").exists()
