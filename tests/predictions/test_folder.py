from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.predictions.folder import PredictionFolder
from ssl_behavior.predictions.table_reading import read_folder
from ssl_behavior.predictions.tables import Prediction


def run(path: Path, videos: tuple[str, ...], model: str = "m", label: int = 0) -> None:
    folder = PredictionFolder(path, model, videos)
    folder.clear()
    for video in videos:
        labels = np.full(6, label)
        folder.write(Prediction(video, ("a", "b"), np.eye(2)[labels], labels, 30.0, np.ones(6)), "S1")


def files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Predictions of two videos, with scores and a person's notes."""
    run(tmp_path, ("1", "day 2/2"))
    for name in ("scores/scores.json", "notes.txt", "notes.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    return tmp_path


def test_another_video_is_added_and_nothing_else_changes(path: Path) -> None:
    before = files(path)
    run(path, ("3",))
    after = files(path)
    assert {name for name in before if after[name] != before[name]} == {
        "review/written.yaml", "videos.yaml",
    }  # fmt: skip
    assert set(after) - set(before) == {
        "3.csv", "3.bouts.csv", "review/3_annot.txt", "review/3.boris", "pictures/3.png",
    }  # fmt: skip


def test_the_same_video_is_replaced(path: Path) -> None:
    before = files(path)
    run(path, ("1",), label=1)
    after = files(path)
    assert set(after) == set(before)
    changed = {name for name, content in after.items() if content != before[name]}
    assert changed == {
        "1.csv", "1.bouts.csv", "review/1_annot.txt", "review/1.boris", "pictures/1.png", "review/written.yaml",
    }  # fmt: skip
    run(path, ("1", "day 2/2"))
    assert files(path) == before


@pytest.mark.parametrize("name", ["1_annot.txt", "day 2_2.boris"])
def test_a_file_that_a_person_edited_is_never_overwritten(path: Path, name: str) -> None:
    edited = path / "review" / name
    edited.write_text(edited.read_text() + " ")
    before = files(path)
    with pytest.raises(InputError, match=rf"found {name} in .*review edited since; move these elsewhere"):
        run(path, ("1", "day 2/2"))
    # Another model does not overwrite it either.
    with pytest.raises(InputError, match=name):
        run(path, ("1", "day 2/2"), model="other")
    assert files(path) == before
    run(path, ("3",))
    edited.rename(path / name)
    run(path, ("1", "day 2/2"))


def test_predictions_of_two_models_are_not_mixed(path: Path) -> None:
    before = files(path)
    with pytest.raises(InputError, match="another one, of videos day 2_2; predict these videos too"):
        run(path, ("1", "3"), model="other")
    assert files(path) == before
    run(path, ("1", "day 2/2", "3"), model="other")
    run(path, ("1",), model="other")
    with pytest.raises(InputError, match="another one, of videos 3, day 2_2"):
        run(path, ("1",))


def test_an_interrupted_run_leaves_no_predictions_of_an_earlier_model(path: Path) -> None:
    PredictionFolder(path, "other", ("1", "day 2/2")).clear()
    assert set(files(path)) == {
        "scores/scores.json", "notes.txt", "notes.csv", "written.yaml", "videos.yaml", "review/written.yaml",
    }  # fmt: skip
    run(path, ("1",), model="other")


@pytest.mark.parametrize("damage", ["model: [", "review: 7", "7", None])
@pytest.mark.parametrize(
    ("name", "videos", "message"),
    [
        ("written.yaml", ("1",), "of another one, of videos day 2_2"),
        ("review/written.yaml", ("1", "day 2/2"), r"found 1\.boris, 1_annot\.txt, .* edited since"),
    ],
)
def test_without_its_record_every_file_is_taken_for_a_persons(
    path: Path, name: str, videos: tuple[str, ...], message: str, damage: str | None
) -> None:
    written = path / name
    if damage is None:
        written.unlink()
    else:
        written.write_text(damage)
    with pytest.raises(InputError, match=message):
        run(path, videos)


ALIKE = ("a/1", "a_1", "a\\1", "A_1", "a_1.bouts")


def test_videos_whose_ids_are_alike_as_file_names_keep_files_of_their_own(tmp_path: Path) -> None:
    run(tmp_path, ALIKE)
    assert {prediction.id for prediction in read_folder(tmp_path)} == set(ALIKE)
    stems = PredictionFolder(tmp_path, "m", ALIKE).stems
    assert len({stem.casefold() for stem in stems}) == len(ALIKE)
    # A later run of some of them, in any order, replaces their files only.
    for video in ("a_1", "a/1"):
        before = {prediction.id: prediction.labels.tolist() for prediction in read_folder(tmp_path)}
        run(tmp_path, (video,), label=1)
        after = {prediction.id: prediction.labels.tolist() for prediction in read_folder(tmp_path)}
        assert after == {**before, video: [1] * 6}


def test_a_video_alike_to_one_of_an_earlier_run_gets_another_file(tmp_path: Path) -> None:
    run(tmp_path, ("a/1",))
    run(tmp_path, ("a_1",), label=1)
    assert {one.id: int(one.labels[0]) for one in read_folder(tmp_path)} == {"a/1": 0, "a_1": 1}


def test_a_folder_of_version_0_1_0_is_replaced_and_not_doubled(tmp_path: Path) -> None:
    run(tmp_path, ("day/1",))
    (tmp_path / "videos.yaml").unlink()
    assert [one.id for one in read_folder(tmp_path)] == ["day_1"]
    run(tmp_path, ("day/1",), label=1)
    assert [(one.id, int(one.labels[0])) for one in read_folder(tmp_path)] == [("day/1", 1)]


@pytest.mark.parametrize("damage", ["day_1: [", "7", "{day_1: 7}", "{day_1: a, b: a}", ""])
def test_a_damaged_record_of_the_videos_leaves_the_names_of_the_files(tmp_path: Path, damage: str) -> None:
    run(tmp_path, ("day/1",))
    (tmp_path / "videos.yaml").write_text(damage)
    assert [one.id for one in read_folder(tmp_path)] == ["day_1"]
