import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.finetune import FinetuneConfig, finetune, main
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.checkpoints import load_encoder, load_model, save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predictions.held_out_errors import read_budget_errors
from ssl_behavior.predictions.labelling import predict_recording
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.finetuning import FinetuneResult, finetune_encoder
from ssl_behavior.training.supervised import Supervision


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finetune")
    native.write(folder / "tracks", simulate_recordings(4, seed=2, frames=400))
    torch.manual_seed(0)
    save_encoder(folder / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(30.0), Architecture(8, 2)))
    return folder


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> FinetuneConfig:
    supervision = Supervision(steps=4, batch=4, clip_seconds=2.0, trees=3)
    return FinetuneConfig(
        encoder=folder / "encoder",
        recordings=(folder / "tracks",),
        output=tmp_path / "model",
        supervision=supervision,
        device="cpu",
        precision="float32",
    )


@pytest.mark.parametrize("tune", ["linear", "temporal", "full"])
def test_what_is_tuned(tune: str, config: FinetuneConfig) -> None:
    report = finetune(replace(config, supervision=replace(config.supervision, tune=tune)))  # type: ignore[arg-type]
    model, scheme = load_model(config.output)
    before, after = load_encoder(config.encoder).state_dict(), model.encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before) == (tune != "full")
    assert model.classifiers[0].kind == ("temporal" if tune == "temporal" else "linear")
    assert scheme.behaviours == BEHAVIOURS
    assert scheme.pair == ("resident", "intruder")
    assert scheme.calibrated_decoder.temperature == report["temperature"]
    assert scheme.calibrated_decoder.decoder.to_dict() == report["decoder"]
    written = json.loads((config.output / "cross_validation.json").read_text())
    assert written["macro_f1"] == report["macro_f1"]
    errors = read_budget_errors(config.output, len(BEHAVIOURS))
    assert errors is not None
    assert errors.shape == (4, len(BEHAVIOURS))
    np.testing.assert_allclose(errors.sum(1), 0, atol=1e-6)
    assert sum(scheme.calibrated_decoder.frequencies) == pytest.approx(1)


@pytest.mark.parametrize("trees", [0, 3])
def test_the_model_has_trees_if_they_are_asked_for(trees: int, config: FinetuneConfig) -> None:
    finetune(replace(config, supervision=replace(config.supervision, trees=trees)))
    assert bool(load_model(config.output)[0].trees) == (config.output / "trees.json").exists() == bool(trees)


def test_the_written_model_predicts_as_the_fitted_one(
    config: FinetuneConfig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A saved and loaded model, trees and all, gives the same probabilities to the bit."""
    learned: list[FinetuneResult] = []

    def remember(*args: Any, **named: Any) -> FinetuneResult:
        learned.append(finetune_encoder(*args, **named))
        return learned[0]

    monkeypatch.setattr(import_module("ssl_behavior.finetune"), "finetune_encoder", remember)
    finetune(config)
    model, scheme = load_model(config.output)
    recording = simulate_recordings(1, seed=8, frames=400)[0]
    encoder = model.encoder
    encoder.precision = config.precision
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    unlabelled = LabelledPoses(poses, np.zeros(poses.frames, np.int16), labelled_pairs(poses, scheme.pair))
    prediction = predict_recording(model, scheme, recording)
    probabilities = learned[0].calibrated_decoder.probabilities(learned[0].model.logits(unlabelled))
    assert np.array_equal(prediction.probabilities, poses.to_native(probabilities))
    assert np.array_equal(prediction.labels, learned[0].label(unlabelled))


def test_same_seed_same_model(config: FinetuneConfig, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        finetune(replace(config, output=tmp_path / name, seed=seed))
    for file in ("weights.safetensors", "trees.json"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b != c


def test_from_scratch_does_not_use_the_pretrained_weights(config: FinetuneConfig, folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(9)
    save_encoder(tmp_path / "other", Encoder(shared_landmarks([SKELETON]), Preparation(30.0), Architecture(8, 2)))
    written = []
    for name, encoder in (("a", folder / "encoder"), ("b", tmp_path / "other")):
        for scratch in (True, False):
            output = tmp_path / f"{name}{scratch}"
            finetune(replace(config, encoder=encoder, from_scratch=scratch, output=output))
            written.append((output / "weights.safetensors").read_bytes())
    assert written[0] == written[2]
    assert written[1] != written[3]


def test_chosen_videos(config: FinetuneConfig, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    finetune(replace(config, videos=("video001", "video003")))
    assert "labelled videos: 2; scored frames: 800 at 30 Hz" in capsys.readouterr().out
    chosen = []
    for seed in range(6):
        finetune(replace(config, train_videos=1, seed=seed, output=tmp_path / f"one{seed}"))
        output = capsys.readouterr().out
        assert "labelled videos: 1; scored frames: 400" in output
        assert "cannot be cross-validated" in output
        chosen.append(output.split("using 1 video: ")[1].split("\n")[0])
    assert len(set(chosen)) > 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"videos": ("video001", "video9")}, "video9.*expected ids"),
        ({"train_videos": 5}, "--train-videos 5: expected 1 to 4"),
        ({"train_videos": 0}, "--train-videos 0: expected 1 to 4"),
        ({"channel": "S7"}, "no channel 'S7'"),
        ({"unscored": ("attack", "investigation", "mount")}, "at least two behaviours"),
        ({"supervision": Supervision(clip_seconds=20.0)}, "a clip takes 600.*--supervision.clip-seconds"),
        ({"agent": "resident"}, "expected --agent and --target together; found --agent resident alone"),
        ({"target": "resident"}, "expected --agent and --target together; found --target resident alone"),
        ({"agent": "resident", "target": "cat"}, "of resident, intruder; found --agent resident and --target cat"),
        ({"agent": "resident", "target": "resident"}, "two individuals of resident, intruder"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(
    changed: dict[str, object], message: str, config: FinetuneConfig
) -> None:
    with pytest.raises(InputError, match=message):
        finetune(replace(config, **changed))  # type: ignore[arg-type]
    assert not config.output.exists() or not any(config.output.iterdir())


def test_a_lone_animal_may_be_both(config: FinetuneConfig, tmp_path: Path) -> None:
    two = simulate_recordings(2, seed=2, frames=400)
    alone = [
        replace(recording, positions=recording.positions[:, :1], confidence=None, individuals=("mouse",))
        for recording in two
    ]
    labels = [Labels(BEHAVIOURS, recording.labels[CHANNEL].values) for recording in two]
    native.write(
        tmp_path / "alone",
        [
            recording.with_labels({CHANNEL: animal_labels})
            for recording, animal_labels in zip(alone, labels, strict=True)
        ],
    )
    finetune(replace(config, recordings=(tmp_path / "alone",), agent="mouse", target="mouse"))
    assert load_model(config.output)[1].pair == ("mouse", "mouse")


@pytest.mark.parametrize(
    ("number", "message"), [(0, "Inductive"), (1, "of 1 of the 4 labelled videos"), (4, "of all labelled videos")]
)
def test_it_says_whether_the_encoder_has_seen_the_labelled_videos(
    number: int, message: str, config: FinetuneConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = load_encoder(config.encoder)
    recordings = simulate_recordings(4, seed=2, frames=400)[:number]
    seen = [prepare(recording, encoder.landmarks, encoder.preparation) for recording in recordings]
    save_encoder(tmp_path / "encoder", encoder, seen)
    finetune(replace(config, encoder=tmp_path / "encoder"))
    assert message in capsys.readouterr().out


def test_a_single_video_has_no_scores(
    config: FinetuneConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finetune(config)
    output = capsys.readouterr().out
    assert "fitted to others, at 30 Hz" in output
    assert "saw 2 or more of the 4 videos" in output
    words = f"finetune --encoder {config.encoder} --recordings {config.recordings[0]} --output {config.output}"
    quick = "--supervision.steps 2 --supervision.clip-seconds 2 --supervision.trees 0 --videos video001 --overwrite"
    monkeypatch.setattr("sys.argv", [*words.split(), *quick.split()])
    main()
    assert "(no scores: one video cannot be cross-validated)" in capsys.readouterr().out
    assert not (config.output / "cross_validation.json").exists()


def test_unscored_behaviours_leave_the_vocabulary(config: FinetuneConfig) -> None:
    finetune(replace(config, unscored=("attack",)))
    assert load_model(config.output)[1].behaviours == tuple(name for name in BEHAVIOURS if name != "attack")


def test_other_frame_rates_and_unscored_frames(config: FinetuneConfig, tmp_path: Path) -> None:
    recordings = [replace(recording, frame_rate=25.0) for recording in simulate_recordings(3, seed=2, frames=400)]
    half = [
        recording.with_labels(
            {CHANNEL: Labels(BEHAVIOURS, np.where(np.arange(400) < 200, -1, recording.labels[CHANNEL].values))}
        )
        for recording in recordings
    ]
    native.write(tmp_path / "tracks", half)
    report = finetune(replace(config, recordings=(tmp_path / "tracks",)))
    assert sum(map(sum, report["confusion"])) == pytest.approx(3 * 200 * 30 / 25, abs=6)
    assert load_model(config.output)[1].pair is None
