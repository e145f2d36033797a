from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.errors import InputError
from ssl_behavior.explorer.export import export_page
from ssl_behavior.explorer.live_page import LivePage, lazy_index
from ssl_behavior.explorer.map_sample import RESOLUTION, UNSEEN, MapSample, colourings, draw_sample, pose_clips
from ssl_behavior.explorer.scene import CLUSTER, PREDICTED, Scene, bout_limits
from ssl_behavior.plots.style import styles
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics
from ssl_behavior.recordings.labels import Labels


@pytest.fixture(scope="module")
def scene(shared_atlas: Path, predicted: Path) -> Scene:
    return Scene.open(shared_atlas, predicted)


@pytest.fixture(scope="module")
def sample(scene: Scene) -> MapSample:
    return draw_sample(scene, 400)


def test_points_have_the_values_of_their_frames_in_the_atlas(scene: Scene, sample: MapSample) -> None:
    columns = sample.columns
    for i in range(0, len(sample), 7):
        video = scene.atlas.video(sample.videos[columns["video"][i]])
        pair, frame = (int(columns["agent"][i]), int(columns["target"][i])), int(columns["frame"][i])
        assert sample.pairs[columns["pair"][i]] == " > ".join(
            video.poses.individuals[individual] for individual in pair
        )
        assert columns["native"][i] == video.poses.native_frames[frame]
        assert columns["seconds"][i] == pytest.approx(frame / 15)
        np.testing.assert_array_equal(sample.embeddings[i], video.embeddings[pair][frame])
        assert scene.clustered is not None
        cluster, position = scene.clustered.clusters.assign(video.embeddings[pair], np.array([frame]))
        assert columns[CLUSTER][i] == (cluster[0] if video.is_located(pair)[frame] else NOISE)
        np.testing.assert_allclose([columns["x"][i], columns["y"][i]], position[0], rtol=1e-4)
        assert columns["start"][i] <= columns["seconds"][i] < columns["stop"][i]
        expected = video.labels["S1"].values[frame] if video.labels else -1
        assert columns["label S1"][i] == expected
        assert columns[PREDICTED][i] == ((columns["native"][i] >= 300) if video.id == "a" else -1)
        for name, values in kinematics(video.poses, pair).items():
            np.testing.assert_equal(columns[name][i], values[frame])


def test_points_lie_where_their_clusters_lie(sample: MapSample) -> None:
    positions = np.stack([sample.columns["x"], sample.columns["y"]], 1)
    for cluster, middle in enumerate([[0, 0], [10, 0], [0, 10]]):
        members = positions[sample.columns[CLUSTER] == cluster]
        assert len(members) > 50
        assert np.abs(members.mean(0) - middle).max() < 0.5


def test_as_many_points_as_asked_for_or_as_there_are(scene: Scene, sample: MapSample) -> None:
    assert len(sample) == 400
    assert sample.total == scene.atlas.rows == 1200
    assert len(draw_sample(scene, 10**6)) == 1200
    np.testing.assert_array_equal(draw_sample(scene, 400).columns["frame"], sample.columns["frame"])


def test_clips_are_the_poses_around_a_frame(scene: Scene) -> None:
    poses = scene.atlas.video("a").poses
    last = len(poses.positions) - 1
    frames = np.array([0, 100, last])
    clips, frame_in_clip = pose_clips(poses, (1, 0), frames, 31)
    assert clips.shape == (3, 31, 2, 5, 2)
    assert frame_in_clip.tolist() == [0, 15, 30]
    for clip, frame, index in zip(clips, frames, frame_in_clip, strict=True):
        shown = clip[index].astype(float) / RESOLUTION
        shown[clip[index] == UNSEEN] = np.nan
        expected = poses.positions[frame][[1, 0]]
        np.testing.assert_array_equal(np.isnan(shown), np.isnan(expected))
        shift = shown - expected
        assert np.nanmax(shift, (0, 1)) - np.nanmin(shift, (0, 1)) == pytest.approx(0, abs=0.011)  # moved as a whole


def test_a_clip_longer_than_the_video_ends_with_nothing_seen(scene: Scene) -> None:
    poses = scene.atlas.video("a").poses
    clip = pose_clips(poses, (0, 1), np.array([5]), len(poses.positions) + 10)[0][0]
    assert (clip[-10:] == UNSEEN).all()
    assert (clip[:-10] != UNSEEN).any()


def test_bouts_cover_the_frames_with_a_code_and_no_others(scene: Scene) -> None:
    video = scene.atlas.video("a")
    bouts = scene.bouts(video, [(0, 1)])
    codes = scene.codes(video, (0, 1))
    for row, values in enumerate(codes.values()):
        rebuilt = np.full(len(values), -1)
        in_row = bouts["row"] == row
        for left, right, code in zip(*(bouts[name][in_row] for name in ("left", "right", "code")), strict=True):
            rebuilt[round(left * 15) : round(right * 15)] = code
        np.testing.assert_array_equal(rebuilt, values)


def test_bout_limits_leave_noise_out() -> None:
    starts, stops, codes = bout_limits(np.array([NOISE, 2, 2, 0, NOISE, 0]))
    assert (starts.tolist(), stops.tolist(), codes.tolist()) == ([1, 3, 5], [3, 4, 6], [2, 0, 0])
    assert [len(array) for array in bout_limits(np.zeros(0, int))] == [0, 0, 0]


def test_the_map_can_be_coloured_by_every_row_and_measure(scene: Scene, sample: MapSample) -> None:
    by_column = {colouring.column: colouring for colouring in colourings(scene, sample)}
    assert list(by_column) == [CLUSTER, "label S1", PREDICTED, "video", "pair", "seconds", *KINEMATICS]
    assert by_column["label S1"].names == ("attack", "sniff")
    assert by_column[PREDICTED].names == ("run", "rest")
    for colouring in by_column.values():
        assert colouring.column in sample.columns
        assert colouring.low <= colouring.high
        if colouring.is_categories:
            assert len(colouring.colours) == len(colouring.names) == colouring.high + 1
            assert sample.columns[colouring.column].max() <= colouring.high
    assert "grey: in no cluster" in by_column[CLUSTER].note


def test_a_cluster_is_shown_with_the_name_it_was_given(atlas: Path) -> None:
    scene = Scene.open(atlas)
    assert scene.clustered is not None
    scene.clustered.rename(1, "chase")
    assert colourings(scene, draw_sample(scene, 50))[0].names == ("cluster 0", "chase", "cluster 2")
    assert Scene.open(atlas).bout_styles()[1].name == "chase"


def test_predictions_of_other_videos_are_refused(shared_atlas: Path, predicted: Path, tmp_path: Path) -> None:
    (tmp_path / "z.csv").write_bytes((predicted / "a.csv").read_bytes())
    with pytest.raises(InputError, match=r"--predictions .*: expected some of the atlas's videos .*; found those of z"):
        Scene.open(shared_atlas, tmp_path)
    (tmp_path / "a.csv").write_bytes((predicted / "a.csv").read_bytes())
    messages: list[str] = []
    assert list(Scene.open(shared_atlas, tmp_path, messages.append).predicted) == ["a"]
    assert messages == ["predictions of videos that are not in the atlas, left out: z"]


def test_an_empty_atlas_is_refused(shared_atlas: Path, tmp_path: Path) -> None:
    Atlas.create(tmp_path, Atlas(shared_atlas).meta)
    with pytest.raises(InputError, match="expected embeddings; found none"):
        Scene.open(tmp_path)


def test_an_atlas_without_clusters_has_a_map_of_principal_components(unclustered: Path, predicted: Path) -> None:
    messages: list[str] = []
    scene = Scene.open(unclustered, predicted, messages.append)
    (message,) = messages
    assert "no clusters" in message
    assert "ssl-behavior cluster" in message
    assert scene.rows == ["label S1", PREDICTED]
    sample = draw_sample(scene, 10**6)
    assert CLUSTER not in sample.columns
    values = sample.embeddings - sample.embeddings.mean(0)
    variances = np.sort(np.linalg.eigvalsh(np.cov(values.T)))[::-1][:2]
    np.testing.assert_allclose([sample.columns["x"].var(), sample.columns["y"].var()], variances, rtol=0.02)
    assert (sample.columns["start"] == np.floor(sample.columns["start"])).all()  # every second is a section
    assert (sample.columns["stop"] - sample.columns["start"] <= 1).all()


def test_embeddings_alone_make_a_page(unclustered: Path) -> None:
    store = Atlas(unclustered)
    for name in store.ids:
        store.add(replace(store.video(name), labels={}))
    scene = Scene.open(unclustered)
    assert scene.rows == []
    sample = draw_sample(scene, 50)
    assert colourings(scene, sample)[0].column == "video"
    LivePage(scene, sample, lazy_index(scene)).search()
    page, exported = export_page(scene, 50)
    assert len(exported) == 50
    assert "principal components" in page


def test_a_behaviour_has_one_colour_and_two_channels_have_different_ones(atlas: Path, predicted: Path) -> None:
    store = Atlas(atlas)
    video = store.video("a")
    frames = len(video.poses.positions)
    labels = {
        "S1": Labels(("rest", "run"), np.zeros(frames, np.int16)),
        "S2": Labels(("bite",), np.zeros(frames, np.int16)),
    }
    store.add(replace(video, labels=labels))
    scene = Scene.open(atlas, predicted)
    looks = {row: dict(zip(scene.names(row), scene.looks(row), strict=True)) for row in scene.rows}
    assert looks["label S1"]["run"] == looks[PREDICTED]["run"] == styles(("run", "rest"))[0]
    assert len({*looks["label S1"].values(), *looks["label S2"].values()}) == 3


def test_a_damaged_atlas_is_refused(atlas: Path) -> None:
    path = next((atlas / "videos").iterdir())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=str(path.name).split("<")[0]):
        Scene.open(atlas)


def test_an_atlas_in_which_one_video_lacks_clusters_is_refused(atlas: Path) -> None:
    next((atlas / "clusters" / "bouts").glob("a*")).unlink()
    with pytest.raises(InputError, match="expected clusters of every video; found none of a"):
        Scene.open(atlas)
