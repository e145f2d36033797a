"""The benchmarks of index and clusters on atlases whose answers are known."""

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


def test_whole_embeddings_in_lists_are_found_by_their_similarity(atlas: Atlas) -> None:
    found = index._whole(atlas)
    assert recall(found) > 0.95
    asked = atlas.take(np.array([3, 700]))
    np.testing.assert_allclose(found.search(asked, 3)[0], build(atlas).search(asked, 3)[0], atol=1e-3)


def test_what_is_measured_of_an_index(atlas: Atlas) -> None:
    built, per_row, size, anonymous, everything, own, others, query = map(
        float, index._measure(atlas.folder, atlas.folder, "exact")
    )
    assert size == pytest.approx(8 * 4, abs=2)
    assert (own, others) == (1, 1)
    assert 0 <= anonymous < everything
    assert min(built + 1, per_row, query) > 0


def test_memory_is_that_of_what_is_done() -> None:
    size = 30 << 20  # mapped, as memory that was freed before may be used again
    with (
        index._memory() as peak,
        mmap(-1, size, MAP_PRIVATE | MAP_ANONYMOUS) as held,
    ):
        held.write(bytes([1]) * size)
        index.time.sleep(0.1)
    assert size <= peak[0] < 3 * size


def test_agreement_leaves_noise_out_of_what_is_in_clusters() -> None:
    one, other = np.array([0, 0, 1, 1, -1, -1]), np.array([1, 1, 0, 0, 0, 1])
    everywhere, inside = map(float, clustering.agreement(one, other).split(" | "))
    assert everywhere < inside == 1


def test_what_was_measured_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "RUNS", tmp_path)
    first = clustering.kept("one", lambda: {"minutes": 2.0, "labels": np.arange(3)})
    again = clustering.kept("one", lambda: {})
    assert float(first["minutes"]) == float(again["minutes"]) == 2
    np.testing.assert_array_equal(again["labels"], [0, 1, 2])
