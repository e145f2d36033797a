import re
import shutil
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest

from ssl_behavior.atlas import index
from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.index import build, kind_for, load, recall, sample
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
CHANNELS = 16


@pytest.fixture(scope="module")
def atlas(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """2,400 embeddings in bunches, far from the origin."""
    atlas = Atlas.create(tmp_path_factory.mktemp("atlas"), AtlasMeta("abc", MICE, 30.0, CHANNELS, "float32"))
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


def all_embeddings(atlas: Atlas) -> np.ndarray:
    return np.concatenate([values for video in atlas.videos() for values in video.embeddings.values()])


def exact_cosines(values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Cosines (query, row) after subtracting the mean."""
    mean = values.astype(np.float64).mean(0)
    query_units, row_units = (
        (each - mean) / np.linalg.norm(each - mean, axis=1, keepdims=True) for each in (queries, values)
    )
    return query_units @ row_units.T


def test_exact_neighbours_are_those_of_brute_force(atlas: Atlas) -> None:
    values = all_embeddings(atlas)
    queries = values[[3, 700, 2399]] + 0.01
    cosines = exact_cosines(values, queries)
    similarities, rows = build(atlas).search(queries, 20)
    np.testing.assert_array_equal(rows, np.argsort(-cosines, axis=1)[:, :20])
    np.testing.assert_allclose(similarities, np.sort(cosines, axis=1)[:, ::-1][:, :20], atol=1e-4)


def test_codes_find_most_neighbours(atlas: Atlas) -> None:
    built = build(atlas, "codes")
    assert built.kind == "codes"
    assert 0.95 < recall(built) <= 1
    assert recall(build(atlas)) == 1


def test_similarities_of_codes_are_exact(atlas: Atlas) -> None:
    values = all_embeddings(atlas)
    queries = values[[3, 700, 2399]] + 0.01
    similarities, rows = build(atlas, "codes").search(queries, 20)
    cosines = np.take_along_axis(exact_cosines(values, queries), rows, axis=1)
    np.testing.assert_allclose(similarities, cosines, atol=1e-4)
    assert (np.diff(similarities) <= 0).all()


def test_recall_is_the_share_of_true_neighbours(atlas: Atlas) -> None:
    built = build(atlas, "codes")
    faiss.extract_index_ivf(built.index.index).nprobe = 1  # so that some are missed
    queries = sample(atlas, 50, 1)
    true = np.argsort(-exact_cosines(all_embeddings(atlas), queries), axis=1)[:, :10]
    rows = built.search(queries, 10)[1]
    share = np.mean([len(set(near) & set(nearest)) / 10 for near, nearest in zip(rows, true, strict=True)])
    assert share < 1
    assert recall(built, queries) == recall(built, sample_size=50) == pytest.approx(share)


def test_equally_near_rows_count_as_found(wander: Callable[..., Recording], tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, AtlasMeta("abc", MICE, 30.0, CHANNELS, "float32"))
    poses = prepare(wander(0, frames=400), MICE, Preparation(30.0))
    values = np.repeat(np.random.default_rng(0).normal(size=(20, CHANNELS)), 20, axis=0).astype(np.float32)
    atlas.add(EmbeddedVideo(poses, dict.fromkeys(poses.pairs(), values), {}, "px", ""))
    assert recall(build(atlas, "codes")) == 1


def test_missing_neighbours_are_row_minus_one(atlas: Atlas) -> None:
    rows = build(atlas).search(all_embeddings(atlas)[:1], 3000)[1]
    assert (np.sort(rows[0])[600:] == np.arange(2400)).all()
    assert (np.sort(rows[0])[:600] == -1).all()


def test_missing_candidates_are_row_minus_one(atlas: Atlas) -> None:
    built = build(atlas, "codes")
    faiss.extract_index_ivf(built.index.index).nprobe = 1
    similarities, rows = built.search(all_embeddings(atlas)[:2], 2000)
    assert rows.shape == similarities.shape == (2, 2000)
    assert (rows[:, -1] == -1).all()
    assert (similarities[rows >= 0].min() >= -1) & (similarities[rows < 0] < -1).all()
    assert (rows[:, 0] >= 0).all()


def test_an_index_file_is_read_again_and_rebuilt_if_it_is_unusable(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(index, "EXACT_UP_TO", 1000)
    messages: list[str] = []
    first = load(atlas, messages.append)
    assert first.kind == "codes"
    assert re.fullmatch(r"indexed 2,400 embeddings \(codes\); recall at 10 against exact: (0\.\d+|1\.000)", messages[0])
    queries, (path,) = all_embeddings(atlas)[:5], atlas.folder.glob("index-*.faiss")
    content = path.read_bytes()
    for before, after in zip(first.search(queries, 10), load(atlas, messages.append).search(queries, 10), strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(messages) == 1
    path.write_bytes(content[:1000])
    np.testing.assert_array_equal(load(atlas, messages.append).search(queries, 10)[1], first.search(queries, 10)[1])
    assert (len(messages), path.read_bytes()) == (2, content)
    # A file of the same length that somebody else wrote: FAISS would trust every number in it.
    path.write_bytes(content[:-8] + bytes(8))
    assert load(atlas, messages.append).index.ntotal == 2400
    assert (len(messages), path.read_bytes()) == (3, content)
    empty = build(atlas, "codes")
    empty.index.reset()
    assert empty.save() == path
    assert load(atlas, messages.append).index.ntotal == 2400
    assert len(messages) == 4
    # As many other embeddings of the same length get an index of their own, which replaces this one.
    shutil.copytree(atlas.folder, tmp_path / "other")
    text = (tmp_path / "other" / "atlas.yaml").read_text()
    (tmp_path / "other" / "atlas.yaml").write_text(text.replace(atlas.meta.encoder, "another"))
    load(Atlas(tmp_path / "other"), messages.append)
    assert len(messages) == 5
    assert path.name not in [path.name for path in (tmp_path / "other").glob("index-*.faiss")]
    path.unlink()


def test_the_kind_depends_on_the_number_of_embeddings() -> None:
    assert [kind_for(n) for n in (1, 10**6, 10**6 + 1)] == ["exact", "exact", "codes"]


def test_a_sample_has_no_row_twice(atlas: Atlas) -> None:
    values = all_embeddings(atlas)
    np.testing.assert_array_equal(sample(atlas, 2400, 0), values)
    drawn = sample(atlas, 100, 0)
    rows = [int(np.flatnonzero((values == embedding).all(1))[0]) for embedding in drawn]
    assert len(set(rows)) == 100
    assert not np.array_equal(sample(atlas, 100, 1), drawn)


def test_an_empty_atlas_is_refused(tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, AtlasMeta("abc", MICE, 30.0, CHANNELS, "float32"))
    with pytest.raises(InputError, match="expected embeddings; found none"):
        build(atlas)
