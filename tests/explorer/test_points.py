from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.errors import InputError
from ssl_behavior.explorer.clips import RESOLUTION, UNSEEN, tracks
from ssl_behavior.explorer.colours import colourings
from ssl_behavior.explorer.points import Points, draw
from ssl_behavior.explorer.scene import CLUSTER, PREDICTED, Scene, runs
from ssl_behavior.explorer.strips import strips
from ssl_behavior.poses.expert_features import KINEMATICS, kinematics


@pytest.fixture(scope="module")
def scene(shared_atlas: Path, predicted: Path) -> Scene:
    return Scene.open(shared_atlas, predicted)


@pytest.fixture(scope="module")
def points(scene: Scene) -> Points:
    return draw(scene, 400)


def test_points_are_what_the_atlas_says_of_their_frames(scene: Scene, points: Points) -> None:
    columns = points.columns
    for i in range(0, len(points), 7):
        video = scene.atlas.video(points.videos[columns["video"][i]])
        pair, frame = (int(columns["agent"][i]), int(columns["target"][i])), int(columns["frame"][i])
        assert points.pairs[columns["pair"][i]] == " > ".join(video.poses.individuals[one] for one in pair)
        assert columns["native"][i] == video.poses.native_frames[frame]
        assert columns["seconds"][i] == pytest.approx(frame / 15)
        np.testing.assert_array_equal(points.embeddings[i], video.embeddings[pair][frame])
        cluster, place = scene.clustered.clusters.assign(video.embeddings[pair], np.array([frame]))
        assert columns[CLUSTER][i] == (cluster[0] if video.located(pair)[frame] else NOISE)
        np.testing.assert_allclose([columns["x"][i], columns["y"][i]], place[0], rtol=1e-4)
        assert columns["start"][i] <= columns["seconds"][i] < columns["stop"][i]
        expected = video.labels["S1"].values[frame] if video.labels else -1
        assert columns["label S1"][i] == expected
        assert columns[PREDICTED][i] == ((columns["native"][i] >= 300) if video.id == "a" else -1)
        for name, values in kinematics(video.poses, pair).items():
            np.testing.assert_equal(columns[name][i], values[frame])


def test_places_are_those_of_the_clusters(points: Points) -> None:
    place = np.stack([points.columns["x"], points.columns["y"]], 1)
    for cluster, middle in enumerate([[0, 0], [10, 0], [0, 10]]):
        own = place[points.columns[CLUSTER] == cluster]
        assert len(own) > 50
        assert np.abs(own.mean(0) - middle).max() < 0.5


def test_as_many_points_as_asked_for_or_as_there_are(scene: Scene, points: Points) -> None:
    assert len(points) == 400
    assert points.total == scene.atlas.rows == 1200
    assert len(draw(scene, 10**6)) == 1200
    np.testing.assert_array_equal(draw(scene, 400).columns["frame"], points.columns["frame"])


def test_clips_are_the_poses_around_a_frame(scene: Scene) -> None:
    poses = scene.atlas.video("a").poses
    last = len(poses.positions) - 1
    frames = np.array([0, 100, last])
    clips, at = tracks(poses, (1, 0), frames, 31)
    assert clips.shape == (3, 31, 2, 5, 2)
    assert at.tolist() == [0, 15, 30]
    for clip, frame, own in zip(clips, frames, at, strict=True):
        shown = clip[own].astype(float) / RESOLUTION
        shown[clip[own] == UNSEEN] = np.nan
        expected = poses.positions[frame][[1, 0]]
        np.testing.assert_array_equal(np.isnan(shown), np.isnan(expected))
        away = shown - expected
        assert np.nanmax(away, (0, 1)) - np.nanmin(away, (0, 1)) == pytest.approx(0, abs=0.011)  # moved as a whole


def test_a_clip_longer_than_the_video_ends_with_nothing_seen(scene: Scene) -> None:
    poses = scene.atlas.video("a").poses
    clip = tracks(poses, (0, 1), np.array([5]), len(poses.positions) + 10)[0][0]
    assert (clip[-10:] == UNSEEN).all()
    assert (clip[:-10] != UNSEEN).any()


def test_bouts_cover_what_is_known_and_nothing_else(scene: Scene) -> None:
    video = scene.atlas.video("a")
    found = strips(scene, video, [(0, 1)])
    codes = scene.codes(video, (0, 1))
    for row, values in enumerate(codes.values()):
        again = np.full(len(values), -1)
        own = found["row"] == row
        for left, right, code in zip(found["left"][own], found["right"][own], found["code"][own], strict=True):
            again[round(left * 15) : round(right * 15)] = code
        np.testing.assert_array_equal(again, values)


def test_runs() -> None:
    starts, stops, codes = runs(np.array([NOISE, 2, 2, 0, NOISE, 0]))
    assert (starts.tolist(), stops.tolist(), codes.tolist()) == ([1, 3, 5], [3, 4, 6], [2, 0, 0])
    assert [len(one) for one in runs(np.zeros(0, int))] == [0, 0, 0]


def test_everything_can_be_coloured_by(scene: Scene, points: Points) -> None:
    found = {one.column: one for one in colourings(scene, points)}
    assert list(found) == [CLUSTER, "label S1", PREDICTED, "video", "pair", "seconds", *KINEMATICS]
    assert found["label S1"].names == ("attack", "sniff")
    assert found[PREDICTED].names == ("run", "rest")
    for one in found.values():
        assert one.column in points.columns
        assert one.low <= one.high
        if one.is_categories:
            assert len(one.colours) == len(one.names) == one.high + 1
            assert points.columns[one.column].max() <= one.high
    assert "grey: in no cluster" in found[CLUSTER].note


def test_a_name_given_to_a_cluster_is_what_it_is_called(atlas: Path) -> None:
    scene = Scene.open(atlas)
    scene.clustered.rename(1, "chase")
    assert colourings(scene, draw(scene, 50))[0].names == ("cluster 0", "chase", "cluster 2")
    assert Scene.open(atlas).kinds()[1].name == "chase"


def test_predictions_of_other_videos_are_refused(shared_atlas: Path, predicted: Path, tmp_path: Path) -> None:
    (tmp_path / "z.csv").write_bytes((predicted / "a.csv").read_bytes())
    with pytest.raises(InputError, match=r"--predictions .*: expected some of the atlas's videos .*; found those of z"):
        Scene.open(shared_atlas, tmp_path)
    (tmp_path / "a.csv").write_bytes((predicted / "a.csv").read_bytes())
    told: list[str] = []
    assert list(Scene.open(shared_atlas, tmp_path, told.append).predicted) == ["a"]
    assert told == ["predictions of videos that are not in the atlas, left out: z"]


def test_an_empty_atlas_is_refused(shared_atlas: Path, tmp_path: Path) -> None:
    Atlas.create(tmp_path, Atlas(shared_atlas).made_by)
    with pytest.raises(InputError, match="expected embeddings; found none: run python"):
        Scene.open(tmp_path)


def test_an_atlas_without_clusters_is_refused(atlas: Path) -> None:
    for path in sorted((atlas / "clusters").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(InputError, match="expected an atlas with clusters; found none: run python"):
        Scene.open(atlas)


def test_a_damaged_atlas_is_refused(atlas: Path) -> None:
    path = next((atlas / "videos").iterdir())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=str(path.name).split("<")[0]):
        Scene.open(atlas)


def test_a_video_without_its_clusters_is_told(atlas: Path) -> None:
    next((atlas / "clusters" / "bouts").glob("a*")).unlink()
    with pytest.raises(InputError, match="expected clusters of every video; found none of a"):
        Scene.open(atlas)
