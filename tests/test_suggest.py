import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.active_learning import Suggestion, choose, cut, entropy
from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Bout, Labels
from ssl_behavior.recordings.matching import attach
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.suggest import SuggestConfig, main, suggest

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
BEHAVIOURS = ("attack", "sniff")
FRAMES, CLIP, CLIPS = 1800, 300, 6
"""Frames of a recording at 30 Hz, of a clip of 10 s, and clips of a recording."""
KINDS = {"a": "AAAABB", "b": "AABBCC", "c": "AAABBD"}
"""What goes on in each clip; the first two of video a are labelled, as A."""


def recording(wander: Callable[..., Recording], name: str) -> Recording:
    return wander(ord(name), frames=FRAMES, id=name)


@pytest.fixture(scope="module")
def folder(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos whose embeddings say what kind a clip is, with a little noise; the atlas knows two clips' labels."""
    atlas = Atlas.create(tmp_path_factory.mktemp("suggest") / "atlas", AtlasMeta("abc", MICE, 15.0, 6, "float32"))
    rng = np.random.default_rng(0)
    for name, kinds in KINDS.items():
        poses = prepare(recording(wander, name), MICE, Preparation())
        clean = np.repeat(np.eye(6)[["ABCD".index(kind) for kind in kinds]], CLIP // 2, axis=0)
        embeddings = {pair: (clean + 0.01 * rng.normal(size=clean.shape)).astype(np.float32) for pair in poses.pairs()}
        labels = {}
        if name == "a":
            values = np.full(FRAMES // 2, UNSCORED)
            values[:CLIP] = 1
            labels = {"S1": Labels(BEHAVIOURS, values)}
        atlas.add(EmbeddedVideo(poses, embeddings, labels, "px", ""))
    return atlas.folder


@pytest.fixture(scope="module")
def predicted(folder: Path) -> Path:
    """A model that knows A, doubts the second B of video b most, and never decides for D."""
    sure = {"A": 0.02, "B": 0.2, "C": 0.05, "D": 0.3}
    output = folder.parent / "predictions"
    for name, kinds in KINDS.items():
        attack = np.repeat([sure[kind] for kind in kinds], CLIP)
        if name == "b":
            attack[3 * CLIP : 4 * CLIP] = 0.6
        probabilities = np.stack([attack, 1 - attack], 1)
        labels = (attack < 0.5).astype(int)
        tables.write(output, Prediction(name, BEHAVIOURS, probabilities, labels, 30.0, np.full(len(labels), 2)))
    return output


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> SuggestConfig:
    return SuggestConfig(folder, top=4, output=tmp_path / "found")


@pytest.fixture
def with_model(config: SuggestConfig, predicted: Path) -> SuggestConfig:
    return replace(config, predictions=predicted)


def kinds(found: list[Suggestion]) -> str:
    return "".join(KINDS[one.video][one.start_frame // CLIP] for one in found)


def test_without_a_model_what_covers_most_comes_first(config: SuggestConfig) -> None:
    # A is labelled; of what is left there are six B, two C and one D.
    found = suggest(config)
    assert kinds(found)[:3] == "BCD"
    assert [one.rank for one in found] == [1, 2, 3, 4]
    assert all(one.novelty > 0.7 for one in found[:3])
    assert found[3].novelty < 0.1
    assert {(one.label, one.probability, one.uncertainty) for one in found} == {("", None, None)}


def test_of_clips_that_are_alike_the_one_in_doubt_is_suggested(with_model: SuggestConfig) -> None:
    first = suggest(with_model)[0]
    assert (first.video, first.start_frame, first.stop_frame, first.start) == ("b", 3 * CLIP, 4 * CLIP, "0:30")
    assert (first.label, first.why) == ("attack", "attack or sniff?; unlike anything labelled or listed above")
    assert first.probability == pytest.approx(0.6, abs=1e-4)
    assert first.uncertainty == pytest.approx(-(0.6 * np.log2(0.6) + 0.4 * np.log2(0.4)), abs=1e-3)


def test_no_frame_that_is_labelled_and_none_twice(with_model: SuggestConfig, tmp_path: Path) -> None:
    # One frame that the embeddings, at half the frame rate, have no frame for.
    note = tmp_path / "b_annot.txt"
    bouts = {"S1": (Bout(0, CLIP, "base"), Bout(CLIP + 1, CLIP + 2, "attack"), Bout(CLIP + 2, FRAMES, "base"))}
    caltech.write(note, Annotations("b", bouts))
    config = replace(with_model, annotations=(note,), unscored=("base",), top=1000)
    found = suggest(config)
    taken = {name: np.zeros(FRAMES, int) for name in KINDS}
    taken["a"][: 2 * CLIP] = 1
    taken["b"][CLIP + 1] = 1
    for one in found:
        assert one.stop_frame - one.start_frame == CLIP
        assert one.seconds == pytest.approx(10.0)
        taken[one.video][one.start_frame : one.stop_frame] += 1
    assert all(values.max() == 1 for values in taken.values())
    assert len(found) == 4 + 5 + 6


@pytest.mark.parametrize("pattern", ["*_annot.txt", "*.boris"])
def test_files_to_correct_are_read_back(
    with_model: SuggestConfig, pattern: str, wander: Callable[..., Recording]
) -> None:
    config = replace(with_model, top=7)
    found = suggest(config)
    review = config.output / "review"
    videos = {one.video for one in found}
    assert {path.name for path in review.glob(pattern)} == {pattern.replace("*", name) for name in videos}
    labelled = attach(
        [recording(wander, name) for name in videos], read_annotations(sorted(review.glob(pattern))), "S1", ["unscored"]
    )
    assert "a" in videos
    for one in labelled:
        expected = np.full(FRAMES, "", object)
        if one.id == "a":
            expected[: 2 * CLIP] = "sniff"
        for clip in (clip for clip in found if clip.video == one.id):
            expected[clip.start_frame : clip.stop_frame] = clip.label
        labels = one.labels["S1"]
        names = np.array([*labels.behaviours, ""], object)[labels.values]
        np.testing.assert_array_equal(names, expected)


def test_without_a_model_clips_stand_as_suggested(config: SuggestConfig) -> None:
    found = suggest(config)
    for one in found:
        (read,) = read_annotations(config.output / "review" / f"{one.video}_annot.txt")
        bouts = [bout for bout in read.channels["S1"] if bout.behaviour == "suggested"]
        assert any(bout.start <= one.start_frame and one.stop_frame <= bout.stop for bout in bouts)


def test_the_list_is_what_is_returned(with_model: SuggestConfig) -> None:
    found = suggest(with_model)
    with (with_model.output / "suggestions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["rank"]), row["video"], int(row["start_frame"]), row["start"]) for row in rows] == [
        (one.rank, one.video, one.start_frame, one.start) for one in found
    ]
    assert [float(row["uncertainty"]) for row in rows] == [round(one.uncertainty or 0, 3) for one in found]


def test_the_same_again_and_nothing_left_of_before(with_model: SuggestConfig) -> None:
    found = suggest(with_model)
    assert (with_model.output / "suggestions.png").stat().st_size > 10_000
    again = suggest(replace(with_model, top=1, overwrite=True))
    assert again == found[:1]
    left = {path.name for path in with_model.output.rglob("*") if path.is_file()}
    assert left == {"suggestions.csv", "suggestions.png", "settings.yaml", "b_annot.txt", "b.boris", "written.yaml"}


def test_what_a_person_corrected_is_never_written_over(with_model: SuggestConfig) -> None:
    suggest(replace(with_model, top=1))
    corrected = with_model.output / "review" / "b_annot.txt"
    corrected.write_text(corrected.read_text() + "\n")
    before = {path: path.read_bytes() for path in with_model.output.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"found b_annot\.txt in .*review edited since; move these elsewhere"):
        suggest(replace(with_model, overwrite=True))
    assert {path: path.read_bytes() for path in with_model.output.rglob("*") if path.is_file()} == before


def test_a_named_pair_stands_in_the_list(config: SuggestConfig) -> None:
    assert {(one.agent, one.target) for one in suggest(config)} == {("", "")}
    named = suggest(replace(config, agent="mouse1", overwrite=True))
    assert {(one.agent, one.target) for one in named} == {("mouse1", "mouse0")}


def test_labels_that_name_a_pair_say_whose_embeddings_count(
    folder: Path, config: SuggestConfig, tmp_path: Path
) -> None:
    known = Atlas(folder)
    atlas = Atlas.create(tmp_path / "directed", known.made_by)
    for video in known.videos():
        labels = {"S1": Labels(BEHAVIOURS, np.full(FRAMES // 2, UNSCORED), ("mouse1", "mouse0"))}
        atlas.add(replace(video, labels=labels))
    found = suggest(replace(config, atlas=atlas.folder))
    assert {(one.agent, one.target) for one in found} == {("mouse1", "mouse0")}


def test_clips_in_which_an_animal_is_lost_are_left_out(wander: Callable[..., Recording], tmp_path: Path) -> None:
    whole = recording(wander, "d")
    positions = whole.positions.copy()
    positions[CLIP : 2 * CLIP, 1] = np.nan
    poses = prepare(replace(whole, positions=positions), MICE, Preparation())
    atlas = Atlas.create(tmp_path / "atlas", AtlasMeta("abc", MICE, 15.0, 6, "float32"))
    rng = np.random.default_rng(0)
    embeddings = {pair: rng.normal(size=(FRAMES // 2, 6)).astype(np.float32) for pair in poses.pairs()}
    atlas.add(EmbeddedVideo(poses, embeddings, {}, "px", ""))
    found = suggest(SuggestConfig(atlas.folder, output=tmp_path / "found"))
    assert sorted(one.start_frame for one in found) == [i * CLIP for i in (0, 2, 3, 4, 5)]


def test_from_the_shell(
    with_model: SuggestConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--atlas", str(with_model.atlas), "--predictions", str(with_model.predictions), "--top", "2"]
    monkeypatch.setattr("sys.argv", ["suggest", *words, "--output", str(with_model.output)])
    main()
    printed = capsys.readouterr().out
    assert "attack or sniff?" in printed
    assert "--unscored unscored" in printed
    assert (with_model.output / "suggestions.png").is_file()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"atlas": Path("nowhere")}, "nowhere: expected an atlas"),
        ({"channel": "S7"}, "--channel S7: expected a channel that is labelled; found S1"),
        ({"top": 0}, "--top: expected a number above 0"),
        ({"seconds": 0.0}, "--seconds: expected a number above 0"),
        ({"seconds": 100.0}, "expected unlabelled clips of 100 s in which the animals are tracked; found none"),
        ({"agent": "mouse7"}, "--agent mouse7: expected an individual of video a; found mouse0, mouse1"),
        ({"agent": "mouse1", "target": "mouse1"}, "expected two individuals; found one twice"),
        ({"unscored": ("sniff",)}, "--unscored sniff: expected the name of what is no judgement"),
        ({"predictions": Path("nowhere")}, "nowhere: expected a folder of predictions"),
    ],
)
def test_bad_input(changed: dict[str, object], message: str, with_model: SuggestConfig) -> None:
    with pytest.raises(InputError, match=message):
        suggest(replace(with_model, **changed))  # type: ignore[arg-type]
    assert not with_model.output.exists()


def test_predictions_and_annotations_of_something_else(config: SuggestConfig, tmp_path: Path) -> None:
    for name, frames, message in (
        ("z", FRAMES, "expected predictions of the atlas's videos, a, b, c; found those of z"),
        ("b", 30, f"expected {FRAMES} frames of video b, as in the atlas; found 30"),
    ):
        other = Prediction(name, BEHAVIOURS, np.full((frames, 2), 0.5), np.zeros(frames), 30.0, np.full(frames, 2))
        tables.write(tmp_path / name, other)
        with pytest.raises(InputError, match=message):
            suggest(replace(config, predictions=tmp_path / name))
    caltech.write(tmp_path / "z_annot.txt", Annotations("z", {"S1": (Bout(0, 9, "sniff"),)}))
    with pytest.raises(InputError, match="expected videos of the atlas, a, b, c; found annotations of z"):
        suggest(replace(config, annotations=(tmp_path / "z_annot.txt",)))
    caltech.write(tmp_path / "c_annot.txt", Annotations("c", {"S2": (Bout(0, 9, "sniff"),)}))
    with pytest.raises(InputError, match="several channels are labelled: S1, S2; choose one with --channel"):
        suggest(replace(config, annotations=(tmp_path / "c_annot.txt",)))


def test_videos_without_predictions_are_told(
    config: SuggestConfig, predicted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "c.csv").write_bytes((predicted / "c.csv").read_bytes())
    assert {one.video for one in suggest(replace(config, predictions=tmp_path / "some"))} == {"c"}
    assert "nothing is suggested in them: a, b" in capsys.readouterr().out


def test_choice_on_paper() -> None:
    several = np.eye(3, dtype=np.float32)[[0, 1, 1, 2, 2, 2]]
    nothing = np.zeros((0, 3), np.float32)
    assert [one.place for one in choose(several, None, nothing, 3)] == [3, 1, 0]
    assert [one.place for one in choose(several, None, several[3:4], 2)] == [1, 0]
    # What is like nothing else is worth its own doubt alone, and three that are sure are worth little together.
    doubt = np.array([0.6, 0.5, 0.6, 0.1, 0.1, 0.1])
    assert [one.place for one in choose(several, doubt, nothing, 2)] == [2, 0]
    assert [one.novelty for one in choose(several, None, nothing, 6)] == [1, 1, 1, 0, 0, 0]
    assert sorted(one.place for one in choose(several, None, nothing, 100)) == list(range(6))


def test_many_clips_are_chosen_from_alike_with_a_seed() -> None:
    rng = np.random.default_rng(0)
    many = rng.normal(size=(3_000, 8)).astype(np.float32)
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    assert choose(many, None, many[:5], 5, seed=1) == choose(many, None, many[:5], 5, seed=1)
    assert choose(many, None, many[:5], 5, seed=1) != choose(many, None, many[:5], 5, seed=2)


def test_entropy_is_a_share() -> None:
    np.testing.assert_allclose(
        entropy(np.array([[1 / 3] * 3, [1, 0, 0], [0.5, 0.5, 0]])), [1, 0, np.log(2) / np.log(3)]
    )
    np.testing.assert_allclose(entropy(np.array([[1.0], [1.0]])), [0, 0])


def test_cutting_on_paper() -> None:
    mask = np.array([1, 1, 1, 1, 1, 0, 1, 1, 0, 1], bool)
    assert cut(mask, 2) == [(0, 2), (2, 4), (6, 8)]
    assert cut(mask, 2, whole=False) == [(0, 2), (2, 4), (4, 5), (6, 8), (9, 10)]
    assert cut(np.zeros(3, bool), 2) == []
