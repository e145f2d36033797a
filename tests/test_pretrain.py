import csv
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ssl_behavior.cli.settings import load_settings
from ssl_behavior.compute import devices
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses import sampling
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.pretrain import PretrainConfig, _next_steps, pretrain
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.objectives.pretraining import Objective
from ssl_behavior.training.state import TrainingState

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate_recordings(3, seed=1, frames=200)


@pytest.fixture
def config(tmp_path: Path, recordings: list[Recording]) -> PretrainConfig:
    native.write(tmp_path / "tracks", recordings)
    return PretrainConfig(
        (tmp_path / "tracks",),
        tmp_path / "run",
        steps=4,
        batch=4,
        clip_seconds=1.0,
        architecture=Architecture(8, 2),
        probe_every=2,
        device="cpu",
        precision="float32",
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_encoder(folder).state_dict()


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_a_run_writes_the_encoder_its_settings_and_its_log(config: PretrainConfig) -> None:
    assert pretrain(config) == config.output
    names = {path.name for path in config.output.iterdir()}
    assert names == {"config.yaml", "weights.safetensors", "settings.yaml", "metrics.csv", "curves.png"}
    assert load_settings(PretrainConfig, config.output / "settings.yaml") == config
    log = rows(config.output)
    assert [row["step"] for row in log] == ["1", "2", "3", "4"]
    assert set(log[0]) == {"step", "loss", "masked", "summaries", "rank", "gradient", "probe F1"}
    assert [bool(row["probe F1"]) for row in log] == [False, True, False, True]
    assert 0 <= float(log[-1]["probe F1"]) <= 1


def test_the_input_and_the_meaning_of_the_scores_are_printed(config: PretrainConfig, capsys: Capture) -> None:
    pretrain(config)
    output = capsys.readouterr().out
    assert "3 recordings, 300 frames at 15 Hz, nose" in output
    assert "lower is better" in output
    assert "below 4 means collapse" in output
    last = [float(row["rank"]) for row in rows(config.output)][2:]
    assert f"rank of the embeddings: {sum(last) / 2:.1f} of" in output


def test_the_next_command_can_be_pasted_after_a_glob_of_many_files(config: PretrainConfig, capsys: Capture) -> None:
    _next_steps(replace(config, recordings=tuple(Path(f"{i}.csv") for i in range(4))), config.output)
    printed = capsys.readouterr().out
    assert "--recordings TRACKS" in printed
    assert "..." not in printed


@pytest.mark.parametrize("contrast", [{}, {"contrast_weight": 0.1}, {"contrast": "vicreg", "contrast_weight": 0.0}])
def test_nothing_to_learn_is_refused(contrast: dict[str, Any], config: PretrainConfig) -> None:
    nothing = Objective(masked_weight=0.0, summaries_weight=0.0, **contrast)
    with pytest.raises(InputError, match="found nothing to learn"):
        pretrain(replace(config, objective=nothing))
    assert not config.output.exists()


def test_same_settings_same_encoder_and_another_seed_another(config: PretrainConfig) -> None:
    runs = [
        weights(pretrain(replace(config, output=config.output / name, seed=seed)))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert not all(torch.equal(runs[0][name], runs[2][name]) for name in runs[0])


def test_tracks_on_the_device_give_the_same_encoder(config: PretrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    read = weights(pretrain(config))
    monkeypatch.setattr(devices, "has_room", lambda device, size: device == torch.device("cpu") and size > 0)
    monkeypatch.setattr(sampling, "clips_at", None)  # so an attempt to read clips from recordings fails
    resident = weights(pretrain(replace(config, output=config.output.with_name("kept"))))
    assert all(torch.equal(resident[name], tensor) for name, tensor in read.items())


@pytest.fixture
def interrupted(config: PretrainConfig, interrupt: Callable[[PretrainConfig], None]) -> PretrainConfig:
    """A run that was stopped in its sixth step; its state was saved after the fourth."""
    config = replace(config, steps=8)
    interrupt(config)
    assert (config.output / "unfinished.safetensors").exists()
    assert not (config.output / "config.yaml").exists()
    return config


def test_an_interrupted_run_goes_on_to_the_same_encoder(
    interrupted: PretrainConfig, capsys: Capture, tmp_path: Path
) -> None:
    resumed = weights(pretrain(interrupted))
    assert "going on from step 4" in capsys.readouterr().out
    whole = pretrain(replace(interrupted, output=tmp_path / "whole"))
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in weights(whole).items())
    assert rows(interrupted.output) == rows(whole)
    assert not (interrupted.output / "unfinished.safetensors").exists()


def test_another_number_of_threads_is_reported_and_recorded(
    interrupted: PretrainConfig, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    pretrain(interrupted)
    assert f"began with 1 thread and goes on with 5: {'its weights will differ'}" in capsys.readouterr().out
    config = yaml.safe_load((interrupted.output / "config.yaml").read_text())
    assert config["computed_with"] == {"threads": 5}


def test_a_damaged_state_is_refused_and_can_be_deleted_to_start_over(interrupted: PretrainConfig) -> None:
    state = interrupted.output / "unfinished.safetensors"
    content = bytearray(state.read_bytes())
    content[-9] ^= 1
    state.write_bytes(content)
    with pytest.raises(InputError, match=r"unfinished\.safetensors: .*found other values than were written: delete"):
        pretrain(interrupted)
    state.unlink()
    assert len(rows(pretrain(interrupted))) == 8


def test_an_interrupted_run_of_other_settings_is_not_written_over(interrupted: PretrainConfig) -> None:
    with pytest.raises(InputError, match=r"4 steps are saved.* --config \S+/settings.yaml .*--overwrite"):
        pretrain(replace(interrupted, seed=5))
    pretrain(replace(interrupted, seed=5, overwrite=True))
    assert len(rows(interrupted.output)) == 8


def test_the_settings_of_an_interrupted_run_go_on_with_it(interrupted: PretrainConfig, capsys: Capture) -> None:
    pretrain(load_settings(PretrainConfig, interrupted.output / "settings.yaml"))
    assert "going on from step 4" in capsys.readouterr().out


@pytest.mark.parametrize("overwrite", [False, True])
def test_settings_that_do_not_change_the_encoder_do_not_prevent_resuming(
    overwrite: bool, interrupted: PretrainConfig, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "tracks").rename(tmp_path / "moved")
    changed = replace(interrupted, recordings=(tmp_path / "moved",), probe_every=0, overwrite=overwrite)
    resumed = weights(pretrain(changed))
    assert "going on from step 4" in capsys.readouterr().out
    whole = weights(pretrain(replace(changed, output=tmp_path / "whole")))
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def stopped_at_once(config: PretrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails in its first step."""

    def fail(*_: object) -> dict[str, float]:
        raise InputError("no finite loss")

    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "advance", fail)
        with pytest.raises(InputError, match="no finite loss"):
            pretrain(config)


def test_a_run_that_failed_at_once_does_not_block_the_output(
    config: PretrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at_once(config, monkeypatch)
    pretrain(replace(config, learning_rate=1e-4))
    assert load_settings(PretrainConfig, config.output / "settings.yaml").learning_rate == 1e-4


def test_an_encoder_that_a_failed_run_was_to_replace_is_kept(
    config: PretrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = weights(pretrain(config))
    stopped_at_once(replace(config, seed=1, overwrite=True), monkeypatch)
    with pytest.raises(InputError, match="--overwrite"):
        pretrain(replace(config, seed=2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(config.output).items())


def test_recordings_of_several_skeletons_share_an_encoder(
    config: PretrainConfig, recordings: list[Recording], tmp_path: Path
) -> None:
    first = recordings[0]
    keypoints = first.skeleton.keypoints[3:]
    fewer = replace(
        first,
        id="fewer",
        positions=first.positions[:, :, 3:],
        confidence=None,
        skeleton=replace(first.skeleton, keypoints=keypoints, edges=()),
    )
    native.write(tmp_path / "tracks", [fewer])
    with pytest.raises(InputError, match="keypoints"):
        pretrain(config)
    assert load_encoder(pretrain(replace(config, mixed_skeletons=True))).landmarks == shared_landmarks([first.skeleton])


def test_a_lone_animal_is_enough(config: PretrainConfig, recordings: list[Recording], tmp_path: Path) -> None:
    alone = [
        replace(recording, positions=recording.positions[:, :1], confidence=None, individuals=("mouse",), labels={})
        for recording in recordings
    ]
    native.write(tmp_path / "alone", alone)
    assert load_encoder(pretrain(replace(config, recordings=(tmp_path / "alone",)))).mean.isfinite().all()


def test_without_recordings_it_simulates(
    config: PretrainConfig,
    recordings: list[Recording],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.setattr(import_module("ssl_behavior.pretrain"), "simulate_recordings", lambda *_: recordings)
    pretrain(replace(config, recordings=()))
    assert "simulated recordings" in capsys.readouterr().out
