import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.formats.tracks.mabe25.annotations import read_bouts
from ssl_behavior.formats.tracks.mabe25.metadata import read_table
from ssl_behavior.formats.tracks.mabe25.submissions import COLUMNS, write_submission
from tests.formats.tracks.mabe25.layout import LAB, competition, write_annotation, write_csv

Bout = tuple[str, str, str, str, int, int]
RIGHT: list[Bout] = [
    ("20", "mouse1", "mouse2", "sniff", 5, 15),
    ("20", "mouse1", "mouse2", "attack", 20, 40),
    ("20", "mouse2", "self", "rear", 0, 12),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return competition(tmp_path / "mabe25")


def submit(path: Path, *bouts: Bout) -> Path:
    return write_submission(path, pd.DataFrame(list(bouts), columns=COLUMNS[1:]), ["10", "11", "20", "21", "99"])


def score(folder: Path, submission: Path, **changed: object) -> dict:
    return evaluate(EvaluateConfig(submission, annotations=(folder,), **changed))  # type: ignore[arg-type]


def test_the_official_score_is_printed_and_written_by_lab_and_action(
    folder: Path, tmp_path: Path, command: Callable
) -> None:
    half = [*RIGHT[:2], ("20", "mouse2", "self", "rear", 0, 6)]
    submission = submit(tmp_path / "submission.csv", *half)
    printed = command("evaluate", "--predictions", submission, "--annotations", folder).out
    expected = (1 + 1 + 2 * 6 / (2 * 6 + 6)) / 3
    assert f"official score  {expected:.4f}" in printed
    output = tmp_path / "submission.scores"
    report = json.loads((output / "scores.json").read_text())
    assert report["official_score"] == pytest.approx(expected)
    assert report["labs"][LAB]["actions"]["rear"]["false_negatives"] == 6
    table = pd.read_csv(output / "scores.csv")
    assert table["action"].tolist() == ["attack", "rear", "sniff"]
    assert (output / "settings.yaml").exists()
    assert f"scores: {output}" in printed


def test_all_annotated_test_videos_count_and_training_videos_if_they_are_predicted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(folder / "test.csv", [{"video_id": "20"}, {"video_id": "21"}, {"video_id": "22"}])
    write_annotation(folder / "test_annotation" / LAB / "21.parquet", [(1, 2, "sniff", 0, 10)])
    report = score(folder, submit(tmp_path / "s.csv", *RIGHT))
    assert report["videos"] == ["20", "21"]
    assert report["labs"][LAB]["actions"]["sniff"]["f_score"] == pytest.approx(2 * 10 / (2 * 10 + 10))
    printed = capsys.readouterr().out
    assert "without predicted bouts, all their bouts count as missed: 21" in printed
    assert "not scored" not in printed
    of_training = submit(tmp_path / "t.csv", ("10", "mouse1", "mouse2", "sniff", 5, 15))
    assert score(folder, of_training)["videos"] == ["10"]
    assert "annotated and not scored: 1 video (--videos '*' scores all)" in capsys.readouterr().out
    assert score(folder, of_training, videos=("1*",), output=tmp_path / "o")["videos"] == ["10", "11"]


def test_predicted_videos_without_annotations_are_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(folder / "test.csv", [{"video_id": "20"}, {"video_id": "21"}])
    score(folder, submit(tmp_path / "s.csv", *RIGHT, ("21", "mouse1", "mouse2", "sniff", 5, 15)))
    assert "predicted and not annotated, left out: 21" in capsys.readouterr().out


def test_a_submission_to_another_test_set_is_refused(folder: Path, tmp_path: Path) -> None:
    other = submit(tmp_path / "s.csv", ("99", "mouse1", "mouse2", "sniff", 5, 15))
    with pytest.raises(InputError, match="belongs to another test set"):
        score(folder, other)


def test_what_the_host_would_refuse_is_refused_and_what_it_ignores_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = submit(tmp_path / "s.csv", *RIGHT, ("20", "mouse1", "mouse2", "mount", 50, 60))
    assert score(folder, path)["official_score"] == 1
    assert "list lacks (mount), and are ignored" in capsys.readouterr().out
    path.write_text(path.read_text().replace("mouse", ""))
    with pytest.raises(InputError, match="bare numbers as ids, which score 0"):
        score(folder, path)


def test_annotations_in_another_layout_and_settings_without_effect_are_refused(folder: Path, tmp_path: Path) -> None:
    path = submit(tmp_path / "s.csv", *RIGHT)
    with pytest.raises(InputError, match="one folder in the layout of MABe-2025"):
        score(folder / "train_annotation", path)
    with pytest.raises(InputError, match="--channel: expected none"):
        score(folder, path, channel="S1")
    (tmp_path / "table.csv").write_text("frame,label\n1,sniff\n")
    with pytest.raises(InputError, match="expected a folder; found a file"):
        score(folder, tmp_path / "table.csv")


def test_a_submission_with_no_bouts_scores_0(folder: Path, tmp_path: Path) -> None:
    path = write_submission(tmp_path / "s.csv", pd.DataFrame(columns=COLUMNS[1:]), ["20"])
    report = score(folder, path)
    assert report["official_score"] == 0
    assert set(report["labs"][LAB]["actions"]) == {"attack", "rear", "sniff"}


def test_intervals_hold_the_score_and_shrink_with_the_number_of_videos(folder: Path, tmp_path: Path) -> None:
    widths = []
    for videos in (4, 40):
        names = [str(100 + i) for i in range(videos)]
        write_csv(folder / "test.csv", [{"video_id": name} for name in names])
        bouts: list[Bout] = []
        for i, name in enumerate(names):
            write_annotation(folder / "test_annotation" / LAB / f"{name}.parquet", [(1, 2, "sniff", 0, 10)])
            bouts.append((name, "mouse1", "mouse2", "sniff", i % 4, 10))
        path = tmp_path / f"{videos}.csv"
        report = score(folder, write_submission(path, pd.DataFrame(bouts, columns=COLUMNS[1:]), names), bootstrap=300)
        lower, upper = report["labs"][LAB]["interval"]
        assert lower < report["official_score"] < upper
        assert report["interval"] == pytest.approx([lower, upper])
        widths.append(upper - lower)
    assert widths[1] < widths[0] / 2
    assert score(folder, path, bootstrap=0, output=tmp_path / "o")["interval"] is None


def test_late_annotations_of_seventy_real_videos_score_as_sets_of_frames_do(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    data = shared_data("mabe25")
    rows = list(read_table(data / "train.csv.gz").rows.values())
    files = [
        (row, file) for row in rows if (file := data / "train_annotation" / row.lab / f"{row.video}.parquet").is_file()
    ][::12]
    bouts, counts = [], dict[tuple[str, str], np.ndarray]()
    for row, file in files:
        for agent, target, action, start, stop in read_bouts(file):
            target_name = "self" if agent == target else target
            if stop > start:
                bouts.append((row.video, agent, target_name, action, start + 3, stop + 3))
                cell = counts.setdefault((row.lab, action), np.zeros(3))
                cell += [max(0, stop - start - 3), min(3, stop - start), min(3, stop - start)]
    videos = [row.video for row, _ in files]
    path = write_submission(tmp_path / "s.csv", pd.DataFrame(bouts, columns=COLUMNS[1:]), videos)
    report = evaluate(EvaluateConfig(path, annotations=(data,), bootstrap=50))
    assert len(report["videos"]) == len(files) > 60
    # Bouts of one action that follow each other within three frames overlap once they are late.
    for lab, of_lab in report["labs"].items():
        for action, cell in of_lab["actions"].items():
            right, wrong, _ = counts[lab, action]
            expected = 2 * right / (2 * right + 2 * wrong)
            assert cell["f_score"] == pytest.approx(expected, abs=0.02)
