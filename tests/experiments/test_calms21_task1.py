"""The protocol of CalMS21 task 1: the official split and metric, and no leak of test videos into training."""

import csv
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from experiments.calms21_task1 import protocol, report, results, split
from experiments.calms21_task1.run import main
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import calms21
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.predictions import table_reading, tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings

QUICK = protocol.Plan(
    seeds=1, sizes=(2,), settings=("transductive",), variants=("tuned",), pretrain_steps=3, finetune_steps=4
)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the quick run."""
    output = tmp_path_factory.mktemp("calms21_task1")
    main(["--simulate", "--quick", "--output", str(output)])
    return output


@pytest.fixture(scope="module")
def work(output: Path) -> Path:
    return next(output.glob("simulated-*"))


def read(path: Path) -> list[Recording]:
    return read_recordings([path], notify=lambda _: None)


def recording(name: str, frames: int) -> Recording:
    """A recording that takes no memory."""
    return Recording(
        name,
        np.broadcast_to(np.float32(1), (frames, 2, 7, 2)),
        calms21.INDIVIDUALS,
        calms21.SKELETON,
        30.0,
        source="f.json",
    )


def relabelled(recording: Recording, values: np.ndarray) -> Recording:
    return recording.with_labels({CHANNEL: replace(recording.labels[CHANNEL], values=values)})


def changed_split(output: Path, folder: Path, change: Callable[[Recording], Recording]) -> split.Split:
    """The split of the quick files, with a change of each test video."""
    files = {part: [output / "quick-files" / f"calms21_task1_{part}.json"] for part in split.OFFICIAL}
    path = folder / "calms21_task1_test.json"
    calms21.write(path, [change(recording) for recording in read(files["test"][0])])
    return split.make_split(files | {"test": [path], "unlabelled": []}, folder / "work", is_official=False)


def trained_files(work: Path, name: str) -> dict[str, bytes]:
    """The files of a training without times: weights, trees, decoder, the report of its cross-validation."""
    folder = next(path.parent for path in work.glob(f"{name}-*/**/config.yaml"))
    ignored = ("settings.yaml", "minutes.txt", "metrics.csv", "curves.png")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ignored}


# The official split.


def test_only_the_official_numbers_of_videos_and_frames_are_accepted_as_the_official_split() -> None:
    parts = {
        part: [recording(f"{part}{i}", frames) for i, frames in enumerate(split.lengths(*numbers))]
        for part, numbers in split.OFFICIAL.items()
    }
    split.check_official(parts)
    fewer = parts | {"test": parts["test"][1:]}
    with pytest.raises(InputError, match="official split's 19 test videos of 262,107 frames; found 18 of"):
        split.check_official(fewer)
    shorter = parts | {"train": [*parts["train"][1:], recording("other", 300)]}
    with pytest.raises(InputError, match="70 train videos of 507,738 frames; found 70 of"):
        split.check_official(shorter)


def test_simulated_lengths_add_up_and_stay_below_the_longest_official_video() -> None:
    for videos, frames in split.OFFICIAL.values():
        lengths = split.lengths(videos, frames)
        assert (len(lengths), sum(lengths)) == (videos, frames)
        assert 1000 < min(lengths) < max(lengths) < 21_364
    assert split.lengths(1, 500) == [500]


def test_files_are_found_below_the_folder_and_npy_is_preferred(tmp_path: Path) -> None:
    names = (
        "a/calms21_task1_train.json",
        "a/calms21_task1_test.json",
        "calms21_task1_test.npy",
        "a/taskprog_features_task1_train.json",
        "u/calms21_unlabeled_videos_part1.json",
        "u/calms21_unlabeled_videos_part2.json",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = split.find_files(tmp_path)
    assert files["train"] == [tmp_path / names[0]]
    assert files["test"] == [tmp_path / names[2]]
    assert files["unlabelled"] == [tmp_path / names[4], tmp_path / names[5]]


def test_missing_files_give_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test.npy").touch()
    with pytest.raises(SystemExit) as stop:
        main(["--data", str(tmp_path), "--output", str(tmp_path / "out")])
    message = capsys.readouterr().err
    assert stop.value.code == 2
    assert message.count("\n") == 1
    assert message.startswith(f"error: --data {tmp_path}: expected calms21_task1_train.json (or .npy) and calms21_")
    assert "found test.npy; unpack" in message
    assert not (tmp_path / "out").exists()
    (tmp_path / "test.npy").rename(tmp_path / "calms21_task1_train.npy")
    with pytest.raises(InputError, match=r"expected calms21_task1_test.json \(or .npy\), from"):
        split.find_files(tmp_path)
    with pytest.raises(InputError, match="expected a folder with CalMS21's task 1 files; there is none"):
        split.find_files(tmp_path / "elsewhere")


def test_files_of_another_kind_give_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    videos = simulate_recordings(2, frames=300)
    calms21.write(tmp_path / "calms21_task1_train.json", videos[:1])
    for with_labels, message in ((False, "found none in 'video001'"), (True, "official split's 70 train videos")):
        calms21.write(tmp_path / "calms21_task1_test.npy", videos[1:], with_labels=with_labels)
        with pytest.raises(SystemExit):
            main(["--data", str(tmp_path), "--output", str(tmp_path / "out")])
        assert message in capsys.readouterr().err
    with pytest.raises(InputError, match=r"both have video000"):
        split.check_apart(videos, videos[:1])


def test_impossible_numbers_give_one_sentence(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (["--seeds", "0"], "--seeds 0: expected 1"),
        (["--sizes", "9"], "--sizes 9: expected 1 to 4"),
    ):
        with pytest.raises(SystemExit):
            main(["--simulate", "--quick", "--output", str(output), *words])
        assert message in capsys.readouterr().err


# The draws and the metric.


def test_draws_are_nested_and_begin_with_a_video_of_several_behaviours() -> None:
    shown = {f"video{i}": ["other"] if i % 5 else ["attack", "other"] for i in range(70)}
    firsts = set()
    for seed in range(5):
        drawn = protocol.draws(shown, (1, 3, 70), seed)
        assert [len(set(ids)) for ids in drawn.values()] == [1, 3, 70]
        assert set(drawn[1]) < set(drawn[3]) < set(drawn[70])
        assert len(shown[drawn[1][0]]) == 2
        assert drawn == protocol.draws(shown, (1, 3, 70), seed)
        firsts.add(drawn[3])
    assert len(firsts) == 5


def test_the_metric_is_scikit_learns_over_the_three_behaviours_without_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    videos = [
        relabelled(recording, rng.integers(0, 4, recording.frames))
        for recording in simulate_recordings(3, frames=(300, 400))
    ]
    truth = calms21.write(tmp_path / "truth.npy", videos)
    for video in videos:
        probabilities = rng.dirichlet(np.ones(4), video.frames)
        guesses = rng.integers(0, 4, video.frames)  # a decoded label need not be the most probable one
        prediction = Prediction(video.id, BEHAVIOURS, probabilities, guesses, 30.0, np.ones(video.frames))
        tables.write(tmp_path / "predictions", prediction)
    row = results.row_of(protocol.score(tmp_path / "predictions", truth, tmp_path / "scores"), {})
    predictions = table_reading.read_folder(tmp_path / "predictions")
    true = np.concatenate([video.labels[CHANNEL].values for video in videos])
    guessed = np.concatenate([prediction.labels for prediction in predictions])
    probabilities = np.concatenate([prediction.probabilities for prediction in predictions])
    three = [BEHAVIOURS.index(name) for name in results.SCORED]
    assert results.SCORED == ("attack", "investigation", "mount")
    f1 = f1_score(true, guessed, labels=three, average=None)
    precisions = [average_precision_score(true == i, probabilities[:, i]) for i in three]
    np.testing.assert_allclose([row[f"F1 {name}"] for name in results.SCORED], f1)
    np.testing.assert_allclose([row[f"AP {name}"] for name in results.SCORED], precisions)
    np.testing.assert_allclose([row["F1"], row["MAP"]], [np.mean(f1), np.mean(precisions)])


# Leakage.


@pytest.mark.slow
def test_inputs_of_training_hold_no_label_of_a_test_video(output: Path, work: Path, tmp_path: Path) -> None:
    unchanged = changed_split(output, tmp_path, lambda recording: recording)
    assert not any(unchanged.truth.is_relative_to(folder) for folder in astuple(unchanged.inputs) if folder)
    of_test = {recording.id: recording for recording in read(output / "quick-files" / "calms21_task1_test.json")}
    assert {recording.id for recording in read(unchanged.inputs.labelled)}.isdisjoint(of_test)
    for folder in (unchanged.inputs.train, unchanged.inputs.test):
        assert not any(recording.labels or recording.series or recording.metadata for recording in read(folder))
    tracks = {recording.id: recording.positions for recording in read(unchanged.inputs.test)}
    assert set(tracks) == set(of_test) == {recording.id for recording in read(unchanged.truth)}
    assert all(np.array_equal(tracks[name], of_test[name].positions, equal_nan=True) for name in tracks)
    assert unchanged.inputs.test not in unchanged.inputs.tracks("inductive")
    assert unchanged.inputs.test in unchanged.inputs.tracks("transductive")
    taught = [path for path in work.rglob("settings.yaml") if path.parent.name != "scores"]
    assert taught
    assert [path for path in taught if "truth" in path.read_text()] == []


@pytest.mark.slow
def test_other_labels_of_test_videos_change_the_scores_and_nothing_else(
    output: Path, work: Path, tmp_path: Path
) -> None:
    """In the transductive setting, whose training reads all that the inductive one reads, and tracks of test videos."""
    rng = np.random.default_rng(0)
    other = changed_split(
        output, tmp_path, lambda video: relabelled(video, rng.permutation(video.labels[CHANNEL].values))
    )
    rows, _ = protocol.protocol(other, QUICK, tmp_path / "work")
    for setting in QUICK.settings:
        for name in (f"encoder-{setting}-0", f"tuned-{setting}-2-0"):
            assert trained_files(tmp_path / "work", name) == trained_files(work, name), name
    with open(work / "results" / "results.csv") as file:
        before = {
            row["setting"]: row for row in csv.DictReader(file) if (row["variant"], row["videos"]) == ("tuned", "2")
        }
    for row in rows:
        assert row["labelled"] == before[row["setting"]]["labelled"]
        assert row["MAP"] != float(before[row["setting"]]["MAP"])


@pytest.mark.slow
def test_only_the_transductive_encoder_depends_on_the_test_videos(output: Path, work: Path, tmp_path: Path) -> None:
    def reverse(video: Recording) -> Recording:
        labels = video.labels[CHANNEL].values[::-1].copy()
        return relabelled(replace(video, positions=video.positions[::-1].copy()), labels)

    other = changed_split(output, tmp_path, reverse)
    for setting in protocol.SETTINGS:
        protocol.encode(protocol.encoder_config(other.inputs, tmp_path / "work", setting, 0, QUICK.pretrain_steps))
        same = trained_files(tmp_path / "work", f"encoder-{setting}-0") == trained_files(work, f"encoder-{setting}-0")
        assert same == (setting == "inductive")


def test_unlabelled_videos_with_frames_of_test_videos_are_left_out(tmp_path: Path) -> None:
    videos = simulate_recordings(4, frames=300)
    copied = replace(videos[1], id="copy", positions=videos[1].positions[100:], confidence=None, labels={})
    files = {}
    for part, name, recordings in (
        ("train", "calms21_task1_train.json", videos[:1]),
        ("test", "calms21_task1_test.json", videos[1:2]),
        ("unlabelled", "calms21_unlabeled_videos_part1.json", [videos[2], copied]),
    ):
        files[part] = [calms21.write(tmp_path / name, recordings, with_labels=part != "unlabelled")]
    assert split.find_files(tmp_path) == files
    result = split.make_split(files, tmp_path / "work", is_official=False)
    assert result.inputs.unlabelled is not None
    assert [recording.id for recording in read(result.inputs.unlabelled)] == ["video002"]
    assert result.inputs.unlabelled in result.inputs.tracks("inductive")
    assert "left out, as they hold frames of test videos: copy" in result.about["notices"][0]


# Results.


@pytest.mark.slow
def test_results_have_every_variant_and_setting(work: Path) -> None:
    with open(work / "results" / "results.csv") as file:
        rows = list(csv.DictReader(file))
    combinations = [(row["variant"], row["setting"], int(row["videos"])) for row in rows]
    expected = [("from scratch", "none"), *((v, s) for v in ("tuned", "frozen linear") for s in protocol.SETTINGS)]
    assert sorted(combinations) == sorted((*piece, videos) for piece in expected for videos in (1, 2))
    assert all(0 <= float(row["F1"]) <= 1 and len(row["labelled"].split()) == int(row["videos"]) for row in rows)
    text = (work / "results" / "results.md").read_text()
    assert "Nothing here says how good it is on mice" in text
    assert "MABe-2021" not in text
    assert (work / "results" / "label_curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_existing_results_are_not_computed_again(output: Path, work: Path) -> None:
    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in work.rglob("*") if "results" not in path.parts}

    before, rows = times(), (work / "results" / "results.csv").read_bytes()
    main(["--simulate", "--quick", "--output", str(output)])
    assert times() == before
    assert (work / "results" / "results.csv").read_bytes() == rows


def run_of(kind: str) -> results.Run:
    scores = dict.fromkeys(("F1", "MAP", *(f"F1 {name}" for name in results.SCORED)), 0.5)
    rows = [
        {"variant": variant, "setting": setting, "videos": videos, "seed": seed}
        | scores
        | {"minutes of fine-tuning": 2.0, "minutes of testing": 1.0, "labelled": "a"}
        for variant, setting in (("from scratch", "none"), ("tuned", "inductive"))
        for videos in (3, 70)
        for seed in range(2)
    ]
    plan = protocol.Plan(seeds=2, sizes=(3, 70), settings=("inductive",), pretrain_steps=1500, jobs=2)
    about = {"counts": {"train": [70, 507_738], "test": [19, 262_107], "unlabelled": [0, 0]}, "notices": []}
    return results.Run(
        kind, plan, protocol.Plan(pretrain_steps=3000), rows, {"inductive": 5.0}, about | {"minutes": 3.0}, "x"
    )


def test_published_scores_are_shown_beside_results_of_the_official_files_only(tmp_path: Path) -> None:
    for kind in ("official", "simulated"):
        text = report.write(tmp_path / kind, run_of(kind))
        assert ("| MABe-2021 winner | 0.864 | 0.914 |" in text) == (kind == "official")
        assert "| 3 | from scratch |  | 0.500 ± 0.000 |" in text
    pictures = [(tmp_path / kind / "label_curve.png").read_bytes() for kind in ("official", "simulated")]
    assert pictures[0] != pictures[1]


def test_the_forecast_is_the_sum_over_the_full_protocol() -> None:
    # Of 1, 3, 10, 35 and 70 videos, 3 and 70 were run. The others take the minutes of the nearest number, times the
    # ratio of the two numbers.
    sizes = sum([1 / 3, 1, 10 / 3, 35 / 70, 1])
    # 5 seeds x 2 settings x 5 min x twice the steps; 5 x 5 fine-tunings of 2 min at each size, and 1 min of testing.
    run = run_of("simulated")
    expected = 100 + 5 * 5 * 2 * sizes + 125
    assert results.forecast(run) == pytest.approx((expected / 2 + 3) / 60)
    # The head on the frozen encoder takes half a minute, whatever the steps; the other variants had half of the steps.
    half = replace(run.plan, finetune_steps=run.full.finetune_steps // 2)
    frozen = [{**row, "variant": "frozen linear", "minutes of fine-tuning": 0.5} for row in run.rows]
    forecast = results.forecast(replace(run, plan=half, rows=[*run.rows, *frozen]))
    expected = 100 + 5 * (3 * (0.5 + 2 * 1.5) + 2 * 0.5) * sizes + 125
    assert forecast == pytest.approx((expected / 2 + 3) / 60)
