from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.checkpoints import load_encoder, save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings


@pytest.fixture
def config(tmp_path: Path) -> EmbedConfig:
    torch.manual_seed(0)
    save_encoder(tmp_path / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    native.write(tmp_path / "tracks", simulate_recordings(3, seed=1, frames=240))
    return EmbedConfig(
        encoder=tmp_path / "encoder", recordings=(tmp_path / "tracks",), output=tmp_path / "atlas", device="cpu"
    )


def test_every_frame_of_every_pair_is_embedded(config: EmbedConfig) -> None:
    atlas = embed_recordings(config)
    encoder = load_encoder(config.encoder)
    assert atlas.meta.encoder == encoder.fingerprint()
    assert atlas.rows == 3 * 2 * 120
    for recording in simulate_recordings(3, seed=1, frames=240):
        video, poses = atlas.video(recording.id), prepare(recording, encoder.landmarks, encoder.preparation)
        for pair in poses.pairs():
            np.testing.assert_array_equal(video.embeddings[pair], embed(encoder, poses, pair, with_mirror=True).numpy())
        # The recordings' own labels, at the frames of the embeddings.
        assert video.labels[CHANNEL].behaviours == BEHAVIOURS
        np.testing.assert_array_equal(video.labels[CHANNEL].values, recording.labels[CHANNEL].values[::2])


def test_videos_in_the_atlas_are_not_embedded_again(config: EmbedConfig, capsys: pytest.CaptureFixture[str]) -> None:
    folder = embed_recordings(config).folder
    before = {path: path.stat().st_mtime_ns for path in (folder / "videos").iterdir()}
    native.write(config.recordings[0], simulate_recordings(4, seed=1, frames=240)[3:])
    capsys.readouterr()
    assert embed_recordings(config).rows == 4 * 2 * 120
    assert "1 video embedded, 3 were there already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_new_labels_are_added_without_embedding_again(
    config: EmbedConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = embed_recordings(config).video("video001").embeddings[0, 1].copy()
    caltech.write(
        tmp_path / "video001_annot.txt", Annotations("video001", {"S1": (Bout(0, 240, "fight"),)}, "", 240), 30.0
    )
    capsys.readouterr()
    atlas = embed_recordings(replace(config, annotations=(tmp_path / "video001_annot.txt",)))
    assert "0 videos embedded, 3 were there already, labels of 1 updated" in capsys.readouterr().out
    video = atlas.video("video001")
    assert set(video.labels) == {CHANNEL, "S1"}
    np.testing.assert_array_equal(video.embeddings[0, 1], before)
    # Without annotations, existing labels stay.
    assert embed_recordings(config).video("video000").labels[CHANNEL].behaviours == BEHAVIOURS


def test_no_atlas_is_created_if_nothing_can_be_embedded(config: EmbedConfig) -> None:
    (lost,) = simulate_recordings(1, seed=1, frames=240)
    lost = replace(lost, positions=np.full_like(lost.positions, np.nan))
    native.write(config.recordings[0].with_name("lost"), [lost])
    with pytest.raises(InputError, match="expected a keypoint that is seen in some frame"):
        embed_recordings(replace(config, recordings=(config.recordings[0].with_name("lost"),)))
    assert not config.output.exists()


def test_other_tracks_with_the_same_id_are_refused(config: EmbedConfig) -> None:
    folder = embed_recordings(config).folder
    other = simulate_recordings(1, seed=2, frames=240)
    native.write(config.recordings[0], other)
    with pytest.raises(InputError, match=r"other tracks.*--overwrite") as refused:
        embed_recordings(config)
    assert other[0].id in str(refused.value)
    assert embed_recordings(replace(config, overwrite=True)).folder == folder
    poses = prepare(other[0], load_encoder(config.encoder).landmarks, Preparation())
    assert embed_recordings(config).fingerprint(other[0].id) == poses.fingerprint()


def test_another_encoder_or_precision_needs_another_atlas(config: EmbedConfig, tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_encoder(tmp_path / "other", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    config = replace(config, precision="float32", overwrite=True)
    embed_recordings(config)
    others = {"encoder": tmp_path / "other", "half": True, "precision": "bfloat16"}
    for name, other in others.items():
        changed = replace(config, **{name: other})
        with pytest.raises(InputError, match="found one with another"):
            embed_recordings(replace(changed, overwrite=False))
        meta = embed_recordings(changed).meta
        assert meta.dtype == ("float16" if changed.half else "float32")
        assert meta.precision == changed.precision
        embed_recordings(config)


def test_a_folder_of_other_files_is_not_written_to(config: EmbedConfig) -> None:
    config.output.mkdir()
    (config.output / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="found a folder that is not empty"):
        embed_recordings(config)
    assert [path.name for path in config.output.iterdir()] == ["notes.txt"]


def test_annotations_beside_the_recordings(config: EmbedConfig, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bouts = {"S1": (Bout(0, 100, "fight"), Bout(100, 240, "base")), "S2": (Bout(0, 240, "base"),)}
    caltech.write(tmp_path / "video001_annot.txt", Annotations("video001", bouts, "", 240), 30.0)
    config = replace(config, annotations=(tmp_path / "video001_annot.txt",), unscored=("base",))
    atlas = embed_recordings(config)
    labels = atlas.video("video001").labels
    assert set(labels) == {CHANNEL, "S1"}  # S2 has no scored frame
    assert labels["S1"].behaviours == ("fight",)
    np.testing.assert_array_equal(labels["S1"].values, np.where(np.arange(120) < 50, 0, -1))
    assert set(atlas.video("video000").labels) == {CHANNEL}
    one_channel = embed_recordings(replace(config, channel="S1", output=tmp_path / "of_one_channel"))
    assert set(one_channel.video("video001").labels) == {"S1"}
    with pytest.raises(InputError, match="--unscored nap: expected behaviours; found base, fight"):
        embed_recordings(replace(config, unscored=("nap",), overwrite=True))
