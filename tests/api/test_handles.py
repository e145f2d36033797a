"""Encoders and models that are loaded give what the commands write."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ssl_behavior as sb
from ssl_behavior.formats.tracks import native


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory, recordings: list[sb.Recording]) -> Path:
    folder = tmp_path_factory.mktemp("tracks")
    native.write(folder, recordings)
    return folder


def test_embeddings_are_those_of_the_command(
    encoder_folder: Path, tracks: Path, tmp_path: Path, recordings: list[sb.Recording]
) -> None:
    atlas = sb.embed(
        sb.EmbedConfig(encoder=encoder_folder, recordings=(tracks,), output=tmp_path / "atlas", device="cpu")
    )
    embeddings = sb.load_encoder(encoder_folder, device="cpu").embed(recordings)
    assert embeddings.values.dtype == np.float32
    table = embeddings.to_frame()
    assert table.index.names == ["video", "frame", "agent", "target"]
    for video in atlas.videos():
        for (agent, target), values in video.embeddings.items():
            names = video.poses.individuals[agent], video.poses.individuals[target]
            own = table.xs((video.id, *names), level=("video", "agent", "target"))
            np.testing.assert_array_equal(own.to_numpy(), values)
            np.testing.assert_array_equal(own.index, video.poses.native_frames)


def test_labels_can_be_looked_up_by_the_index(encoder_folder: Path, recordings: list[sb.Recording]) -> None:
    embeddings = sb.load_encoder(encoder_folder, device="cpu").embed(recordings[0])
    frames = embeddings.index.get_level_values("frame")
    assert len(recordings[0].labels["behaviour"].values[frames]) == len(embeddings)
    assert frames.max() < recordings[0].frames


def test_a_recording_and_a_list_of_one_are_the_same(encoder_folder: Path, recordings: list[sb.Recording]) -> None:
    encoder = sb.load_encoder(encoder_folder, device="cpu")
    pd.testing.assert_frame_equal(encoder.embed(recordings[0]).to_frame(), encoder.embed(recordings[:1]).to_frame())


def test_predictions_are_those_of_the_command(
    model_folder: Path, tracks: Path, tmp_path: Path, recordings: list[sb.Recording]
) -> None:
    config = sb.PredictConfig(model=model_folder, recordings=(tracks,), output=tmp_path / "out", device="cpu")
    sb.predict(config)
    model = sb.load_model(model_folder, device="cpu")
    labels, probabilities = model.predict(recordings), model.probabilities(recordings)
    assert list(labels.columns) == ["video", "frame", "time_s", "label", "probability", "animals_tracked"]
    assert list(probabilities.columns) == list(model.behaviours)
    for recording in recordings:
        written = pd.read_csv(tmp_path / "out" / f"{recording.id}.csv")
        own = labels[labels["video"] == recording.id].reset_index()
        for column in ("frame", "animals_tracked"):
            assert own[column].tolist() == written[column].tolist()
        assert own["label"].astype(str).tolist() == written["label"].tolist()
        np.testing.assert_allclose(own["time_s"], written["time_s"], atol=1e-6)
        np.testing.assert_allclose(probabilities.loc[recording.id], written[list(model.behaviours)], atol=1e-6)
        of_label = [written[name][frame] for frame, name in enumerate(written["label"])]
        np.testing.assert_allclose(own["probability"], of_label, atol=1e-6)


def test_handles_are_described_in_two_lines(encoder_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    encoder = sb.load_encoder(encoder_folder, device="cpu")
    model = sb.load_model(model_folder, device="cpu")
    embeddings = encoder.embed(sb.simulate_recordings(1, frames=60))
    for handle, words in ((encoder, ["15 Hz", "8 channels"]), (model, ["attack", "resident", "cpu"])):
        assert repr(handle).count("\n") == 1
        assert all(word in repr(handle) for word in words)
    assert repr(embeddings).splitlines() == ["Embeddings: 60 rows of 8 channels at 15 Hz", "1 video, 2 pairs"]


def test_a_folder_of_another_kind_is_refused(encoder_folder: Path, model_folder: Path) -> None:
    with pytest.raises(sb.InputError, match="kind encoder"):
        sb.load_encoder(model_folder)
    with pytest.raises(sb.InputError, match="kind model"):
        sb.load_model(str(encoder_folder))


@pytest.mark.parametrize("argument", ["device", "precision"])
def test_a_misspelt_device_or_precision_is_refused(argument: str, encoder_folder: Path, model_folder: Path) -> None:
    for load, folder in ((sb.load_encoder, encoder_folder), (sb.load_model, model_folder)):
        with pytest.raises(sb.InputError, match=rf"{argument}.*auto.*'gpu8'"):
            load(folder, **{argument: "gpu8"})


def test_every_frame_has_an_embedding_whether_animals_are_seen_or_not(
    encoder_folder: Path, recordings: list[sb.Recording]
) -> None:
    partly = recordings[0].positions.copy()
    partly[100:200] = np.nan
    embeddings = sb.load_encoder(encoder_folder, device="cpu").embed(replace(recordings[0], positions=partly))
    assert len(embeddings) == 300
    assert np.isfinite(embeddings.values).all()


def test_a_slow_recording_has_several_rows_for_a_frame(encoder_folder: Path, recordings: list[sb.Recording]) -> None:
    slow = replace(recordings[0], frame_rate=7.5)
    index = sb.load_encoder(encoder_folder, device="cpu").embed(slow).index
    assert not index.is_unique
    assert index.get_level_values("frame").max() < slow.frames


def test_a_dataset_of_movement_is_embedded_as_its_recording(
    encoder_folder: Path, recordings: list[sb.Recording]
) -> None:
    xarray = pytest.importorskip("xarray")
    recording = recordings[0]
    dimensions = ("time", "individuals", "keypoints", "space")
    variables = {"position": (dimensions, recording.positions), "confidence": (dimensions[:3], recording.confidence)}
    coordinates = {"individuals": list(recording.individuals), "keypoints": list(recording.skeleton.keypoints)}
    dataset = xarray.Dataset(variables, coordinates | {"space": ["x", "y"]}, {"fps": 30, "source_file": "video000.h5"})
    encoder = sb.load_encoder(encoder_folder, device="cpu")
    pd.testing.assert_frame_equal(encoder.embed(dataset).to_frame(), encoder.embed(recording).to_frame())


def test_the_model_warns_of_recordings_as_the_command_does(
    model_folder: Path, recordings: list[sb.Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    exchanged = recordings[0].positions.copy()
    exchanged[100:200] = exchanged[100:200, ::-1]
    sb.load_model(model_folder, device="cpu").predict(replace(recordings[0], positions=exchanged))
    assert "suspicious (exchanged): video000" in capsys.readouterr().out
