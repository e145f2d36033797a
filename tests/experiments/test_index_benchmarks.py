"""The benchmarks of the index and of clusters, on atlases with known answers."""

from collections.abc import Callable
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks import clustering, index
from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.index import build, recall
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.fixture(scope="module")
def atlas(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """1,200 embeddings of three behaviours, in half precision."""
    atlas = Atlas.create(tmp_path_factory.mktemp("atlas"), AtlasMeta("abc", MICE, 15.0, 8, "float16"))
    rng = np.random.default_rng(0)
    shapes = 4 * np.eye(8)[[0, 2, 5]]
    for seed in range(2):
        poses = prepare(wander(seed, frames=600, id=f"v{seed}", gaps=0.0), MICE, Preparation())
        acts = np.repeat(np.arange(3), 100)
        values = {pair: shapes[acts] + 0.3 * rng.normal(size=(300, 8)) for pair in poses.pairs()}
        atlas.add(EmbeddedVideo(poses, values, {}, "px", ""))
    return atlas


def test_an_index_of_whole_embeddings_finds_the_most_similar_rows(atlas: Atlas) -> None:
    whole = index._whole(atlas)
    assert recall(whole) > 0.95
    queries = atlas.take(np.array([3, 700]))
    np.testing.assert_allclose(whole.search(queries, 3)[0], build(atlas).search(queries, 3)[0], atol=1e-3)


def test_measures_of_an_index_are_plausible(atlas: Atlas) -> None:
    built, per_row, size, anonymous, everything, inside, outside, query = map(
        float, index._measure(atlas.folder, atlas.folder, "exact")
    )
    assert size == pytest.approx(8 * 4, abs=2)
    assert (inside, outside) == (1, 1)
    assert 0 <= anonymous < everything
    assert min(built + 1, per_row, query) > 0


def test_memory_is_measured_within_the_block() -> None:
    size = 30 << 20  # mapped, because an allocation could reuse memory that was freed before
    with (
        index._memory() as peak,
        mmap(-1, size, MAP_PRIVATE | MAP_ANONYMOUS) as block,
    ):
        block.write(bytes([1]) * size)
        index.time.sleep(0.1)
    assert size <= peak[0] < 3 * size


def test_agreement_within_clusters_leaves_noise_out() -> None:
    first, second = np.array([0, 0, 1, 1, -1, -1]), np.array([1, 1, 0, 0, 0, 1])
    everywhere, inside = map(float, clustering.agreement(first, second).split(" | "))
    assert everywhere < inside == 1


def test_a_measurement_is_made_once_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "RUNS", tmp_path)
    first = clustering.saved("one", lambda: {"minutes": 2.0, "labels": np.arange(3)})
    again = clustering.saved("one", lambda: {})
    assert float(first["minutes"]) == float(again["minutes"]) == 2
    np.testing.assert_array_equal(again["labels"], [0, 1, 2])
