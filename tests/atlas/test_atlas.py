from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.clustering import fit_clusters
from ssl_behavior.atlas.clusters import Clustering
from ssl_behavior.atlas.index import build
from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.errors import InputError
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
META = AtlasMeta("abc", MICE, 15.0, 6, "float32")


def make(recording: Recording, seed: int = 0) -> EmbeddedVideo:
    poses = prepare(recording, MICE, Preparation())
    frames, rng = len(poses.positions), np.random.default_rng(seed)
    embeddings = {pair: rng.normal(size=(frames, 6)).astype(np.float32) for pair in poses.pairs()}
    labels = {"été": Labels(("attack", "other"), np.arange(frames) % 3 - 1, ("mouse0", "mouse1"))}
    return EmbeddedVideo(poses, embeddings, labels if seed % 2 == 0 else {}, "px", "somewhere.csv")


@pytest.fixture
def videos(wander: Callable[..., Recording]) -> list[EmbeddedVideo]:
    return [make(replace(wander(seed, frames=100 + 20 * seed), id=f"cage/v{seed}"), seed) for seed in (10, 2, 1)]


@pytest.fixture
def atlas(videos: list[EmbeddedVideo], tmp_path: Path) -> Atlas:
    atlas = Atlas.create(tmp_path / "atlas", META)
    for video in videos:
        atlas.add(video)
    return atlas


def test_a_video_is_read_as_it_was_written_to_the_bit(atlas: Atlas, videos: list[EmbeddedVideo]) -> None:
    again = Atlas(atlas.folder)
    assert again.meta == META
    assert again.ids == ("cage/v1", "cage/v2", "cage/v10")
    for video in videos:
        reopened = again.video(video.id)
        for name in ("positions", "seen", "centre", "heading", "native_frames"):
            np.testing.assert_array_equal(getattr(reopened.poses, name), getattr(video.poses, name))
        plain = ("id", "frame_rate", "native_rate", "body_length", "individuals", "frames")
        assert [getattr(reopened.poses, name) for name in plain] == [getattr(video.poses, name) for name in plain]
        assert list(reopened.embeddings) == [(0, 1), (1, 0)]
        for pair, values in video.embeddings.items():
            np.testing.assert_array_equal(reopened.embeddings[pair], values)
        assert set(reopened.labels) == set(video.labels)
        for name, labels in video.labels.items():
            assert (reopened.labels[name].behaviours, reopened.labels[name].pair) == (labels.behaviours, labels.pair)
            np.testing.assert_array_equal(reopened.labels[name].values, labels.values)
        assert (reopened.unit, reopened.source) == ("px", "somewhere.csv")
        assert again.fingerprint(video.id) == video.poses.fingerprint()


def test_embeddings_stay_on_disk_and_reading_one_video_opens_no_other(atlas: Atlas) -> None:
    values = atlas.video("cage/v1").embeddings[0, 1]
    assert isinstance(values.base.base, pa.Buffer)  # a view of the map of the whole file
    assert not values.flags.writeable
    # One video can be read although the file of another is damaged.
    atlas.path("cage/v2").write_bytes(b"no")
    np.testing.assert_array_equal(atlas.video("cage/v1").embeddings[0, 1], values)
    with pytest.raises(InputError, match="v2"):
        atlas.video("cage/v2")


def test_rows_are_frames_of_pairs_in_order(atlas: Atlas) -> None:
    frames = [60, 70, 150]  # half of 120, 140 and 300
    assert [(span.video, span.pair, span.frames) for span in atlas.pair_rows] == [
        (name, pair, count) for name, count in zip(atlas.ids, frames, strict=True) for pair in ((0, 1), (1, 0))
    ]
    assert atlas.rows == 2 * sum(frames)
    assert [span.start for span in atlas.pair_rows] == [0, 60, 120, 190, 260, 410]
    assert [(atlas.locate(row)[0].start, atlas.locate(row)[1]) for row in (0, 59, 60, 189, 559)] == [
        (0, 0), (0, 59), (60, 0), (120, 69), (410, 149)
    ]  # fmt: skip


def test_an_added_video_replaces_one_of_the_same_id(atlas: Atlas, wander: Callable[..., Recording]) -> None:
    before = atlas.rows
    more = make(wander(5, id="more"))
    assert "more" not in atlas
    atlas.add(more)
    assert "more" in atlas
    assert atlas.rows == before + 120
    atlas.add(make(wander(6, id="more"), 1))
    assert atlas.rows == before + 120
    assert not np.array_equal(atlas.video("more").embeddings[0, 1], more.embeddings[0, 1])


def test_channels_of_labels_are_those_of_all_videos(atlas: Atlas, wander: Callable[..., Recording]) -> None:
    assert atlas.channels == {"été": ("attack", "other")}
    labels = {"S2": Labels(("mount",), np.zeros(60)), "été": Labels(("sniff", "attack"), np.zeros(60))}
    atlas.add(replace(make(wander(5, id="more")), labels=labels))
    assert atlas.channels == {"été": ("attack", "other", "sniff"), "S2": ("mount",)}


def test_rows_are_read_from_their_videos(atlas: Atlas) -> None:
    values = np.concatenate([pair for video in atlas.videos() for pair in video.embeddings.values()])
    for rows in ([], [0], [59, 60], list(range(560)), [1, 1, 559]):
        np.testing.assert_array_equal(atlas.take(np.array(rows, int)), values[rows])


def test_a_draw_gives_distinct_rows_in_order(atlas: Atlas) -> None:
    def drawn(count: int, seed: int) -> list[int]:
        starts = {(span.video, span.pair): span.start for span in atlas.pair_rows}
        parts = [starts[video.id, pair] + frames for video, pair, frames in atlas.draw(count, seed)]
        return [int(row) for row in np.concatenate(parts)]

    rows = drawn(50, 0)
    assert (rows, len(rows)) == (sorted(set(rows)), 50)
    assert rows == drawn(50, 0) != drawn(50, 1)
    assert drawn(1000, 0) == list(range(560))


def test_embeddings_can_be_stored_in_half_precision(videos: list[EmbeddedVideo], tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path, replace(META, dtype="float16"))
    atlas.add(videos[0])
    stored = atlas.video(videos[0].id).embeddings[1, 0]
    assert stored.dtype == np.float16
    np.testing.assert_allclose(stored, videos[0].embeddings[1, 0], rtol=1e-3)


def test_a_lone_animal_is_paired_with_itself(walk: Callable[..., Recording], tmp_path: Path) -> None:
    centres = np.cumsum(np.full((60, 1, 2), 0.05), axis=0)
    atlas = Atlas.create(tmp_path, META)
    atlas.add(make(walk(centres, id="alone")))
    video = atlas.video("alone")
    assert list(video.embeddings) == [(0, 0)]
    assert pair_name(*(video.poses.individuals[i] for i in (0, 0))) == "mouse0"
    assert pair_name("mouse0", "mouse1") == "mouse0 > mouse1"


def test_an_atlas_of_another_encoder_is_refused(atlas: Atlas) -> None:
    assert Atlas.create(atlas.folder, META).rows == atlas.rows
    with pytest.raises(InputError, match="another encoder"):
        Atlas.create(atlas.folder, replace(META, encoder="def"))
    with pytest.raises(InputError, match="another dtype"):
        Atlas.create(atlas.folder, replace(META, dtype="float16"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-50]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("embeddings"),
    "another file of ours": lambda path: path.write_bytes(
        path.read_bytes().replace(b"ssl_behavior.embeddings", b"ssl_behavior.recordings")
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_video_is_refused_in_one_sentence(damage: Callable[[Path], object], atlas: Atlas) -> None:
    path = atlas.path("cage/v1")
    damage(path)
    with pytest.raises(InputError, match=path.name) as refused:
        Atlas(atlas.folder).video("cage/v1")
    assert "\n" not in str(refused.value)


def test_a_missing_atlas_or_video_is_named(atlas: Atlas, tmp_path: Path) -> None:
    for folder, problem in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "no atlas.yaml")):
        with pytest.raises(InputError, match=f"expected an atlas.*found {problem}"):
            Atlas(folder)
    with pytest.raises(InputError, match="found video v7"):
        atlas.video("v7")
    (atlas.folder / "atlas.yaml").write_text("encoder: [")
    with pytest.raises(InputError, match=r"atlas\.yaml"):
        Atlas(atlas.folder)


def test_a_cleared_atlas_keeps_only_files_of_others(atlas: Atlas) -> None:
    notes = atlas.folder / "notes.txt"
    notes.write_text("mine")
    Atlas.clear(atlas.folder)
    assert list((atlas.folder / "videos").iterdir()) == []
    assert notes.exists()
    with pytest.raises(InputError, match="expected an atlas"):
        Atlas(atlas.folder)


def test_the_repr_has_two_lines_with_the_size_and_the_labels(atlas: Atlas) -> None:
    for shown, size in (
        (repr(atlas), "3 videos, 560 embeddings"),
        (repr(atlas.video("cage/v2")), "70 frames at 15 Hz"),
    ):
        assert len(shown.splitlines()) == 2
        assert size in shown
        assert "labels: 'été'" in shown


def test_videos_whose_ids_are_alike_as_file_names_have_files_of_their_own(
    videos: list[EmbeddedVideo], tmp_path: Path
) -> None:
    ids = ("a/b", "a_b", "a\\b", "CON", "v" * 300)
    for again in (False, True):
        atlas = Atlas.create(tmp_path / "atlas", META)
        for number, name in enumerate(ids):
            video = replace(videos[0], poses=replace(videos[0].poses, id=name))
            values = {(0, 1): np.full_like(video.embeddings[0, 1], number + 10 * again)}
            atlas.add(replace(video, embeddings=values))
        assert set(atlas.ids) == set(ids)
        assert [atlas.video(name).embeddings[0, 1][0, 0] for name in ids] == [i + 10 * again for i in range(len(ids))]
        assert "a_b" in atlas
        assert "A/b" not in atlas


def test_a_file_that_version_0_1_0_named_is_found_and_replaced(videos: list[EmbeddedVideo], tmp_path: Path) -> None:
    atlas = Atlas.create(tmp_path / "atlas", META)
    video = replace(videos[0], poses=replace(videos[0].poses, id="a\\b: c"))
    atlas.add(video)
    atlas.path(video.id).rename(tmp_path / "atlas" / "videos" / "a\\b: c.safetensors")
    atlas = Atlas(atlas.folder)
    assert atlas.video(video.id).id == video.id
    atlas.add(video)
    assert atlas.ids == (video.id,)


def spoil(atlas: Atlas, video: str, **changed: object) -> Atlas:
    """Write a video again with other values, as a damaged disk or another program might have left it."""
    existing = atlas.video(video)
    atlas.add(replace(existing, **changed))  # type: ignore[arg-type]
    return Atlas(atlas.folder)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused_wherever_they_are_used(value: float, atlas: Atlas) -> None:
    embeddings = {pair: np.array(values) for pair, values in atlas.video("cage/v2").embeddings.items()}
    embeddings[1, 0][7] = value
    spoilt = spoil(atlas, "cage/v2", embeddings=embeddings)
    message = rf"{spoilt.path('cage/v2')}: expected embeddings that are finite numbers; found NaN or infinity"
    for use in (
        lambda: list(spoilt.draw(10**6, 0)),
        lambda: spoilt.take(np.arange(spoilt.rows)),
        lambda: build(spoilt),
        lambda: fit_clusters(spoilt, Clustering(anchors=200, neighbours=5)),
    ):
        with pytest.raises(InputError, match=message):
            use()


@pytest.mark.parametrize(
    "changed",
    [
        {"frame_rate": 1e-9},
        {"native_rate": 1e9},
        {"body_length": 0.0},
        {"body_length": np.nan},
        {"individuals": ("m\0", "n")},
        {"individuals": ("m" * 1000, "n")},
        {"frames": 3},
    ],
)
def test_a_video_with_numbers_or_names_that_cannot_be_is_refused(changed: dict[str, object], atlas: Atlas) -> None:
    poses = replace(atlas.video("cage/v2").poses, **changed)  # type: ignore[arg-type]
    spoilt = spoil(atlas, "cage/v2", poses=poses)
    with pytest.raises(InputError, match=rf"{spoilt.path('cage/v2')}: expected embeddings of a video"):
        spoilt.video("cage/v2")


def test_a_flipped_bit_of_an_embedding_is_noticed_where_all_are_read(atlas: Atlas) -> None:
    path = atlas.path("cage/v2")
    content = bytearray(path.read_bytes())
    start = content.index(atlas.video("cage/v2").embeddings[1, 0][:4].tobytes())
    content[start] ^= 1
    path.write_bytes(content)
    damaged = Atlas(atlas.folder)
    assert np.isfinite(damaged.finite(damaged.video("cage/v2"), (1, 0))).all()
    with pytest.raises(InputError, match=rf"{path}: .*the array embeddings/1-0 differs .*embed .*again"):
        build(damaged)
