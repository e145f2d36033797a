import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_behavior.cli.settings import load_settings
from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.models.checkpoints import load_model, save_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.predictions import table_reading, tables
from ssl_behavior.predictions.held_out_errors import read_budget_errors
from ssl_behavior.predictions.labelling import predict_recording, summarize_predictions
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.calibration import calibrate

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
PLAIN = LabelScheme(
    ("attack", "mount", "other"), "S1", ("mouse0", "mouse1"), (), CalibratedDecoder((1 / 3,) * 3, 1.0, Decoder())
)


def model_at(rate: float) -> Model:
    torch.manual_seed(0)
    encoder = Encoder(MICE, Preparation(rate), Architecture(16, 3, 0.0))
    features = len(expert_feature_names(MICE))
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 1, (60, features)).astype(np.float32)
    trees = fit_trees([values], [rng.integers(0, 3, 60)], 3, Boosting(trees=3))
    return Model((Classifier(encoder, "linear", 3).eval(),), (trees,))


@pytest.fixture(scope="module")
def model() -> Model:
    return model_at(30.0)


def test_the_temperature_of_the_checkpoint_softens_probabilities(
    model: Model, tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    plain = predict_recording(model, PLAIN, wander())
    save_model(tmp_path, model, replace(PLAIN, calibrated_decoder=replace(PLAIN.calibrated_decoder, temperature=3.0)))
    cooled = predict_recording(*load_model(tmp_path), wander())
    assert np.array_equal(cooled.labels, plain.labels)
    np.testing.assert_allclose(cooled.probabilities, calibrate(np.log(plain.probabilities), 3.0), atol=1e-5)
    assert cooled.probabilities.max() < plain.probabilities.max()


def test_the_frequencies_of_the_checkpoint_weigh_probabilities(
    model: Model, tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    """A behaviour that is twice as frequent among the labels is twice as likely, before normalization."""
    plain = predict_recording(model, PLAIN, wander())
    often_b = replace(PLAIN.calibrated_decoder, frequencies=(0.25, 0.5, 0.25))
    save_model(tmp_path, model, replace(PLAIN, calibrated_decoder=often_b))
    shifted = predict_recording(*load_model(tmp_path), wander()).probabilities
    expected = plain.probabilities * [1, 2, 1]
    np.testing.assert_allclose(shifted, expected / expected.sum(1, keepdims=True), atol=1e-5)


def test_the_decoder_of_the_checkpoint_chooses_the_labels(
    model: Model, tmp_path: Path, wander: Callable[..., Recording]
) -> None:
    plain = predict_recording(model, PLAIN, wander())
    assert np.array_equal(plain.labels, plain.probabilities.argmax(1))
    weighted = replace(PLAIN.calibrated_decoder, decoder=Decoder(behaviour_weights=(1.0, 1e9, 1.0)))
    save_model(tmp_path, model, replace(PLAIN, calibrated_decoder=weighted))
    decoded = predict_recording(*load_model(tmp_path), wander())
    assert (decoded.labels == 1).all()
    assert np.array_equal(decoded.probabilities, plain.probabilities)


@pytest.mark.parametrize("model_rate", [15.0, 30.0])
@pytest.mark.parametrize(("rate", "frames"), [(25.0, 100), (60.0, 201), (29.97, 150), (30.0, 120), (10.0, 1)])
def test_every_frame_of_the_recording_gets_a_row(
    rate: float, frames: int, model_rate: float, wander: Callable[..., Recording], tmp_path: Path
) -> None:
    recording = replace(wander(frames=max(frames, 2)), frame_rate=rate)
    recording = replace(recording, positions=recording.positions[:frames])
    prediction = predict_recording(model_at(model_rate), PLAIN, recording)
    assert prediction.probabilities.shape == (frames, 3)
    assert prediction.frame_rate == rate
    np.testing.assert_allclose(prediction.probabilities.sum(1), 1, atol=1e-5)
    path, _ = tables.write(tmp_path, prediction)
    rows = path.read_text().splitlines()
    assert len(rows) == frames + 1
    assert float(rows[-1].split(",")[1]) == pytest.approx((frames - 1) / rate, abs=1e-5)


def test_probabilities_do_not_depend_on_the_frame_rate(model: Model, walk: Callable[..., Recording]) -> None:
    """The same mice, filmed at 25 and at 50 Hz, get the same probabilities."""

    def film(rate: float) -> np.ndarray:
        time = np.arange(round(8 * rate)) / rate
        centres = np.stack([np.stack([np.sin(time), np.cos(time)], 1), np.stack([time, -time], 1)], 1)
        return predict_recording(model, PLAIN, walk(centres, time[:, None], frame_rate=rate)).probabilities

    np.testing.assert_allclose(film(25.0)[10:-10], film(50.0)[20:-20:2], atol=0.02)


def test_agent_and_target_are_those_of_the_labels(model: Model, wander: Callable[..., Recording]) -> None:
    recording = wander()
    forward, backward, group = (
        predict_recording(model, replace(PLAIN, pair=pair), recording).probabilities
        for pair in (("mouse0", "mouse1"), ("mouse1", "mouse0"), None)
    )
    assert not np.allclose(forward, backward, atol=1e-4)
    assert not np.allclose(forward, group, atol=1e-4)
    # Names that the tracks do not have stand for the first and the second animal.
    other_names = replace(PLAIN, pair=("resident", "intruder"))
    assert np.array_equal(predict_recording(model, other_names, recording).probabilities, forward)


@pytest.fixture
def files(tmp_path: Path, model: Model, wander: Callable[..., Recording]) -> Path:
    save_model(tmp_path / "model", model, PLAIN)
    native.write(tmp_path / "tracks", [wander(seed, id=f"day 1/video{seed}") for seed in range(3)])
    return tmp_path


def test_tables_review_files_and_pictures_are_written(files: Path) -> None:
    predicted = predict(PredictConfig(files / "model", recordings=(files / "tracks",), output=files / "out"))
    assert [prediction.id for prediction in predicted] == [f"day 1/video{seed}" for seed in range(3)]
    for stem in (f"day 1_video{seed}" for seed in range(3)):
        for name in (f"{stem}.csv", f"{stem}.bouts.csv", f"review/{stem}_annot.txt", f"review/{stem}.boris"):
            assert (files / "out" / name).stat().st_size > 0
        assert (files / "out" / "pictures" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
    again = table_reading.read_folder(files / "out")
    np.testing.assert_allclose(again[1].probabilities, predicted[1].probabilities, atol=1e-6)
    assert np.array_equal(again[1].labels, predicted[1].labels)


def test_only_chosen_videos_are_predicted(files: Path) -> None:
    predicted = predict(
        PredictConfig(
            files / "model", recordings=(files / "tracks",), output=files / "out.npy", videos=("day 1/video2",)
        )
    )
    assert [prediction.id for prediction in predicted] == ["day 1/video2"]
    assert (files / "out.npy").exists()


def test_a_prediction_does_not_depend_on_the_other_videos(files: Path) -> None:
    config = PredictConfig(files / "model", recordings=(files / "tracks",), output=files / "all.npy")
    among = predict(config)[1]
    alone = predict(replace(config, output=files / "one.npy", videos=("day 1/video1",)))[0]
    assert np.array_equal(among.probabilities, alone.probabilities)


def test_overwriting_replaces_only_the_videos_predicted_now(files: Path) -> None:
    config = PredictConfig(files / "model", recordings=(files / "tracks",), output=files / "out")
    predict(replace(config, videos=("day 1/video1",)))
    with pytest.raises(InputError, match="--overwrite"):
        predict(replace(config, videos=("day 1/video2",)))
    before = (files / "out" / "day 1_video1.csv").read_bytes()
    predict(replace(config, videos=("day 1/video2",), overwrite=True))
    assert (files / "out" / "day 1_video1.csv").read_bytes() == before
    assert len(table_reading.read_folder(files / "out")) == 2
    corrected = files / "out" / "review" / "day 1_video1_annot.txt"
    corrected.write_text("corrected")
    with pytest.raises(InputError, match=r"day 1_video1_annot\.txt in .* edited since"):
        predict(replace(config, overwrite=True))
    assert corrected.read_text() == "corrected"
    # A copy of the model in another folder counts as the same model.
    shutil.copytree(files / "model", files / "copy")
    predict(replace(config, model=files / "copy", videos=("day 1/video2",), overwrite=True))
    save_model(files / "other", model_at(15.0), PLAIN)
    with pytest.raises(InputError, match="another one, of videos day 1_video1;"):
        predict(replace(config, model=files / "other", videos=("day 1/video2",), overwrite=True))


def test_the_settings_that_are_written_give_the_same_again(files: Path) -> None:
    config = PredictConfig(files / "model", recordings=(files / "tracks",), output=files / "out", overwrite=True)
    predict(config)
    before = (files / "out" / "day 1_video1.csv").read_bytes()
    again = load_settings(PredictConfig, files / "out" / "settings.yaml")
    assert again == config
    predict(again)
    assert (files / "out" / "day 1_video1.csv").read_bytes() == before


def test_tracked_animals_are_counted_in_every_frame(model: Model, wander: Callable[..., Recording]) -> None:
    recording = wander(gaps=0.0)
    positions, confidence = recording.positions.copy(), np.ones(recording.positions.shape[:3], np.float32)
    positions[10:20, 0], positions[15:40, 1] = np.nan, np.nan
    positions[30:33, 1, 2] = recording.positions[30:33, 1, 2]
    confidence[50:55] = 0.05  # the tracker was not sure of anything
    prediction = predict_recording(model, PLAIN, replace(recording, positions=positions, confidence=confidence))
    expected = np.full(120, 2)
    expected[10:15], expected[15:20], expected[20:30], expected[33:40], expected[50:55] = 1, 0, 1, 1, 0
    assert prediction.animals_tracked.tolist() == expected.tolist()


def test_the_summary_names_what_a_reader_of_the_labels_must_know() -> None:
    probabilities = np.array([[0.6, 0.4]] * 3 + [[0.2, 0.8]])
    prediction = Prediction("1", ("a", "b"), probabilities, np.array([1, 0, 0, 1]), 30.0, np.array([2, 0, 1, 2]))
    shares, budgets, estimate, reweighted, missing, untracked = summarize_predictions([prediction])
    assert shares == "1 video, 4 filmed frames, labelled a 50.0%, b 50.0%"
    assert "no time budgets" in budgets
    assert estimate.startswith("time budget estimated from the probabilities: a 50.0%, b 50.0%; no intervals")
    assert missing.startswith("fewer than two animals are tracked in 50.0% of the frames")
    assert reweighted.startswith("25.0% of the labels are not the most probable behaviour")
    assert untracked.startswith("no animal is tracked in 1 frame of 1 (25%)")
    plain = replace(prediction, labels=np.array([0, 0, 0, 1]), animals_tracked=np.ones(4))
    assert [line.split(":")[0] for line in summarize_predictions([plain])] == [
        "1 video, 4 filmed frames, labelled a 75.0%, b 25.0%",
        "these shares are no time budgets",
        "time budget estimated from the probabilities",
    ]


def test_the_time_budget_has_the_interval_that_the_cross_validation_of_the_model_gives(tmp_path: Path) -> None:
    probabilities = np.array([[0.6, 0.4]] * 3 + [[0.2, 0.8]])
    prediction = Prediction("1", ("a", "b"), probabilities, np.array([1, 0, 0, 1]), 30.0, np.full(4, 2))
    assert read_budget_errors(tmp_path, 2) is None
    shares = {f"v{i}": {"true": [0.5, 0.5], "estimated": [0.5 + e, 0.5 - e]} for i, e in enumerate((0.1, -0.1, 0.0))}
    scores = tmp_path / "cross_validation.json"
    scores.write_text(json.dumps({"time_budgets": shares}))
    errors = read_budget_errors(tmp_path, 2)
    assert errors is not None
    _, _, estimate, *_ = summarize_predictions([prediction], errors)
    # Three videos with a standard deviation of 0.1 and one new video: 4.303 times 0.1 times the root of 4/3.
    assert "a 50.0% (0.3% to 99.7%), b 50.0% (0.3% to 99.7%); 95 % intervals" in estimate
    assert read_budget_errors(tmp_path, 3) is None
    for damaged in ("{", "[]", "{}", '{"time_budgets": {"v": 1}}', '{"time_budgets": {"v": {"true": [1, "x"]}}}'):
        scores.write_text(damaged)
        assert read_budget_errors(tmp_path, 2) is None
