from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior import neighbours
from ssl_behavior.embeddings import Atlas, EmbeddedVideo, Maker
from ssl_behavior.errors import InputError
from ssl_behavior.neighbours import build, kind_for, load, recall, sample
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
CHANNELS = 16


@pytest.fixture(scope="module")
def atlas(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """2,400 embeddings that lie in bunches, far from the origin."""
    atlas = Atlas.create(tmp_path_factory.mktemp("atlas"), Maker("abc", MICE, 30.0, CHANNELS, "float32"))
    rng = np.random.default_rng(0)
    bunches = rng.normal(size=(30, CHANNELS))
    for seed in range(3):
        poses = prepare(wander(seed, frames=400), MICE, Preparation(30.0))
        embeddings = {
            pair: (5 + bunches[rng.integers(30, size=400)] + 0.3 * rng.normal(size=(400, CHANNELS))).astype(np.float32)
            for pair in poses.pairs()
        }
        atlas.add(EmbeddedVideo(poses, embeddings, {}, "px", ""))
    return atlas


def every(atlas: Atlas) -> np.ndarray:
    return np.concatenate([values for video in atlas.videos() for values in video.embeddings.values()])


def by_hand(values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Cosines (query, row) of what is left when the mean is taken away."""
    mean = values.astype(np.float64).mean(0)
    unit = [(one - mean) / np.linalg.norm(one - mean, axis=1, keepdims=True) for one in (asked, values)]
    return unit[0] @ unit[1].T


def test_exact_neighbours_are_those_of_brute_force(atlas: Atlas) -> None:
    values = every(atlas)
    asked = values[[3, 700, 2399]] + 0.01
    cosines = by_hand(values, asked)
    similarities, rows = build(atlas).search(asked, 20)
    np.testing.assert_array_equal(rows, np.argsort(-cosines, axis=1)[:, :20])
    np.testing.assert_allclose(similarities, np.sort(cosines, axis=1)[:, ::-1][:, :20], atol=1e-4)


@pytest.mark.parametrize(("kind", "least"), [("ivf", 0.9), ("ivfpq", 0.5)])
def test_other_indices_find_most_of_them(kind: neighbours.Kind, least: float, atlas: Atlas) -> None:
    found = build(atlas, kind)
    assert found.kind == kind
    assert least < recall(found, atlas) <= 1
    assert recall(build(atlas), atlas) == 1


def test_recall_counts_what_both_find(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    found = build(atlas, "ivf")
    # An index that is asked for neighbours and names rows at the end of the atlas finds none of them.
    monkeypatch.setattr(neighbours.Neighbours, "search", lambda self, asked, k: _named(self, asked, k))
    assert recall(found, atlas, neighbours=10) == pytest.approx(0.5)


def _named(self: neighbours.Neighbours, asked: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.tile(np.arange(k) + (0 if self.kind == "exact" else k // 2), (len(asked), 1))
    return np.ones(rows.shape), rows


def test_more_neighbours_than_there_are(atlas: Atlas) -> None:
    rows = build(atlas).search(every(atlas)[:1], 3000)[1]
    assert (np.sort(rows[0])[600:] == np.arange(2400)).all()
    assert (np.sort(rows[0])[:600] == -1).all()


def test_an_index_is_stored_and_one_of_other_embeddings_refused(
    atlas: Atlas, wander: Callable[..., Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 1000)
    with pytest.raises(InputError, match="expected an index of its embeddings; found none: run"):
        load(atlas)
    found = build(atlas)
    path = found.save(atlas.folder)
    asked = every(atlas)[:5]
    for own, again in zip(found.search(asked, 10), load(atlas).search(asked, 10), strict=True):
        np.testing.assert_array_equal(own, again)
    content = path.read_bytes()
    path.write_bytes(content[:1000])
    with pytest.raises(InputError, match="damaged"):
        load(atlas)
    path.write_bytes(content)
    monkeypatch.setattr(Atlas, "rows", 2500)
    with pytest.raises(InputError, match="found one of 2400 embeddings, not 2500"):
        load(atlas)


def test_the_kind_goes_by_the_number_of_embeddings() -> None:
    assert [kind_for(n) for n in (1, 10**6, 10**6 + 1, 10**7, 10**7 + 1)] == ["exact", "exact", "ivf", "ivf", "ivfpq"]


def test_a_sample_is_of_rows_without_repetition(atlas: Atlas) -> None:
    values = every(atlas)
    np.testing.assert_array_equal(sample(atlas, 2400, 0), values)
    some = sample(atlas, 100, 0)
    places = [int(np.flatnonzero((values == one).all(1))[0]) for one in some]
    assert len(set(places)) == 100
    assert not np.array_equal(sample(atlas, 100, 1), some)


def test_an_empty_atlas(tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, Maker("abc", MICE, 30.0, CHANNELS, "float32"))
    with pytest.raises(InputError, match="expected embeddings; found none"):
        build(atlas)
