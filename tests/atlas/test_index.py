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
    """2,400 embeddings that lie in bunches, far from the origin."""
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


def test_codes_find_most_of_them(atlas: Atlas) -> None:
    found = build(atlas, "codes")
    assert found.kind == "codes"
    assert 0.95 < recall(found) <= 1
    assert recall(build(atlas)) == 1


def test_what_codes_find_is_as_near_as_it_is_said_to_be(atlas: Atlas) -> None:
    values = every(atlas)
    asked = values[[3, 700, 2399]] + 0.01
    similarities, rows = build(atlas, "codes").search(asked, 20)
    cosines = np.take_along_axis(by_hand(values, asked), rows, axis=1)
    np.testing.assert_allclose(similarities, cosines, atol=1e-4)
    assert (np.diff(similarities) <= 0).all()


def test_recall_is_the_share_of_true_neighbours(atlas: Atlas) -> None:
    found = build(atlas, "codes")
    faiss.extract_index_ivf(found.index.index).nprobe = 1  # so that some are missed
    asked = sample(atlas, 50, 1)
    true = np.argsort(-by_hand(every(atlas), asked), axis=1)[:, :10]
    rows = found.search(asked, 10)[1]
    share = np.mean([len(set(one) & set(other)) / 10 for one, other in zip(rows, true, strict=True)])
    assert share < 1
    assert recall(found, asked) == recall(found, queries=50) == pytest.approx(share)


def test_of_rows_that_are_equally_near_any_will_do(wander: Callable[..., Recording], tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, AtlasMeta("abc", MICE, 30.0, CHANNELS, "float32"))
    poses = prepare(wander(0, frames=400), MICE, Preparation(30.0))
    values = np.repeat(np.random.default_rng(0).normal(size=(20, CHANNELS)), 20, axis=0).astype(np.float32)
    atlas.add(EmbeddedVideo(poses, dict.fromkeys(poses.pairs(), values), {}, "px", ""))
    assert recall(build(atlas, "codes")) == 1


def test_more_neighbours_than_there_are(atlas: Atlas) -> None:
    rows = build(atlas).search(every(atlas)[:1], 3000)[1]
    assert (np.sort(rows[0])[600:] == np.arange(2400)).all()
    assert (np.sort(rows[0])[:600] == -1).all()


def test_candidates_that_are_fewer_than_asked_for(atlas: Atlas) -> None:
    found = build(atlas, "codes")
    faiss.extract_index_ivf(found.index.index).nprobe = 1
    similarities, rows = found.search(every(atlas)[:2], 2000)
    assert rows.shape == similarities.shape == (2, 2000)
    assert (rows[:, -1] == -1).all()
    assert (similarities[rows >= 0].min() >= -1) & (similarities[rows < 0] < -1).all()
    assert (rows[:, 0] >= 0).all()


def test_an_index_is_kept_and_made_anew_where_it_is_of_no_use(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(index, "EXACT_UP_TO", 1000)
    told: list[str] = []
    found = load(atlas, told.append)
    assert found.kind == "codes"
    assert re.fullmatch(r"indexed 2,400 embeddings \(codes\); recall at 10 against exact: (0\.\d+|1\.000)", told[0])
    asked, (path,) = every(atlas)[:5], atlas.folder.glob("index-*.faiss")
    content = path.read_bytes()
    for own, again in zip(found.search(asked, 10), load(atlas, told.append).search(asked, 10), strict=True):
        np.testing.assert_array_equal(own, again)
    assert len(told) == 1
    path.write_bytes(content[:1000])
    np.testing.assert_array_equal(load(atlas, told.append).search(asked, 10)[1], found.search(asked, 10)[1])
    assert (len(told), path.read_bytes()) == (2, content)
    # One of the same length that somebody else wrote, of which FAISS would believe every number.
    path.write_bytes(content[:-8] + bytes(8))
    assert load(atlas, told.append).index.ntotal == 2400
    assert (len(told), path.read_bytes()) == (3, content)
    empty = build(atlas, "codes")
    empty.index.reset()
    assert empty.save() == path
    assert load(atlas, told.append).index.ntotal == 2400
    assert len(told) == 4
    # Other embeddings, as many of the same length, have an index of their own, in place of this one.
    shutil.copytree(atlas.folder, tmp_path / "other")
    text = (tmp_path / "other" / "atlas.yaml").read_text()
    (tmp_path / "other" / "atlas.yaml").write_text(text.replace(atlas.made_by.encoder, "another"))
    load(Atlas(tmp_path / "other"), told.append)
    assert len(told) == 5
    assert path.name not in [one.name for one in (tmp_path / "other").glob("index-*.faiss")]
    path.unlink()


def test_the_kind_goes_by_the_number_of_embeddings() -> None:
    assert [kind_for(n) for n in (1, 10**6, 10**6 + 1)] == ["exact", "exact", "codes"]


def test_a_sample_is_of_rows_without_repetition(atlas: Atlas) -> None:
    values = every(atlas)
    np.testing.assert_array_equal(sample(atlas, 2400, 0), values)
    some = sample(atlas, 100, 0)
    places = [int(np.flatnonzero((values == one).all(1))[0]) for one in some]
    assert len(set(places)) == 100
    assert not np.array_equal(sample(atlas, 100, 1), some)


def test_an_empty_atlas(tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, AtlasMeta("abc", MICE, 30.0, CHANNELS, "float32"))
    with pytest.raises(InputError, match="expected embeddings; found none"):
        build(atlas)
