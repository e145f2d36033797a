from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.bout_tables import COLUMNS
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import NOISE, Clustering, Clusters
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
AXES = np.eye(4, dtype=np.float32)
# Two clusters and noise with one anchor each, on a map of width 1.
CLUSTERS = Clusters(
    encoder="abc",
    centre=np.zeros(4, np.float32),
    anchors=AXES[:3],
    map_positions=np.array([[0, 0], [1, 0], [0, 1]], np.float32),
    labels=np.array([0, 1, NOISE], np.int16),
    joins=np.array([[0, 1.0], [1.0, 0]]),
    least_cosine=0.5,
    frame_rate=15.0,
    settings=Clustering(seconds=0.0),
)
PLAN = [0] * 20 + [1] * 30 + [2] * 10 + [3] * 40 + [0] * 50
"""Axis that each of the 150 frames of a pair points along; the third is an anchor of noise, the fourth is no anchor."""


def embedded(recording: Recording) -> EmbeddedVideo:
    poses = prepare(recording, MICE, Preparation())
    values = AXES[PLAN[: len(poses.positions)]]
    return EmbeddedVideo(poses, {(0, 1): values, (1, 0): values[::-1]}, {}, "px", "")


@pytest.fixture
def atlas(wander: Callable[..., Recording], tmp_path: Path) -> Atlas:
    atlas = Atlas.create(tmp_path / "atlas", AtlasMeta("abc", MICE, 15.0, 4, "float32"))
    for seed, name in enumerate(("a", "cage/b")):
        atlas.add(embedded(wander(seed, frames=300, id=name)))
    return atlas


@pytest.fixture
def clustered(atlas: Atlas) -> ClusteredAtlas:
    return ClusteredAtlas.create(atlas, CLUSTERS)


def test_bouts_cover_every_frame(clustered: ClusteredAtlas) -> None:
    bouts = clustered.bouts(["a"])
    first = bouts[bouts["agent"] == "mouse0"]
    assert first[["cluster", "start", "stop"]].to_numpy().tolist() == [
        [0, 0, 20], [1, 20, 50], [NOISE, 50, 100], [0, 100, 150]
    ]  # fmt: skip
    # The recording was filmed at 30 Hz and is embedded at 15.
    assert first[["start_frame", "stop_frame"]].to_numpy().tolist() == [[0, 40], [40, 100], [100, 200], [200, 300]]
    np.testing.assert_allclose(first["start_s"], [0, 40 / 30, 100 / 30, 200 / 30])
    np.testing.assert_allclose(first["seconds"], np.array([20, 30, 50, 50]) / 15)
    np.testing.assert_allclose(first[["x", "y"]].iloc[:2], [[0, 0], [1, 0]], atol=1e-5)


def test_each_pair_of_each_video_has_its_own_bouts(clustered: ClusteredAtlas) -> None:
    labels = clustered.labels("cage/b")
    assert list(labels) == [("mouse0", "mouse1"), ("mouse1", "mouse0")]
    expected = np.select([np.equal(PLAN, 0), np.equal(PLAN, 1)], [0, 1], NOISE)
    np.testing.assert_array_equal(labels["mouse0", "mouse1"], expected)
    np.testing.assert_array_equal(labels["mouse1", "mouse0"], expected[::-1])
    everything = clustered.bouts()
    assert everything["video"].unique().tolist() == ["a", "cage/b"]
    assert everything["seconds"].sum() == pytest.approx(2 * 2 * 10)


def test_kinematics_and_embedding_of_a_bout_are_means_over_its_frames(clustered: ClusteredAtlas) -> None:
    bouts = clustered.bouts(["a"], embeddings=True)
    assert list(bouts.columns) == [*COLUMNS, "embedding"]
    expected = kinematics(clustered.atlas.video("a").poses, (0, 1))
    for name in KINEMATICS:
        np.testing.assert_allclose(bouts[name].iloc[1], np.nanmean(expected[name][20:50]), rtol=1e-4)
    np.testing.assert_allclose(bouts["embedding"].iloc[1], AXES[1])
    np.testing.assert_allclose(bouts["embedding"].iloc[2], (10 * AXES[2] + 40 * AXES[3]) / 50, rtol=1e-6)


def test_frames_in_which_an_animal_is_not_located_are_noise(atlas: Atlas, wander: Callable[..., Recording]) -> None:
    lost = wander(3, frames=300, id="lost", gaps=0.0)
    positions = lost.positions.copy()
    positions[100:260, 1] = np.nan  # longer than any gap that is bridged
    atlas.add(embedded(replace(lost, positions=positions)))
    labels = ClusteredAtlas.create(atlas, CLUSTERS).labels("lost")["mouse0", "mouse1"]
    is_located = atlas.video("lost").is_located((0, 1))
    assert 0 < (~is_located).sum() <= 80
    assert (labels[~is_located] == NOISE).all()
    assert (labels[is_located & np.equal(PLAN, 0)] == 0).all()


def test_pandas_reads_the_bouts_without_this_package(clustered: ClusteredAtlas) -> None:
    files = sorted((clustered.folder / "bouts").iterdir())
    assert [file.name for file in files] == ["a.parquet", "cage_b.parquet"]
    assert pd.read_parquet(files[0])["video"].unique().tolist() == ["a"]


def test_only_new_videos_are_assigned(clustered: ClusteredAtlas, wander: Callable[..., Recording]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (clustered.folder / "bouts").iterdir()}
    clustered.atlas.add(embedded(wander(5, frames=300, id="new")))
    with pytest.raises(InputError, match=r"found none of new: run .* --apply"):
        clustered.bouts()
    again = clustered.apply_to(clustered.atlas)
    assert again.bouts()["video"].unique().tolist() == ["a", "cage/b", "new"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    # Other tracks under the same id need new bouts.
    clustered.atlas.add(embedded(wander(6, frames=300, id="new")))
    assert not again.has_bouts("new")


def test_names_are_stored_and_applied_with_the_clusters(clustered: ClusteredAtlas, tmp_path: Path) -> None:
    clustered.rename(1, " chase ")
    clustered.rename(0, "rest")
    clustered.rename(0, "")
    assert [clustered.name(cluster) for cluster in (NOISE, 0, 1)] == ["noise", "cluster 0", "chase"]
    assert ClusteredAtlas(clustered.atlas).names == {1: "chase"}
    with pytest.raises(InputError, match="from 0 to 1; found 2"):
        clustered.rename(2, "fight")
    other = Atlas.create(tmp_path / "other", clustered.atlas.meta)
    other.add(clustered.atlas.video("a"))
    assert clustered.apply_to(other).names == {1: "chase"}


def test_new_clusters_replace_the_old_and_set_their_names_aside(
    clustered: ClusteredAtlas, capsys: pytest.CaptureFixture[str]
) -> None:
    clustered.rename(1, "chase")
    swapped = replace(CLUSTERS, labels=np.array([1, 0, NOISE], np.int16))
    anew = ClusteredAtlas.create(clustered.atlas, swapped)
    assert "names of the former clusters are kept in" in capsys.readouterr().out
    assert anew.names == {}
    assert (clustered.folder / "names.former.yaml").read_text() == "1: chase\n"
    assert anew.labels("a")["mouse0", "mouse1"][0] == 1


def test_damaged_clusters_are_replaced(clustered: ClusteredAtlas) -> None:
    (clustered.folder / "fitted.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="fitted"):
        ClusteredAtlas(clustered.atlas)
    assert ClusteredAtlas.create(clustered.atlas, CLUSTERS).labels("a")["mouse0", "mouse1"][0] == 0


def test_clusters_of_another_encoder_are_refused(atlas: Atlas) -> None:
    with pytest.raises(InputError, match="same --encoder"):
        ClusteredAtlas.create(atlas, replace(CLUSTERS, encoder="def"))


def test_missing_clusters_and_damaged_names_are_named(atlas: Atlas) -> None:
    with pytest.raises(InputError, match=r"expected an atlas with clusters; found none: run ssl-behavior cluster"):
        ClusteredAtlas(atlas)
    clustered = ClusteredAtlas.create(atlas, CLUSTERS)
    assert ClusteredAtlas(str(atlas.folder)).clusters.count == clustered.clusters.count
    (clustered.folder / "names.yaml").write_text("chase")
    with pytest.raises(InputError, match=r"names\.yaml: expected lines such as"):
        clustered.name(0)
