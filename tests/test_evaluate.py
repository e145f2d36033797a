import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from ssl_behavior.cli.settings import load_settings
from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.formats.annotations import boris, caltech
from ssl_behavior.plots.style import UNSCORED_COLOUR, styles
from ssl_behavior.predictions import table_reading, tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout, Labels

BEHAVIOURS = ("attack", "sniff")


def predict(folder: Path, name: str, labels: list[int], behaviours: tuple[str, ...] = BEHAVIOURS) -> None:
    probabilities = np.eye(len(behaviours))[labels] * 0.8 + 0.1
    tables.write(folder, Prediction(name, behaviours, probabilities, np.array(labels), 10.0, np.ones(len(labels))))


def annotate(folder: Path, name: str, labels: list[int], names: tuple[str, ...] = (*BEHAVIOURS, "base")) -> None:
    bouts = tuple(Labels(names, np.array(labels)).bouts())
    channels = {"S1": bouts, "S2": (Bout(0, len(labels), "base"),)}
    caltech.write(folder / f"{name}_annot.txt", Annotations(name, channels, frames=len(labels)))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    predict(tmp_path / "p", "1", [0, 0, 1, 1, 1, 1, 0, 0])
    predict(tmp_path / "p", "2", [1, 1, 1, 1])
    predict(tmp_path / "p", "only predicted", [1, 1])
    # Nobody judged the last two frames of video 1; the annotations of video 2 are two frames too long.
    annotate(tmp_path / "a", "1", [0, 0, 0, 1, 1, 1, 2, 2])
    annotate(tmp_path / "a", "2", [1, 1, 1, 0, 0, 0])
    annotate(tmp_path / "a", "9", [1, 1])
    return tmp_path / "p", tmp_path / "a"


def settings(folders: tuple[Path, Path], **changed: object) -> EvaluateConfig:
    defaults = {"predictions": folders[0], "annotations": [str(folders[1])], "channel": "S1", "unscored": ("base",)}
    return EvaluateConfig(**{**defaults, **changed})  # type: ignore[arg-type]


def test_scores_agree_with_those_computed_on_paper(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(settings(folders))
    assert report["behaviours"] == ["attack", "sniff"]
    assert report["confusion"] == [[2, 2], [0, 6]]
    assert load_settings(EvaluateConfig, folders[0] / "scores" / "settings.yaml").channel == "S1"
    assert report["macro_f1"] == pytest.approx((2 * 2 / 6 + 2 * 6 / 14) / 2)
    printed = capsys.readouterr().out
    assert "predicted and not annotated, left out: only predicted" in printed
    assert "annotated and not predicted, left out: 9" in printed
    assert "past the end of the predictions, dropped: 2 in 2" in printed
    output = folders[0] / "scores"
    assert json.loads((output / "scores.json").read_text())["macro_f1"] == report["macro_f1"]
    pictures = {str(path.relative_to(output)) for path in output.rglob("*.png")}
    assert pictures == {"confusion.png", "ethogram.png", "videos/1.png", "videos/2.png"}


def test_the_default_output_is_replaced_and_a_chosen_one_is_not(folders: tuple[Path, Path], tmp_path: Path) -> None:
    first = evaluate(settings(folders))
    assert evaluate(settings(folders)) == first
    evaluate(settings(folders, output=tmp_path / "out"))
    with pytest.raises(InputError, match="--overwrite"):
        evaluate(settings(folders, output=tmp_path / "out"))
    evaluate(settings(folders, output=tmp_path / "out", overwrite=True))


def test_only_chosen_videos_are_scored(folders: tuple[Path, Path]) -> None:
    report = evaluate(settings(folders, videos=("2",)))
    assert report["videos"] == ["2"]
    with pytest.raises(InputError, match=r"--videos 9: expected videos .* both predicted and annotated; found 1, 2"):
        evaluate(settings(folders, videos=("2", "9"), overwrite=True))


def test_annotations_in_seconds_use_the_frame_rate_of_the_predictions(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "b.csv").write_text(
        "Observation id,Subject,Behavior,Start (s),Stop (s)\n1,m,attack,0,0.2\n1,m,sniff,0.2,0.8\n"
    )
    assert boris.detect(tmp_path / "b.csv")
    report = evaluate(settings(folders, annotations=[str(tmp_path / "b.csv")], channel=None, unscored=("other",)))
    assert report["confusion"] == [[2, 0], [2, 4]]
    in_seconds = {"annotations": [str(tmp_path / "b.csv")], "channel": None, "unscored": ("other",)}
    report = evaluate(settings(folders, **in_seconds, frame_rate=5.0, overwrite=True))
    assert report["confusion"] == [[1, 0], [1, 2]]


def test_each_prediction_has_its_own_frame_rate(tmp_path: Path) -> None:
    """Two videos with the same annotations in seconds; the second was filmed at twice the rate."""
    for name, rate, repeated in (("a/1", 10.0, 1), ("b", 20.0, 2)):
        labels = np.repeat([0, 0, 1, 1], repeated)
        probabilities = np.eye(2)[labels] * 0.8 + 0.1
        prediction = Prediction(name, BEHAVIOURS, probabilities, labels, rate, np.ones(len(labels)))
        tables.write(tmp_path / "p", prediction)
    header = "Observation id,Subject,Behavior,Start (s),Stop (s)\n"
    rows = "".join(f"{name},m,attack,0,0.2\n{name},m,sniff,0.2,0.4\n" for name in ("a/1", "b"))
    (tmp_path / "b.csv").write_text(header + rows)
    report = evaluate(settings((tmp_path / "p", tmp_path / "b.csv"), channel=None, unscored=("other",)))
    assert report["confusion"] == [[6, 0], [0, 6]]


def test_predictions_scored_against_their_own_boris_project_are_perfect(tmp_path: Path) -> None:
    """Every frame is in a bout, so none gets BORIS's background, which the model does not predict."""
    predict(tmp_path / "p", "1", [0, 0, 1, 1, 1, 1, 0, 0])
    (prediction,) = table_reading.read_folder(tmp_path / "p")
    path = tmp_path / "p" / "review" / "1.boris"
    boris.write(path, prediction.to_annotations("S1"), 10.0)
    report = evaluate(settings((tmp_path / "p", path), channel=None, unscored=()))
    assert report["macro_f1"] == 1.0
    assert report["confusion"] == [[4, 0], [0, 4]]
    project = path.read_text().replace("0.8,", "0.7,")  # the last frame is no longer in a bout
    (tmp_path / "1.boris").write_text(project)
    with pytest.raises(
        InputError, match=r"'other', which frames outside all bouts get, .* 1 of the 8 frames of 1 .* frame 7 on"
    ):
        evaluate(settings((tmp_path / "p", tmp_path / "1.boris"), channel=None, unscored=(), overwrite=True))


def test_a_label_past_the_end_of_the_predictions_needs_no_vocabulary(folders: tuple[Path, Path]) -> None:
    annotate(folders[1], "2", [1, 1, 1, 0, 2, 2])
    report = evaluate(settings(folders, videos=("2",), unscored=()))
    assert report["confusion"] == [[0, 1], [0, 3]]


def test_scores_of_other_settings_are_not_written_over_unasked(folders: tuple[Path, Path]) -> None:
    evaluate(settings(folders))
    before = (folders[0] / "scores" / "scores.json").read_bytes()
    with pytest.raises(InputError, match=r"another --videos: .*--output.*--overwrite"):
        evaluate(settings(folders, videos=("2",)))
    other = folders[0].with_name("b")
    annotate(other, "1", [0, 0])
    with pytest.raises(InputError, match="another --annotations, --unscored:"):
        evaluate(settings(folders, annotations=[str(other)], unscored=()))
    assert (folders[0] / "scores" / "scores.json").read_bytes() == before
    evaluate(settings(folders, bootstrap=10))
    assert evaluate(settings(folders, videos=("2",), overwrite=True))["videos"] == ["2"]
    (folders[0] / "scores" / "scores.json").write_text("mine")
    with pytest.raises(InputError, match="expected former scores"):
        evaluate(settings(folders))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"channel": "S7"}, "no channel 'S7'; the channels are S1, S2"),
        ({"annotations": ["nowhere"]}, "nowhere: no such file"),
        ({"videos": ("99",)}, "--videos 99: expected videos that are both predicted and annotated; found 1, 2"),
        ({"unscored": ("bse",)}, "--unscored bse: expected behaviours of channel S1.*attack, base, sniff"),
    ],
)
def test_wrong_settings_are_reported_before_other_former_scores(
    folders: tuple[Path, Path], changed: dict[str, object], message: str
) -> None:
    evaluate(settings(folders))
    with pytest.raises(InputError, match=message):
        evaluate(settings(folders, **changed))


def test_the_same_settings_may_be_written_in_another_way(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(settings(folders, unscored=("base", "sniff"), videos=("1", "2")))
    monkeypatch.chdir(folders[1])
    again = evaluate(settings(folders, annotations=["../a/../a"], unscored=("sniff", "base"), videos=("2", "1")))
    assert again == first


def test_an_unscored_behaviour_is_in_no_mean(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Attack is predicted on one frame of sniff, which counts as a miss of sniff and not as an F1 of 0 for attack."""
    predict(folders[0], "1", [0, 0, 1, 1, 1, 0, 0, 0])
    report = evaluate(settings(folders, unscored=("base", "attack")))
    assert report["in_the_means"] == ["sniff"]
    assert report["confusion"] == [[0, 0], [1, 5]]
    assert report["macro_f1"] == report["classes"]["sniff"]["f1"] == pytest.approx(2 * 5 / (6 + 5))
    assert report["classes"]["attack"]["f1"] is report["classes"]["attack"]["bout_f1"]["0.5"] is None
    assert report["bout_f1"]["0.5"] == report["classes"]["sniff"]["bout_f1"]["0.5"]
    assert "unscored: attack; where predicted" in capsys.readouterr().out
    with pytest.raises(InputError, match="expected scored frames and found none in 2 videos"):
        evaluate(settings(folders, unscored=("base", "attack", "sniff"), overwrite=True))


def test_an_unscored_behaviour_is_drawn_grey_where_it_is_predicted(folders: tuple[Path, Path]) -> None:
    def pixels(report: dict[str, Any], colour: str) -> int:
        wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        picture = imread(folders[0] / "scores" / "ethogram.png")[..., :3]
        assert report["behaviours"][0] == "attack"
        return int((np.abs(picture - wanted).max(-1) < 0.01).sum())

    attack = styles(BEHAVIOURS)[0][0]
    scored, scored_grey = (pixels(evaluate(settings(folders)), colour) for colour in (attack, UNSCORED_COLOUR))
    unscored = settings(folders, unscored=("base", "attack"), overwrite=True)
    masked, masked_grey = (pixels(evaluate(unscored), colour) for colour in (attack, UNSCORED_COLOUR))
    assert masked < scored / 5  # the legend still names attack
    assert masked_grey > 1.5 * scored_grey


def test_a_file_instead_of_the_folder_is_an_error(folders: tuple[Path, Path]) -> None:
    with pytest.raises(
        InputError, match=r"1\.csv: .*give the --output of ssl-behavior predict, or a submission, \.npy"
    ):
        evaluate(settings(folders, predictions=folders[0] / "1.csv"))


def test_an_error_about_many_videos_is_short(tmp_path: Path) -> None:
    for i in range(9):
        predict(tmp_path / "p", f"p{i}", [0, 1])
        annotate(tmp_path / "a", f"a{i}", [0, 1])
    with pytest.raises(InputError, match=r"of p0, p1, p2, p3, p4 and 4 more; .* of a0, a1, a2, a3, a4 and 4 more"):
        evaluate(settings((tmp_path / "p", tmp_path / "a")))


def test_pictures_of_an_earlier_evaluation_do_not_stay(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for output in (None, tmp_path / "out"):
        evaluate(settings(folders, output=output))
        evaluate(settings(folders, output=output, overwrite=True, videos=("2",)))
        videos = (output or folders[0] / "scores") / "videos"
        assert [path.name for path in videos.iterdir()] == ["2.png"]


def test_a_used_output_is_refused_before_reading_and_a_new_one_is_made_after_it(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="--overwrite"):
        evaluate(settings(folders, output=tmp_path / "full", annotations=["nowhere"]))
    with pytest.raises(InputError, match="nowhere: no such file"):
        evaluate(settings(folders, output=tmp_path / "out", annotations=["nowhere"]))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"unscored": ()}, "label 'base' is not in the vocabulary"),
        ({"channel": None}, "S1, S2; choose one with --channel"),
        ({"channel": "S7"}, "no channel 'S7'"),
        ({"predictions": Path("nowhere")}, "nowhere: expected"),
        ({"annotations": []}, "--annotations: expected files"),
        ({"annotations": ["nowhere"]}, "nowhere: no such file"),
        (
            {"unscored": ("base", "bse")},
            "--unscored bse: expected behaviours of channel S1.*attack, base, sniff",
        ),
        ({"seed": -1}, "--seed: expected 0 or more and found -1"),
        ({"bootstrap": -1}, "--bootstrap: expected 0 or more"),
        ({"frame_rate": 0.0}, "--frame-rate: expected 0.1 or more and found 0"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    folders: tuple[Path, Path], changed: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(settings(folders, **changed))
    assert not (folders[0] / "scores").exists()


def sequences(tmp_path: Path) -> tuple[Path, Path]:
    """A submission, and truth in the challenge's layout with a second annotator and a sequence without labels."""
    shape = (6, 2, 2, 7)
    truth = {
        "a": {"keypoints": np.ones(shape), "annotations": np.array([0, 0, 1, 1, 3, 3]), "annotator_id": 0},
        "b": {"keypoints": np.ones(shape), "annotations": np.array([2, 2, 2, 3, 3, 3]), "annotator_id": 0},
        "c": {"keypoints": np.ones(shape), "annotations": np.zeros(6, int), "annotator_id": 1},
    }
    content = {"vocabulary": ["attack", "investigation", "mount", "other"], "sequences": truth}
    np.save(tmp_path / "truth.npy", np.array(content, dtype=object), allow_pickle=True)
    labels = {"a": [0, 0, 1, 3, 3, 3], "b": [2, 2, 2, 3, 3, 3], "c": [3] * 6}
    np.save(tmp_path / "submission.npy", np.array(labels, dtype=object), allow_pickle=True)
    return tmp_path / "submission.npy", tmp_path / "truth.npy"


def test_a_submission_is_scored_against_sequences_of_annotator_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submission, truth = sequences(tmp_path)
    report = evaluate(EvaluateConfig(submission, annotations=[str(truth)]))
    assert report["videos"] == ["a", "b"]
    assert report["macro_f1"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert report["mean_average_precision"] is None
    printed = capsys.readouterr().out
    assert "2 of 3 sequences count: those labelled by annotator 0" in printed
    assert "average precision and calibration are not known" in printed
    assert (tmp_path / "submission.scores" / "scores.json").exists()


@pytest.mark.parametrize(
    ("labels", "message"), [([0, 0, 1], "expected 6 labels.*found 3"), ([0, 0, 1, 3, 3, 4], "found 0 to 4")]
)
def test_a_submission_with_wrong_lengths_or_labels_is_an_error(tmp_path: Path, labels: list[int], message: str) -> None:
    submission, truth = sequences(tmp_path)
    np.save(submission, np.array({"a": labels}, dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=message):
        evaluate(EvaluateConfig(submission, annotations=[str(truth)]))


def test_the_command_prints_a_table_and_errors_without_a_traceback(folders: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "ssl_behavior.evaluate", "--predictions", folders[0], "--annotations", folders[1]]
    done = subprocess.run(
        [*command, "--channel", "S1", "--unscored", "base"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "macro F1" in done.stdout
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert "Traceback" not in failed.stderr
