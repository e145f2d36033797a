from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.clustering import fit_clusters
from ssl_behavior.atlas.clusters import NOISE, Clustering, Clusters, average_over_time, directions
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.array_files import read_arrays

pytestmark = pytest.mark.xdist_group("umap")  # which compiles for long, once in each process

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
SETTINGS = Clustering(anchors=500, seconds=0, neighbours=12, smallest=0.1, largest=0.7, refits=0)
SHAPES = np.eye(8, dtype=np.float32)[[0, 2, 5]] * 4


def embeddings(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Each of three behaviours is a direction of its own."""
    return SHAPES[truth] + 0.4 * rng.normal(size=(len(truth), 8)).astype(np.float32)


@pytest.fixture(scope="module")
def made(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> tuple[Atlas, np.ndarray]:
    """An atlas with behaviour 0 half of the time, 1 a third and 2 the rest, and the true behaviour of each row."""
    atlas = Atlas.create(tmp_path_factory.mktemp("clusters"), AtlasMeta("abc", MICE, 15.0, 8, "float32"))
    rng, rows = np.random.default_rng(0), []
    for seed in range(2):
        poses = prepare(wander(seed, frames=600, id=f"v{seed}"), MICE, Preparation())
        truths = {pair: rng.choice(3, len(poses.positions), p=[1 / 2, 1 / 3, 1 / 6]) for pair in poses.pairs()}
        atlas.add(EmbeddedVideo(poses, {pair: embeddings(rng, truth) for pair, truth in truths.items()}, {}, "px", ""))
        rows += list(truths.values())
    return atlas, np.concatenate(rows)


@pytest.fixture(scope="module")
def atlas(made: tuple[Atlas, np.ndarray]) -> Atlas:
    return made[0]


@pytest.fixture(scope="module")
def clusters(atlas: Atlas) -> Clusters:
    return fit_clusters(atlas, SETTINGS)


def everything(atlas: Atlas) -> np.ndarray:
    return np.concatenate([values for video in atlas.videos() for values in video.embeddings.values()])


def test_behaviours_are_found_the_most_frequent_first(made: tuple[Atlas, np.ndarray], clusters: Clusters) -> None:
    atlas, truth = made
    assert clusters.count == 3
    labels, positions = clusters.assign(everything(atlas))
    assert (labels == truth).mean() > 0.95
    assert positions.shape == (len(truth), 2)
    # On the map, every frame lies among the anchors of its cluster.
    for cluster in range(3):
        anchors = clusters.map_positions[clusters.labels == cluster]
        inside = (positions[labels == cluster] >= anchors.min(0)) & (positions[labels == cluster] <= anchors.max(0))
        assert inside.all()


def test_new_frames_get_the_cluster_of_their_behaviour(clusters: Clusters) -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 300)
    assert (clusters.assign(embeddings(rng, truth))[0] == truth).mean() > 0.95


def test_embeddings_unlike_any_anchor_are_noise(clusters: Clusters) -> None:
    strange = clusters.centre - 9 * np.eye(8, dtype=np.float32)[[1, 6]] + 9 * np.eye(8, dtype=np.float32)[[3, 7]]
    np.testing.assert_array_equal(clusters.assign(strange)[0], [NOISE, NOISE])


def test_anchors_of_noise_vote_for_noise(clusters: Clusters) -> None:
    silent = replace(clusters, labels=np.where(clusters.labels == 2, NOISE, clusters.labels).astype(np.int16))
    rng = np.random.default_rng(8)
    assert (silent.assign(embeddings(rng, np.full(100, 2)))[0] == NOISE).mean() > 0.95


def test_the_cluster_of_a_frame_does_not_depend_on_other_frames(clusters: Clusters) -> None:
    values = embeddings(np.random.default_rng(1), np.array([0, 1, 2, 2, 1]))
    together = clusters.assign(values)
    for frame in range(5):
        alone = clusters.assign(values[frame : frame + 1])
        assert alone[0][0] == together[0][frame]
        np.testing.assert_allclose(alone[1][0], together[1][frame], rtol=1e-4)


def test_a_fit_does_not_change_the_number_of_torch_threads(atlas: Atlas) -> None:
    """Numba would claim all cores, and on other threads torch adds numbers in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        fit_clusters(atlas, SETTINGS, seed=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_same_seed_gives_the_same_clusters(atlas: Atlas, clusters: Clusters) -> None:
    assert fit_clusters(atlas, SETTINGS).fingerprint() == clusters.fingerprint()
    assert fit_clusters(atlas, SETTINGS, seed=1).fingerprint() != clusters.fingerprint()


def test_stability_is_high_where_there_are_clusters(atlas: Atlas) -> None:
    fitted = fit_clusters(atlas, replace(SETTINGS, refits=2))
    assert len(fitted.stability) == len(fitted.stability_inside) == 2
    assert min(fitted.stability) > 0.85
    assert min(fitted.stability_inside) > 0.95


def test_joins_form_a_family_tree(clusters: Clusters) -> None:
    joins = clusters.joins
    assert (np.diag(joins) == 0).all()
    assert (joins == joins.T).all()
    assert (joins[np.triu_indices(3, 1)] > 0).all()
    # In a family tree, of any three the two largest distances are equal.
    three = sorted(joins[np.triu_indices(3, 1)])
    assert three[1] == three[2]


def test_saved_and_loaded_are_equal(clusters: Clusters, tmp_path: Path) -> None:
    clusters = replace(clusters, stability=(0.5, 0.25), stability_inside=(0.75, 1.0))
    clusters.save(tmp_path / "fitted.safetensors")
    loaded = Clusters.load(tmp_path / "fitted.safetensors")
    for field in fields(Clusters):
        before, after = getattr(clusters, field.name), getattr(loaded, field.name)
        assert np.array_equal(before, after) if isinstance(before, np.ndarray) else before == after
    assert loaded.fingerprint() == clusters.fingerprint()


def test_embeddings_are_averaged_over_time() -> None:
    values = np.arange(6, dtype=np.float32)[:, None]
    np.testing.assert_allclose(average_over_time(values, np.arange(6), 1)[:, 0], [1 / 3, 1, 2, 3, 4, 14 / 3], rtol=1e-6)
    np.testing.assert_allclose(average_over_time(values, np.array([4, 2]), 0)[:, 0], [4, 2])
    assert Clustering(seconds=1.0).reach(15.0) == 8


def test_consecutive_frames_are_averaged_as_single_ones() -> None:
    values = np.random.default_rng(0).normal(3, 1, (200, 4)).astype(np.float16)
    frames = np.arange(5, 190)
    alone = np.concatenate([average_over_time(values, frames[[frame]], 8) for frame in range(len(frames))])
    np.testing.assert_allclose(average_over_time(values, frames, 8), alone, rtol=1e-5)


def test_a_cluster_that_is_too_large_is_split(atlas: Atlas) -> None:
    # Behaviour 0 has half of all frames.
    fitted = fit_clusters(atlas, replace(SETTINGS, largest=0.4, smallest=0.02))
    assert np.bincount(fitted.labels[fitted.labels >= 0]).max() <= 0.4 * len(fitted.labels)


def test_directions_are_from_the_centre_and_of_length_one() -> None:
    values = directions(np.array([[1.0, 2.0], [4.0, 6.0]]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(values, [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_too_few_frames_are_refused(atlas: Atlas) -> None:
    with pytest.raises(InputError, match=r"expected at least 4000 frames .*found 500 among 500 anchors"):
        fit_clusters(atlas, replace(SETTINGS, neighbours=1000))


def test_frames_without_located_animals_do_not_count(wander: Callable[..., Recording], tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, AtlasMeta("abc", MICE, 15.0, 8, "float32"))
    poses = prepare(wander(0, frames=600, id="lost"), MICE, Preparation())
    poses = replace(poses, centre=np.full_like(poses.centre, np.nan))
    values = np.zeros((300, 8), np.float32)
    atlas.add(EmbeddedVideo(poses, {(0, 1): values, (1, 0): values}, {}, "px", ""))
    with pytest.raises(InputError, match="found 0 among 500 anchors"):
        fit_clusters(atlas, SETTINGS)


def test_a_map_without_dense_regions_is_refused(atlas: Atlas) -> None:
    with pytest.raises(InputError, match=r"found none: lower --clustering\.smallest"):
        fit_clusters(atlas, replace(SETTINGS, smallest=0.6, largest=0.9))


def test_other_files_are_no_clusters(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Clusters.load(tmp_path / "fitted.safetensors")
    (tmp_path / "fitted.safetensors").write_bytes(b"\x10" * 40)
    with pytest.raises(InputError, match="fitted"):
        Clusters.load(tmp_path / "fitted.safetensors")


def test_a_finer_selection_finds_no_fewer(atlas: Atlas) -> None:
    leaf = fit_clusters(atlas, replace(SETTINGS, selection="leaf", smallest=0.03))
    assert leaf.count >= 3
    truth_like = leaf.assign(SHAPES)[0]
    assert len(set(truth_like.tolist())) == 3


def test_the_number_of_neighbours_changes_the_map(atlas: Atlas, clusters: Clusters) -> None:
    other = fit_clusters(atlas, replace(SETTINGS, neighbours=30))
    assert not np.allclose(other.map_positions, clusters.map_positions)
    assert adjusted_rand_score(other.labels, clusters.labels) > 0.9


def test_files_keep_the_names_of_released_versions(clusters: Clusters, tmp_path: Path) -> None:
    path = tmp_path / "fitted.safetensors"
    clusters.save(path)
    arrays, about = read_arrays(path, "ssl_behavior.clusters")
    assert set(arrays) == {"centre", "landmarks", "positions", "labels", "joins"}
    assert about["settings"]["landmarks"] == 500
    np.testing.assert_array_equal(arrays["landmarks"], clusters.anchors)
    np.testing.assert_array_equal(arrays["positions"], clusters.map_positions)
