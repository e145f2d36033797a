import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from ssl_behavior.active_learning import Suggestion
from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.plots.style import styles
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
"""Frames of a recording at 30 Hz, frames of a clip of 10 s, and clips of a recording."""
KINDS = {"a": "AAAABB", "b": "AABBCC", "c": "AAABBD"}
"""Kind of behaviour in each clip. The first two clips of video a are labelled as A."""


def recording(wander: Callable[..., Recording], name: str) -> Recording:
    return wander(ord(name), frames=FRAMES, id=name)


@pytest.fixture(scope="module")
def folder(wander: Callable[..., Recording], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos whose embeddings give the kind of a clip, with a little noise; two clips are labelled."""
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
    """Predictions that are sure of A, doubt the second B of video b most, and never decide for D."""
    probability = {"A": 0.02, "B": 0.2, "C": 0.05, "D": 0.3}
    output = folder.parent / "predictions"
    for name, kinds in KINDS.items():
        attack = np.repeat([probability[kind] for kind in kinds], CLIP)
        if name == "b":
            attack[3 * CLIP : 4 * CLIP] = 0.6
        probabilities = np.stack([attack, 1 - attack], 1)
        labels = (attack < 0.5).astype(int)
        tables.write(output, Prediction(name, BEHAVIOURS, probabilities, labels, 30.0, np.full(len(labels), 2)))
    return output


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> SuggestConfig:
    return SuggestConfig(folder, top=4, output=tmp_path / "suggestions")


@pytest.fixture
def with_model(config: SuggestConfig, predicted: Path) -> SuggestConfig:
    return replace(config, predictions=predicted)


def kinds(suggestions: list[Suggestion]) -> str:
    return "".join(KINDS[each.video][each.start_frame // CLIP] for each in suggestions)


def test_without_a_model_the_clip_that_covers_most_is_first(config: SuggestConfig) -> None:
    # A is labelled. The unlabelled clips are six B, two C and one D, besides A.
    suggestions = suggest(config)
    assert kinds(suggestions)[:3] == "BCD"
    assert [clip.rank for clip in suggestions] == [1, 2, 3, 4]
    assert all(clip.novelty > 0.7 for clip in suggestions[:3])
    assert suggestions[3].novelty < 0.1
    assert {(clip.label, clip.probability, clip.uncertainty) for clip in suggestions} == {("", None, None)}


def test_among_similar_clips_the_uncertain_one_is_suggested(with_model: SuggestConfig) -> None:
    first = suggest(with_model)[0]
    assert (first.video, first.start_frame, first.stop_frame, first.start) == ("b", 3 * CLIP, 4 * CLIP, "0:30")
    assert (first.label, first.why) == ("attack", "attack or sniff?; unlike all clips labelled or listed above")
    assert first.probability == pytest.approx(0.6, abs=1e-4)
    assert first.uncertainty == pytest.approx(-(0.6 * np.log2(0.6) + 0.4 * np.log2(0.4)), abs=1e-3)


def test_clips_have_no_labelled_frame_and_do_not_overlap(with_model: SuggestConfig, tmp_path: Path) -> None:
    # The attack lasts one frame, between two frames of the embeddings, which have half the frame rate.
    path = tmp_path / "b_annot.txt"
    bouts = {"S1": (Bout(0, CLIP, "base"), Bout(CLIP + 1, CLIP + 2, "attack"), Bout(CLIP + 2, FRAMES, "base"))}
    caltech.write(path, Annotations("b", bouts))
    config = replace(with_model, annotations=(path,), unscored=("base",), top=1000)
    suggestions = suggest(config)
    uses = {name: np.zeros(FRAMES, int) for name in KINDS}
    uses["a"][: 2 * CLIP] = 1
    uses["b"][CLIP + 1] = 1
    for clip in suggestions:
        assert clip.stop_frame - clip.start_frame == CLIP
        assert clip.seconds == pytest.approx(10.0)
        uses[clip.video][clip.start_frame : clip.stop_frame] += 1
    assert all(values.max() == 1 for values in uses.values())
    assert len(suggestions) == 4 + 5 + 6


@pytest.mark.parametrize("pattern", ["*_annot.txt", "*.boris"])
def test_files_for_review_are_read_back(
    with_model: SuggestConfig, pattern: str, wander: Callable[..., Recording]
) -> None:
    config = replace(with_model, top=7)
    suggestions = suggest(config)
    review = config.output / "review"
    videos = {clip.video for clip in suggestions}
    assert {path.name for path in review.glob(pattern)} == {pattern.replace("*", name) for name in videos}
    labelled = attach(
        [recording(wander, name) for name in videos], read_annotations(sorted(review.glob(pattern))), "S1", ["unscored"]
    )
    assert "a" in videos
    for labelled_recording in labelled:
        expected = np.full(FRAMES, "", object)
        if labelled_recording.id == "a":
            expected[: 2 * CLIP] = "sniff"
        for clip in (clip for clip in suggestions if clip.video == labelled_recording.id):
            expected[clip.start_frame : clip.stop_frame] = clip.label
        labels = labelled_recording.labels["S1"]
        names = np.array([*labels.behaviours, ""], object)[labels.values]
        np.testing.assert_array_equal(names, expected)


def test_without_a_model_the_files_for_review_call_clips_suggested(config: SuggestConfig) -> None:
    suggestions = suggest(config)
    for clip in suggestions:
        (annotations,) = read_annotations(config.output / "review" / f"{clip.video}_annot.txt")
        bouts = [bout for bout in annotations.channels["S1"] if bout.behaviour == "suggested"]
        assert any(bout.start <= clip.start_frame and clip.stop_frame <= bout.stop for bout in bouts)


def test_the_list_holds_the_returned_suggestions(with_model: SuggestConfig) -> None:
    suggestions = suggest(with_model)
    with (with_model.output / "suggestions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["rank"]), row["video"], int(row["start_frame"]), row["start"]) for row in rows] == [
        (clip.rank, clip.video, clip.start_frame, clip.start) for clip in suggestions
    ]
    assert [float(row["uncertainty"]) for row in rows] == [round(clip.uncertainty or 0, 3) for clip in suggestions]


def test_a_behaviour_has_the_colour_that_it_has_in_the_ethograms(with_model: SuggestConfig) -> None:
    assert {clip.label for clip in suggest(replace(with_model, seconds=30.0, top=1))} == {"sniff"} != {BEHAVIOURS[0]}
    pixels = imread(with_model.output / "suggestions.png")[..., :3]
    for behaviour, (colour, _) in zip(BEHAVIOURS, styles(BEHAVIOURS), strict=True):
        assert (np.abs(pixels - to_rgb(colour)).max(-1) < 0.01).any() == (behaviour == "sniff")


def test_a_rerun_removes_the_files_of_the_run_before(with_model: SuggestConfig) -> None:
    suggestions = suggest(with_model)
    assert (with_model.output / "suggestions.png").stat().st_size > 10_000
    again = suggest(replace(with_model, top=1, overwrite=True))
    assert again == suggestions[:1]
    names = {path.name for path in with_model.output.rglob("*") if path.is_file()}
    assert names == {"suggestions.csv", "suggestions.png", "settings.yaml", "b_annot.txt", "b.boris", "written.yaml"}


def test_corrected_files_are_never_overwritten(with_model: SuggestConfig) -> None:
    suggest(replace(with_model, top=1))
    corrected = with_model.output / "review" / "b_annot.txt"
    corrected.write_text(corrected.read_text() + "\n")
    before = {path: path.read_bytes() for path in with_model.output.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"b_annot\.txt in .*edited"):
        suggest(replace(with_model, overwrite=True))
    assert {path: path.read_bytes() for path in with_model.output.rglob("*") if path.is_file()} == before


def test_the_list_names_the_chosen_pair(config: SuggestConfig) -> None:
    assert {(clip.agent, clip.target) for clip in suggest(config)} == {("", "")}
    named = suggest(replace(config, agent="mouse1", overwrite=True))
    assert {(clip.agent, clip.target) for clip in named} == {("mouse1", "mouse0")}


def test_labels_of_a_pair_choose_the_embeddings_of_this_pair(
    folder: Path, config: SuggestConfig, tmp_path: Path
) -> None:
    undirected = Atlas(folder)
    atlas = Atlas.create(tmp_path / "directed", undirected.meta)
    for video in undirected.videos():
        labels = {"S1": Labels(BEHAVIOURS, np.full(FRAMES // 2, UNSCORED), ("mouse1", "mouse0"))}
        atlas.add(replace(video, labels=labels))
    suggestions = suggest(replace(config, atlas=atlas.folder))
    assert {(clip.agent, clip.target) for clip in suggestions} == {("mouse1", "mouse0")}


def test_clips_in_which_an_animal_is_lost_are_left_out(wander: Callable[..., Recording], tmp_path: Path) -> None:
    whole = recording(wander, "d")
    positions = whole.positions.copy()
    positions[CLIP : 2 * CLIP, 1] = np.nan
    poses = prepare(replace(whole, positions=positions), MICE, Preparation())
    atlas = Atlas.create(tmp_path / "atlas", AtlasMeta("abc", MICE, 15.0, 6, "float32"))
    rng = np.random.default_rng(0)
    embeddings = {pair: rng.normal(size=(FRAMES // 2, 6)).astype(np.float32) for pair in poses.pairs()}
    atlas.add(EmbeddedVideo(poses, embeddings, {}, "px", ""))
    suggestions = suggest(SuggestConfig(atlas.folder, output=tmp_path / "suggestions"))
    assert sorted(clip.start_frame for clip in suggestions) == [i * CLIP for i in (0, 2, 3, 4, 5)]


def test_the_command_runs_from_the_shell(
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
        ({"agent": "mouse7"}, "--agent mouse7: expected an individual of video a, one of mouse0, mouse1"),
        ({"agent": "mouse1", "target": "mouse1"}, "expected two individuals"),
        ({"unscored": ("sniff",)}, "--unscored sniff: expected a name for frames that nobody judged"),
        ({"predictions": Path("nowhere")}, "nowhere: expected predictions; found no such folder"),
    ],
)
def test_bad_input_is_named(changed: dict[str, object], message: str, with_model: SuggestConfig) -> None:
    with pytest.raises(InputError, match=message):
        suggest(replace(with_model, **changed))  # type: ignore[arg-type]
    assert not with_model.output.exists()


def test_predictions_and_annotations_of_other_videos_are_refused(config: SuggestConfig, tmp_path: Path) -> None:
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


def test_videos_without_predictions_are_named(
    config: SuggestConfig, predicted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "c.csv").write_bytes((predicted / "c.csv").read_bytes())
    assert {clip.video for clip in suggest(replace(config, predictions=tmp_path / "predictions"))} == {"c"}
    assert "nothing is suggested in them: a, b" in capsys.readouterr().out
