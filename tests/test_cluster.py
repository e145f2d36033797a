"""The whole command, from an atlas to clusters, cards and tables."""

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

pytestmark = pytest.mark.xdist_group("umap")  # importing umap compiles for long, once in each process

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
SETTINGS = Clustering(anchors=600, seconds=0.2, neighbours=12, smallest=0.1, largest=0.7, refits=1)
ACTS = ("rest", "chase", "<b>mount</b>")
SHAPES = 6 * np.eye(8, dtype=np.float32)[[0, 3, 6]]


def embedded(recording: Recording, seed: int) -> EmbeddedVideo:
    """Acts last two seconds each and are the same for both animals."""
    poses = prepare(recording, MICE, Preparation())
    rng = np.random.default_rng(seed)
    acts = np.repeat(rng.choice(3, 1 + len(poses.positions) // 30, p=[0.5, 0.3, 0.2]), 30)[: len(poses.positions)]
    embeddings = {
        pair: SHAPES[acts] + 0.3 * rng.normal(size=(len(acts), 8)).astype(np.float32) for pair in poses.pairs()
    }
    return EmbeddedVideo(poses, embeddings, {"acts": Labels(ACTS, acts)}, "cm", "")


@pytest.fixture(scope="module")
def folder(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def page(folder: Path) -> str:
    return (folder / "atlas" / "cards" / "index.html").read_text()


def test_clusters_are_the_acts(folder: Path) -> None:
    clustered = ClusteredAtlas(Atlas(folder / "atlas"))
    assert clustered.clusters.count == 3
    labels = pd.read_csv(folder / "atlas" / "cards" / "labels.csv").query("cluster >= 0")
    best = labels.sort_values("share").groupby("cluster").tail(1).set_index("cluster")
    assert set(best["behaviour"]) == set(ACTS)
    assert (best["share"] > 0.8).all()
    assert (best["ratio"] > 1.5).all()


def test_tables_are_consistent(folder: Path) -> None:
    cards = folder / "atlas" / "cards"
    clusters = pd.read_csv(cards / "clusters.csv")
    assert clusters["cluster"].tolist() == [-1, 0, 1, 2]
    assert clusters["share"].sum() == pytest.approx(1)
    frequencies = pd.read_csv(cards / "frequencies.csv")
    assert set(frequencies["of"]) == {"video", "individual", "group"}
    assert (pd.read_csv(cards / "transitions.csv")["count"] >= 0).all()


def test_the_page_has_all_cards_and_needs_no_network(page: str) -> None:
    assert len(re.findall("<article", page)) == 3
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]*", "", page)
    assert "Agreement with the labels of acts" in page
    assert "cm/s" in page
    assert "Cannot be tested with so few videos or animals: individuals mouse0, mouse1." in page
    assert page.count("not tested</p>") == 3 * 2
    # Names are shown as text, even if they look like HTML.
    assert "&lt;b&gt;mount" in page
    assert "<b>mount" not in page
    assert "<i>v" not in page


def test_animations_show_the_poses(folder: Path, page: str) -> None:
    match = re.search(r"playClips\((.*), (\[\[.*\]\])\);", page)
    assert match is not None
    animations = json.loads(match[1])
    assert len(animations) == len(re.findall("<canvas", page)) == 3 * 6
    edges = json.loads(match[2])
    assert all(0 <= end < len(MICE) for edge in edges for end in edge)
    animation = next(each for each in animations.values() if each["span"][0] > 0)
    poses = Atlas(folder / "atlas").video(animation["video"]).poses
    assert len(animation["tracks"]) == 3 * 15
    bout = slice(*animation["span"])
    assert 0 <= bout.start < bout.stop <= 45
    low = poses.native_frames.searchsorted(animation["start_frame"]) - bout.start
    order = [poses.individuals.index(animation[role]) for role in ("agent", "target")]
    drawn = np.array(animation["tracks"], float).reshape(45, 2, len(MICE), 2) / 100
    expected = poses.positions[low : low + 45][:, order]
    np.testing.assert_array_equal(np.isnan(drawn), np.isnan(expected))
    steps = np.diff(drawn, axis=0) - np.diff(expected, axis=0)
    assert np.nanmax(np.abs(steps)) <= 0.011


def test_clusters_apply_to_new_recordings(folder: Path) -> None:
    fitted = ClusteredAtlas(Atlas(folder / "atlas"))
    applied = cluster(ClusterConfig(folder / "atlas", apply=folder / "other"))
    assert applied.atlas.folder == folder / "other"
    assert applied.clusters.fingerprint() == fitted.clusters.fingerprint()
    video = applied.atlas.video("<i>v3</i>")
    acts, clusters = video.labels["acts"].values, applied.labels(video.id)["mouse0", "mouse1"]
    labels = pd.read_csv(folder / "atlas" / "cards" / "labels.csv").query("cluster >= 0")
    act_of_cluster = labels.sort_values("share").groupby("cluster").tail(1).set_index("cluster")["behaviour"]
    is_clustered = clusters >= 0
    assert is_clustered.mean() > 0.6
    predicted = act_of_cluster[clusters[is_clustered]].to_numpy()
    assert (np.array(ACTS)[acts[is_clustered]] == predicted).mean() > 0.9
    assert (folder / "other" / "cards" / "index.html").exists()


def test_existing_clusters_are_kept_without_overwrite(folder: Path) -> None:
    before = (folder / "atlas" / "clusters" / "fitted.safetensors").read_bytes()
    with pytest.raises(InputError, match=r"found clusters .*--overwrite .*--apply"):
        cluster(ClusterConfig(folder / "atlas", clustering=SETTINGS))
    assert (folder / "atlas" / "clusters" / "fitted.safetensors").read_bytes() == before


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
            {"clustering": replace(SETTINGS, anchors=40), "overwrite": True},
            "expected at least 48 frames",
        ),
        ({"clustering": replace(SETTINGS, seconds=-1)}, "--clustering.seconds: expected 0 or more"),
        ({"clustering": replace(SETTINGS, refits=-1)}, "--clustering.refits: expected 0 or more"),
    ],
)
def test_bad_input_is_named(changed: dict[str, object], message: str, folder: Path) -> None:
    with pytest.raises(InputError, match=message):
        cluster(replace(ClusterConfig(folder / "atlas", clustering=SETTINGS), **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,group\na,b\n", "first line is video,group"),
        ("video,group\nv9,treated\n", "expected videos of the atlas .*found v9"),
        ("video,group\nv9\n", "first line is video,group"),
        ("video,group\nv1,a\nv2,a\nv1,b\n", "expected every video once; found v1 several times"),
    ],
)
def test_unusable_groups_are_refused(text: str, message: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        cluster(ClusterConfig(folder / "atlas", groups=tmp_path / "groups.csv", clustering=SETTINGS, overwrite=True))


def test_applying_keeps_clusters_of_another_fit_without_overwrite(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder / "atlas", tmp_path / "copy")
    fitted = copy / "clusters" / "fitted.safetensors"
    cluster(ClusterConfig(copy, clustering=replace(SETTINGS, refits=0), seed=5, overwrite=True))
    before = fitted.read_bytes()
    with pytest.raises(InputError, match=r"expected an atlas without clusters.*--overwrite"):
        cluster(ClusterConfig(folder / "atlas", apply=copy))
    assert fitted.read_bytes() == before
    cluster(ClusterConfig(folder / "atlas", apply=copy, overwrite=True))
    assert fitted.read_bytes() == (folder / "atlas" / "clusters" / "fitted.safetensors").read_bytes()
    assert "apply:" in (copy / "clusters" / "settings.yaml").read_text()


def test_clusters_that_do_not_occur_have_a_card(folder: Path, tmp_path: Path, wander: Callable[..., Recording]) -> None:
    atlas = Atlas.create(tmp_path / "rest", AtlasMeta("abc", MICE, 15.0, 8, "float32"))
    poses = prepare(wander(9, frames=600, id="still"), MICE, Preparation())
    rest = np.tile(SHAPES[:1], (len(poses.positions), 1))
    labels = {"acts": Labels(ACTS, np.zeros(len(rest)))}
    atlas.add(EmbeddedVideo(poses, dict.fromkeys(poses.pairs(), rest), labels, "cm", ""))
    applied = cluster(ClusterConfig(folder / "atlas", apply=atlas.folder))
    page = (atlas.folder / "cards" / "index.html").read_text()
    assert page.count("Not in these recordings.") == applied.clusters.count - 1
    assert "Agreement" not in page  # agreement needs two behaviours


def test_damaged_bouts_are_written_again(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder / "atlas", tmp_path / "copy")
    path = next((copy / "clusters" / "bouts").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="expected clusters of every video; found none of"):
        ClusteredAtlas(Atlas(copy)).bouts()
    cluster(ClusterConfig(copy, apply=copy))
    assert path.read_bytes() == whole
