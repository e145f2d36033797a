"""The whole command: an atlas in, clusters, cards and tables out."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import Clustering
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.cluster import ClusterConfig, cluster
from ssl_behavior.errors import InputError
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording

pytestmark = pytest.mark.xdist_group("umap")  # which compiles for long, once in each process

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
SETTINGS = Clustering(landmarks=600, seconds=0.2, neighbours=12, smallest=0.1, largest=0.7, refits=1)
ACTS = ("rest", "chase", "<b>mount</b>")
SHAPES = 6 * np.eye(8, dtype=np.float32)[[0, 3, 6]]


def embedded(recording: Recording, seed: int) -> EmbeddedVideo:
    """Acts follow each other in stretches of two seconds, the same for both animals."""
    poses = prepare(recording, MICE, Preparation())
    rng = np.random.default_rng(seed)
    acts = np.repeat(rng.choice(3, 1 + len(poses.positions) // 30, p=[0.5, 0.3, 0.2]), 30)[: len(poses.positions)]
    embeddings = {
        pair: SHAPES[acts] + 0.3 * rng.normal(size=(len(acts), 8)).astype(np.float32) for pair in poses.pairs()
    }
    return EmbeddedVideo(poses, embeddings, {"acts": Labels(ACTS, acts)}, "cm", "")


@pytest.fixture(scope="module")
def made(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    for name, seeds in (("atlas", (0, 1, 2)), ("other", (3,))):
        atlas = Atlas.create(folder / name, AtlasMeta("abc", MICE, 15.0, 8, "float32"))
        for seed in seeds:
            atlas.add(embedded(wander(seed, frames=900, id=f"<i>v{seed}</i>"), seed))
    groups = [f"<i>v{seed}</i>,{'treated' if seed else 'control'}" for seed in range(3)]
    (folder / "groups.csv").write_text("\n".join(["video,group", *groups]))
    cluster(ClusterConfig(folder / "atlas", groups=folder / "groups.csv", clustering=SETTINGS))
    return folder


@pytest.fixture
def page(made: Path) -> str:
    return (made / "atlas" / "cards" / "index.html").read_text()


def test_clusters_are_the_acts(made: Path) -> None:
    clustered = ClusteredAtlas(Atlas(made / "atlas"))
    assert clustered.clusters.count == 3
    labels = pd.read_csv(made / "atlas" / "cards" / "labels.csv").query("cluster >= 0")
    best = labels.sort_values("share").groupby("cluster").tail(1).set_index("cluster")
    assert set(best["behaviour"]) == set(ACTS)
    assert (best["share"] > 0.8).all()
    assert (best["ratio"] > 1.5).all()


def test_tables_hold_together(made: Path) -> None:
    cards = made / "atlas" / "cards"
    clusters = pd.read_csv(cards / "clusters.csv")
    assert clusters["cluster"].tolist() == [-1, 0, 1, 2]
    assert clusters["share"].sum() == pytest.approx(1)
    frequencies = pd.read_csv(cards / "frequencies.csv")
    assert set(frequencies["of"]) == {"video", "individual", "group"}
    assert (pd.read_csv(cards / "transitions.csv")["count"] >= 0).all()


def test_the_page_is_whole_and_needs_no_network(page: str) -> None:
    assert len(re.findall("<article", page)) == 3
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]*", "", page)
    assert "Agreement with the labels of acts" in page
    assert "cm/s" in page
    # What a name holds is text and no HTML.
    assert "&lt;b&gt;mount" in page
    assert "<b>mount" not in page
    assert "<i>v" not in page


def test_clips_are_of_the_poses(made: Path, page: str) -> None:
    found = re.search(r"playClips\((.*), (\[\[.*\]\])\);", page)
    assert found is not None
    clips = json.loads(found[1])
    assert len(clips) == len(re.findall("<canvas", page)) == 3 * 6
    edges = json.loads(found[2])
    assert all(0 <= end < len(MICE) for edge in edges for end in edge)
    clip = next(clip for clip in clips.values() if clip["span"][0] > 0)
    poses = Atlas(made / "atlas").video(clip["video"]).poses
    assert len(clip["tracks"]) == 3 * 15
    bout = slice(*clip["span"])
    assert 0 <= bout.start < bout.stop <= 45
    at = poses.native_frames.searchsorted(clip["start_frame"]) - bout.start
    order = [poses.individuals.index(clip[who]) for who in ("agent", "target")]
    drawn = np.array(clip["tracks"], float).reshape(45, 2, len(MICE), 2) / 100
    given = poses.positions[at : at + 45][:, order]
    np.testing.assert_array_equal(np.isnan(drawn), np.isnan(given))
    steps = np.diff(drawn, axis=0) - np.diff(given, axis=0)
    assert np.nanmax(np.abs(steps)) <= 0.011


def test_the_same_clusters_on_new_recordings(made: Path) -> None:
    fitted = ClusteredAtlas(Atlas(made / "atlas"))
    applied = cluster(ClusterConfig(made / "atlas", apply=made / "other"))
    assert applied.atlas.folder == made / "other"
    assert applied.clusters.fingerprint() == fitted.clusters.fingerprint()
    video = applied.atlas.video("<i>v3</i>")
    acts, found = video.labels["acts"].values, applied.labels(video.id)["mouse0", "mouse1"]
    labels = pd.read_csv(made / "atlas" / "cards" / "labels.csv").query("cluster >= 0")
    meaning = labels.sort_values("share").groupby("cluster").tail(1).set_index("cluster")["behaviour"]
    clear = found >= 0
    assert clear.mean() > 0.6
    assert (np.array(ACTS)[acts[clear]] == meaning[found[clear]].to_numpy()).mean() > 0.9
    assert (made / "other" / "cards" / "index.html").exists()


def test_clusters_are_not_fitted_over_by_accident(made: Path) -> None:
    before = (made / "atlas" / "clusters" / "fitted.safetensors").read_bytes()
    with pytest.raises(InputError, match=r"found clusters that were fitted before; give --overwrite .* or --apply"):
        cluster(ClusterConfig(made / "atlas", clustering=SETTINGS))
    assert (made / "atlas" / "clusters" / "fitted.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"atlas": Path("nowhere")}, "nowhere: expected an atlas"),
        ({"apply": Path("nowhere")}, "nowhere: expected an atlas"),
        ({"clustering": replace(SETTINGS, neighbours=1)}, "--clustering.neighbours: expected a number above 1"),
        ({"clustering": replace(SETTINGS, smallest=0)}, "--clustering.smallest: expected a number above 0"),
        ({"clustering": replace(SETTINGS, smallest=1)}, "--clustering.smallest: expected a share"),
        ({"clustering": replace(SETTINGS, largest=0.05)}, "--clustering.largest 0.05: expected at least"),
        (
            {"clustering": replace(SETTINGS, landmarks=40), "overwrite": True},
            "expected at least 48 frames of located animals",
        ),
        ({"clustering": replace(SETTINGS, seconds=-1)}, "--clustering.seconds: expected 0 or more"),
        ({"clustering": replace(SETTINGS, refits=-1)}, "--clustering.refits: expected 0 or more"),
    ],
)
def test_bad_input(changed: dict[str, object], message: str, made: Path) -> None:
    with pytest.raises(InputError, match=message):
        cluster(replace(ClusterConfig(made / "atlas", clustering=SETTINGS), **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,group\na,b\n", "expected a .csv file with the columns video and group"),
        ("video,group\nv9,treated\n", "expected videos of the atlas .*found v9"),
        ("video,group\nv9\n", "expected a .csv file with the columns video and group"),
        ("video,group\nv1,a\nv2,a\nv1,b\n", "expected every video once; found v1 several times"),
    ],
)
def test_groups_that_cannot_be(text: str, message: str, made: Path, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        cluster(ClusterConfig(made / "atlas", groups=tmp_path / "groups.csv", clustering=SETTINGS, overwrite=True))


def test_clusters_of_another_fit_are_not_replaced_by_accident(made: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(made / "atlas", tmp_path / "mine")
    fitted = mine / "clusters" / "fitted.safetensors"
    cluster(ClusterConfig(mine, clustering=replace(SETTINGS, refits=0), seed=5, overwrite=True))
    before = fitted.read_bytes()
    with pytest.raises(InputError, match="expected an atlas without clusters, or with the same; found others"):
        cluster(ClusterConfig(made / "atlas", apply=mine))
    assert fitted.read_bytes() == before
    cluster(ClusterConfig(made / "atlas", apply=mine, overwrite=True))
    assert fitted.read_bytes() == (made / "atlas" / "clusters" / "fitted.safetensors").read_bytes()
    assert "apply:" in (mine / "clusters" / "settings.yaml").read_text()


def test_recordings_that_lack_a_cluster(made: Path, tmp_path: Path, wander: Callable[..., Recording]) -> None:
    atlas = Atlas.create(tmp_path / "rest", AtlasMeta("abc", MICE, 15.0, 8, "float32"))
    poses = prepare(wander(9, frames=600, id="still"), MICE, Preparation())
    rest = np.tile(SHAPES[:1], (len(poses.positions), 1))
    labels = {"acts": Labels(ACTS, np.zeros(len(rest)))}
    atlas.add(EmbeddedVideo(poses, dict.fromkeys(poses.pairs(), rest), labels, "cm", ""))
    applied = cluster(ClusterConfig(made / "atlas", apply=atlas.folder))
    page = (atlas.folder / "cards" / "index.html").read_text()
    assert page.count("Not in these recordings.") == applied.clusters.count - 1
    assert "Agreement" not in page  # with one behaviour there is nothing to agree about


def test_damaged_bouts_are_made_anew(made: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(made / "atlas", tmp_path / "mine")
    path = next((mine / "clusters" / "bouts").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="expected clusters of every video; found none of"):
        ClusteredAtlas(Atlas(mine)).bouts()
    cluster(ClusterConfig(mine, apply=mine))
    assert path.read_bytes() == whole
