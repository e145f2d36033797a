"""The four commands on annotations of who does what to whom: a table of bouts with an agent and a target."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from ssl_behavior.check import CheckConfig, check
from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.supervised import Supervision

HEADER = ("video", "agent", "target", "behaviour", "start_frame", "stop_frame")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tracks, annotations.csv, an encoder, and a model of pairs."""
    folder = tmp_path_factory.mktemp("who")
    recordings = simulate_recordings(4, seed=3, frames=900)
    native.write(folder / "tracks", [replace(recording, labels={}) for recording in recordings])
    with (folder / "annotations.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for recording in recordings:
            for bout in recording.labels[CHANNEL].bouts():
                if bout.behaviour != "other":
                    table.writerow([recording.id, "resident", "intruder", bout.behaviour, bout.start, bout.stop])
            table.writerow([recording.id, "intruder", "", "rear", 30, 90])
    torch.manual_seed(0)
    save_encoder(folder / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)), [])
    finetune(config(folder))
    return folder


def config(folder: Path, **changes: object) -> FinetuneConfig:
    few = Supervision(steps=10, batch=4, clip_seconds=2.0, trees=5)
    usual = FinetuneConfig(
        encoder=folder / "encoder",
        recordings=(folder / "tracks",),
        annotations=(folder / "annotations.csv",),
        output=folder / "model",
        supervision=few,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_finetune_scores_each_behaviour_of_all_pairs(folder: Path) -> None:
    report = json.loads((folder / "model" / "cross_validation.json").read_text())
    behaviours = report["labs"][""]["behaviours"]
    assert {"investigation", "rear"} <= set(behaviours)
    assert behaviours["rear"]["bouts"] == 4
    assert 0 < report["f1"] <= 1


def test_predictions_say_who_does_what_to_whom(folder: Path) -> None:
    predict(PredictConfig(model=folder / "model", recordings=(folder / "tracks",), output=folder / "predictions"))
    bouts = pd.read_csv(folder / "predictions" / "video000.bouts.csv")
    frames = pd.read_csv(folder / "predictions" / "video000.csv")
    assert list(bouts.columns[:3]) == ["agent", "target", "behaviour"]
    pairs = {("resident", "intruder"), ("intruder", "intruder")}
    assert set(zip(frames["agent"], frames["target"], strict=True)) == pairs
    assert (bouts[bouts["behaviour"] == "rear"]["target"] == "intruder").all()
    assert (bouts[bouts["behaviour"] == "investigation"]["agent"] == "resident").all()
    assert len(frames) == 2 * 900
    assert (folder / "predictions" / "pictures" / "video000.png").stat().st_size > 0


def test_review_files_hold_a_channel_for_each_pair_and_are_read_again(folder: Path) -> None:
    predict(PredictConfig(model=folder / "model", recordings=(folder / "tracks",), output=folder / "reviewed"))
    (annotations,) = read_annotations(folder / "reviewed" / "review" / "video000_annot.txt", notify=lambda _: None)
    assert set(annotations.channels) == {"resident-intruder", "intruder"}


def test_evaluate_scores_pairs_against_the_same_pairs(folder: Path) -> None:
    output = folder / "scored"
    predict(PredictConfig(model=folder / "model", recordings=(folder / "tracks",), output=output))
    report = evaluate(EvaluateConfig(output, annotations=(folder / "annotations.csv",), bootstrap=0))
    assert report["behaviours"] == ["attack", "investigation", "mount", "rear", "other"]
    assert len(report["videos"]) == 4
    # The unscored frame between two pairs counts nowhere.
    assert report["frames"] == 4 * 2 * 900


def test_several_networks_are_one_model(folder: Path) -> None:
    finetune(config(folder, output=folder / "ensemble", members=4))
    text = (folder / "ensemble" / "config.yaml").read_text()
    assert "networks: 4" in text
    assert len(predict(PredictConfig(folder / "ensemble", recordings=(folder / "tracks",), output=folder / "of4"))) == 8


def test_a_channel_and_a_pair_that_are_named_are_one_channel_as_before(folder: Path) -> None:
    named = {"channel": "resident-intruder", "agent": "resident", "target": "intruder"}
    report = finetune(config(folder, output=folder / "one", **named))
    assert "macro_f1" in report


def test_animals_that_the_tracks_do_not_have_are_named(folder: Path) -> None:
    table = pd.read_csv(folder / "annotations.csv").replace("resident", "black mouse")
    table.to_csv(folder / "renamed.csv", index=False)
    with pytest.raises(InputError, match="black mouse"):
        finetune(config(folder, output=folder / "no", annotations=(folder / "renamed.csv",)))
    assert not (folder / "no").exists()


def test_a_single_labelled_video_makes_a_model_that_predicts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Supervision(steps=60, batch=4, clip_seconds=2.0, trees=10)
    finetune(config(folder, output=folder / "single", videos=("video000",), supervision=settings))
    assert "a single labelled video" in capsys.readouterr().out
    predictions = predict(
        PredictConfig(folder / "single", recordings=(folder / "tracks",), output=folder / "of1", videos=("video000",))
    )
    assert any((each.labels != len(each.behaviours) - 1).any() for each in predictions)


def test_check_passes_over_labels_of_pairs(folder: Path) -> None:
    recordings = read_labelled_pairs(folder)
    native.write(folder / "labelled", recordings)
    assert check(CheckConfig(recordings=(folder / "labelled",), output=folder / "checked")) is not None


def read_labelled_pairs(folder: Path) -> list[Recording]:
    return config(folder).read_labelled(every_pair=True)
