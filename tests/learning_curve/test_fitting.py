from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.learning_curve.fitting import FitSettings, fit_and_predict
from ssl_behavior.learning_curve.variants import VARIANTS, Variant
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.frames import confusion
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.inputs import labelled_poses
from ssl_behavior.training.supervised import Supervision

FEW = Supervision(steps=2, trees=3)
FITTING = FitSettings(FEW, torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return [replace(recording, frame_rate=25.0) for recording in simulate_recordings(4, seed=2, frames=300)]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)).eval()


@pytest.fixture(scope="module")
def videos(recordings: list[Recording], encoder: Encoder) -> list[LabelledPoses]:
    return labelled_poses(recordings, CHANNEL, encoder, FEW.clip_seconds)


@pytest.fixture
def fit(encoder: Encoder) -> Callable[..., list[np.ndarray]]:
    def fit(variant: Variant, train: list[LabelledPoses], test: list[LabelledPoses]) -> list[np.ndarray]:
        return fit_and_predict(variant, train, test, BEHAVIOURS, encoder, FITTING, seed=3)

    return fit


@pytest.mark.parametrize("variant", ["pretrained", "from-scratch", "frozen-linear"])
def test_a_point_equals_the_result_of_the_commands(
    variant: Variant,
    recordings: list[Recording],
    videos: list[LabelledPoses],
    encoder: Encoder,
    fit: Callable[..., list[np.ndarray]],
    tmp_path: Path,
) -> None:
    """finetune, predict and evaluate, on the same videos, score the same frames the same way."""
    native.write(tmp_path / "tracks", recordings)
    save_encoder(tmp_path / "encoder", encoder)
    supervision = replace(FEW, tune="linear", trees=0) if variant == "frozen-linear" else FEW
    finetune(
        FinetuneConfig(
            encoder=tmp_path / "encoder",
            recordings=(tmp_path / "tracks",),
            output=tmp_path / "model",
            videos=("video000", "video001"),
            from_scratch=variant == "from-scratch",
            supervision=supervision,
            seed=3,
            device="cpu",
            precision="float32",
        )
    )
    tested = ("video002", "video003")
    predicted = predict(
        PredictConfig(
            tmp_path / "model",
            tmp_path / "predictions",
            recordings=(tmp_path / "tracks",),
            videos=tested,
            device="cpu",
            precision="float32",
        )
    )
    predictions = fit(variant, videos[:2], videos[2:])
    for ours, theirs in zip(predictions, predicted, strict=True):
        assert np.array_equal(ours, theirs.labels)
    calms21.write(tmp_path / "truth.npy", recordings)
    scores = evaluate(EvaluateConfig(tmp_path / "predictions", annotations=(tmp_path / "truth.npy",)))
    truth = [recording.labels[CHANNEL].values for recording in recordings[2:]]
    counts = [confusion(true, labels, len(BEHAVIOURS)) for true, labels in zip(truth, predictions, strict=True)]
    assert np.sum(counts, 0).tolist() == scores["confusion"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_test_videos_do_not_influence_the_model(
    variant: Variant, videos: list[LabelledPoses], encoder: Encoder, fit: Callable[..., list[np.ndarray]]
) -> None:
    """Neither their labels nor their tracks change the labels of another test video."""
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    usual = fit(variant, videos[:2], videos[2:])
    other = replace(videos[2], labels=np.roll(videos[2].labels, 100), poses=videos[0].poses)
    relabelled = replace(videos[3], labels=np.zeros_like(videos[3].labels))
    assert np.array_equal(fit(variant, videos[:2], [other, relabelled])[1], usual[1])
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())
    assert [len(labels) for labels in usual] == [300, 300]  # at 25 Hz, as filmed


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_labelled_video_is_enough(
    variant: Variant, videos: list[LabelledPoses], fit: Callable[..., list[np.ndarray]]
) -> None:
    telling = next(video for video in videos if len(np.unique(video.labels)) > 1)
    (labels,) = fit(variant, [telling], videos[:1])
    assert set(np.unique(labels)) <= set(range(len(BEHAVIOURS)))


def test_pretrained_weights_matter_for_the_variants_that_use_them(
    videos: list[LabelledPoses], encoder: Encoder
) -> None:
    torch.manual_seed(9)
    other = Encoder(encoder.landmarks, encoder.preparation, encoder.architecture).eval()
    for variant, same in (("from-scratch", True), ("pretrained", False), ("frozen-linear", False)):
        predictions = [
            fit_and_predict(variant, videos[:2], videos[2:], BEHAVIOURS, start, FITTING, 3)  # type: ignore[arg-type]
            for start in (encoder, other)
        ]
        assert all(np.array_equal(a, b) for a, b in zip(*predictions, strict=True)) == same
