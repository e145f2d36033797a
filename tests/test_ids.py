"""From tracks to predictions, to files for review, and back to labels: whatever the videos are called."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.formats.annotations import bento, boris, caltech, frame_csv
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.labelled import label_recordings, read_labelled
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.folder import PredictionFolder
from ssl_behavior.predictions.table_reading import by_video, read_folder
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import file_stems
from tests.storage.test_video_names import NASTY

FRAMES = len(NASTY) + 1
BEHAVIOURS = ("groom", "rear")


def labels_of(number: int) -> np.ndarray:
    """Labels that no other video has: the first frames are of the first behaviour."""
    return (np.arange(FRAMES) > number).astype(int)


def recording(name: str) -> Recording:
    return Recording(name, np.zeros((FRAMES, 1, 1, 2)), ("mouse",), Skeleton(("nose",)), 30.0)


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of videos with every kind of id."""
    path = tmp_path_factory.mktemp("loop") / "predictions"
    folder = PredictionFolder(path, "model", NASTY)
    folder.clear()
    for number, (name, stem) in enumerate(zip(NASTY, folder.stems, strict=True)):
        labels = labels_of(number)
        prediction = Prediction(name, BEHAVIOURS, np.eye(2)[labels], labels, 30.0, np.ones(FRAMES))
        # As folder.write does, without its picture, which would take most of the time.
        tables.write(path, prediction, stem)
        folder.review.write(prediction.to_annotations("S1"), prediction.frame_rate, stem)
    return path


@pytest.mark.parametrize("pattern", ["review/*_annot.txt", "review/*.boris", "*.csv"])
def test_predictions_of_every_id_come_back_as_labels_of_their_video(predictions: Path, pattern: str) -> None:
    files = [file for file in predictions.glob(pattern) if not file.name.endswith(".bouts.csv")]
    assert len(files) == len(NASTY)
    labelled = label_recordings([recording(name) for name in NASTY], files, None, (), None, ())
    assert [one.id for one in labelled] == list(NASTY)
    for number, one in enumerate(labelled):
        (labels,) = one.labels.values()
        is_first = np.array([labels.behaviours[code] == "groom" for code in labels.values])
        np.testing.assert_array_equal(is_first, labels_of(number) == 0, err_msg=one.id)


def test_a_folder_of_predictions_keeps_the_ids_and_is_scored_by_them(predictions: Path, tmp_path: Path) -> None:
    assert {prediction.id for prediction in read_folder(predictions)} == set(NASTY)
    videos = ("a/b", "a_b", "a\\b", "CON", " lead", "x" * 255)
    for number, pattern in enumerate(("*_annot.txt", "*.boris")):
        report = evaluate(
            EvaluateConfig(
                predictions=predictions,
                annotations=(predictions / "review" / pattern,),
                output=tmp_path / str(number),
                videos=videos,
                bootstrap=0,
            )
        )
        confusion = np.array(report["confusion"])
        assert confusion.sum() == confusion.trace() == len(videos) * FRAMES


WRITERS: dict[str, Callable[[Path, Annotations], None]] = {
    "_annot.txt": caltech.write,
    ".boris": boris.write,
    ".annot": bento.write,
    ".csv": frame_csv.write,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_that_is_written_finds_its_video_again(tmp_path: Path, ending: str) -> None:
    for number, (name, stem) in enumerate(file_stems(NASTY).items()):
        bouts = (Bout(0, number + 1, "groom"),)
        WRITERS[ending](tmp_path / f"{stem}{ending}", Annotations(name, {"S1": bouts}, "other", frames=FRAMES))
    labelled = label_recordings([recording(name) for name in NASTY], tmp_path, None, (), None, ())
    assert [one.id for one in labelled] == list(NASTY)
    for number, one in enumerate(labelled):
        (labels,) = one.labels.values()
        groom = labels.values == labels.behaviours.index("groom")
        assert groom.sum() == number + 1, one.id


def test_converted_recordings_keep_their_ids(tmp_path: Path) -> None:
    native.write(tmp_path, [recording(name) for name in NASTY])
    assert {one.id for one in read_recordings(tmp_path)} == set(NASTY)


def test_predictions_of_version_0_1_0_find_their_videos() -> None:
    labels = labels_of(3)
    old = [Prediction(name, BEHAVIOURS, np.eye(2)[labels], labels, 30.0, np.ones(FRAMES)) for name in ("day_1", "x")]
    assert list(by_video(old, ["day/1", "day/2"])) == ["day/1"]


def tracks_file(path: Path, shift: float = 0) -> Path:
    """A table as DeepLabCut writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        ["scorer", *["s"] * 6],
        ["bodyparts", *["nose"] * 3, *["tail"] * 3],
        ["coords", *["x", "y", "likelihood"] * 2],
    ]
    rows += [[str(i), *(str(i + shift + k) for k in range(2)), "1", "3", str(i), "1"] for i in range(60)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def groom(path: Path, start: int) -> Path:
    """Frame labels, with grooming for ten frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{frame},{'groom' if start <= frame < start + 10 else 'other'}\n" for frame in range(60))
    path.write_text(f"frame,label\n{rows}")
    return path


def grooming(recordings: Sequence[Recording]) -> dict[str, int]:
    """Id -> first frame of grooming."""
    starts = {}
    for one in recordings:
        (labels,) = one.labels.values()
        starts[one.id] = int(np.flatnonzero(labels.values == labels.behaviours.index("groom"))[0])
    return starts


def test_the_same_name_in_two_folders_is_two_videos_each_with_its_annotations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, day in enumerate(("day1", "day2")):
        for number_of_box, box in enumerate(("a", "b")):
            start = 10 + 20 * number + 5 * number_of_box
            tracks_file(tmp_path / "tracks" / day / box / "trial1DLC_x.csv", start)
            groom(tmp_path / "tracks" / day / box / "trial1.csv", start)
            groom(tmp_path / "parallel" / day / box / "trial1.csv", start)
    tracks_file(tmp_path / "tracks" / "day1" / "a" / "trial2DLC_x.csv")
    groom(tmp_path / "parallel" / "day1" / "a" / "trial2.csv", 40)
    glob = str(tmp_path / "tracks" / "**" / "*DLC_x.csv")
    expected = {"day1/a/trial1": 10, "day1/b/trial1": 15, "day2/a/trial1": 30, "day2/b/trial1": 35}
    beside = read_labelled(glob, str(tmp_path / "tracks" / "**" / "trial[0-9].csv"))
    assert grooming(beside) == expected
    assert "4 recordings share names with files in other folders" in capsys.readouterr().out
    assert grooming(read_labelled(glob, tmp_path / "parallel")) == {**expected, "trial2": 40}
    chosen = read_labelled(glob, tmp_path / "parallel", videos=["day1/*", "trial2"])
    assert list(grooming(chosen)) == ["day1/a/trial1", "day1/b/trial1", "trial2"]


def test_the_names_of_some_programs_lead_to_one_video(tmp_path: Path) -> None:
    names = ["mDLC_x", "m_superanimal_topviewmouse_hrnet_w32_fasterrcnn", "m_DLC_y_filtered", "m_pose_est_v5"]
    for number, name in enumerate(names):
        file = tracks_file(tmp_path / str(number) / f"{name}.csv")
        labelled = read_labelled(file, groom(tmp_path / str(number) / "annotations" / "m.csv", 20))
        assert grooming(labelled) == {"m": 20}


@pytest.mark.parametrize("kinds", [("mDLC_x.csv", "mDLC_x_filtered.csv"), ("mDLC_x.csv", "mDLC_y.csv")])
def test_two_kinds_of_files_of_a_video_are_an_error_whose_advice_works(tmp_path: Path, kinds: tuple[str, str]) -> None:
    for kind in kinds:
        tracks_file(tmp_path / "a [1]" / kind)
    with pytest.raises(InputError, match=r"the video id 'm' is that of .* too; give files of one kind only") as error:
        read_recordings(tmp_path)
    advised = str(error.value).split("'")[3::2]
    assert len(advised) == 2
    for glob in advised:
        (one,) = read_recordings(glob)
        assert one.id == "m"


def test_a_folder_of_files_to_review_is_refused_with_globs_that_work(predictions: Path) -> None:
    recordings = [recording(name) for name in NASTY]
    with pytest.raises(InputError, match=r"is annotated twice, in .*; give files of one kind only") as error:
        label_recordings(recordings, predictions / "review", None, (), None, ())
    for glob in str(error.value).split("--annotations '")[1:]:
        assert len(label_recordings(recordings, glob.partition("'")[0], None, (), None, ())) == len(NASTY)


@pytest.mark.parametrize("name", ["", "  ", ".", "..", "a\0b", "a\nb", "a\x1bb", "a\x7fb", "a\u2028b", "a\udc80b"])
def test_an_id_that_names_nothing_is_refused_at_reading(tmp_path: Path, name: str) -> None:
    frames = [[[1.0] * 7] * 2] * 2
    np.save(
        tmp_path / "t.npy",
        np.array({"sequences": {name: {"keypoints": np.array([frames] * 3)}}}, dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(InputError, match=r"t\.npy: expected a name for each video; found .*: rename the video"):
        read_recordings(tmp_path / "t.npy")


@pytest.mark.parametrize("name", [" ", "..", "a\0b"])
def test_an_observation_that_names_nothing_is_refused_at_reading(tmp_path: Path, name: str) -> None:
    boris.write(tmp_path / "t.boris", Annotations(name, {"S1": (Bout(0, 3, "groom"),)}))
    with pytest.raises(InputError, match=r"t\.boris: expected a name for each video"):
        read_annotations(tmp_path / "t.boris")


def advice(error: pytest.ExceptionInfo[InputError]) -> tuple[str, str]:
    """The old and the new name in an error that says what to rename."""
    _, _, text = str(error.value).partition(": if ")
    return text.split(" is of ")[0], text.rpartition("rename it to ")[2]


def test_annotations_that_match_no_video_are_told_what_to_rename(tmp_path: Path) -> None:
    file, labels = tracks_file(tmp_path / "mouse 1DLC_x.csv"), groom(tmp_path / "annotations" / "Mouse1_labels.csv", 20)
    with pytest.raises(InputError, match=r"named after .*, or in BORIS the observation or its media file") as error:
        read_labelled(file, labels)
    old, new = advice(error)
    assert (old, new) == ("Mouse1_labels.csv", "mouse 1.csv")
    labels.rename(labels.with_name(new))
    assert grooming(read_labelled(file, labels.with_name(new))) == {"mouse 1": 20}


def test_annotations_of_some_videos_only_are_told_what_to_rename(tmp_path: Path) -> None:
    files = [tracks_file(tmp_path / f"{name}DLC_x.csv") for name in ("mouse1", "mouse2")]
    labels = [groom(tmp_path / "annotations" / f"{name}.csv", 20) for name in ("mouse1", "mouse2_labels")]
    with pytest.raises(InputError, match="annotations without tracks: mouse2_labels; give their tracks") as error:
        read_labelled(files, labels)
    _, _, text = str(error.value).partition("; if ")
    assert text == "mouse2_labels.csv is of mouse2, rename it to mouse2.csv"


def observation(path: Path, name: str, media: Sequence[str]) -> Path:
    """A project of BORIS with one observation of a film."""
    boris.write(path, Annotations(name, {"S1": (Bout(20, 30, "groom"),)}))
    text = path.read_text().replace('"file": {}', f'"file": {{"1": [{", ".join(media)}], "2": []}}')
    path.write_text(text)
    return path


@pytest.mark.parametrize("media", ['"m.mp4"', '"C:\\\\films\\\\m.avi"', '"/data/films/m.mp4"'])
def test_an_observation_is_matched_by_its_film(tmp_path: Path, media: str) -> None:
    project = observation(tmp_path / "all.boris", "2024 obs 1", [media])
    recordings = [tracks_file(tmp_path / f"{name}DLC_x.csv") for name in ("m", "n")]
    assert grooming(read_labelled(recordings, project)) == {"m": 20}


def test_an_observation_without_a_film_is_matched_by_the_project_or_told_what_to_rename(tmp_path: Path) -> None:
    recordings = [tracks_file(tmp_path / f"{name}DLC_x.csv") for name in ("m1", "n")]
    assert grooming(read_labelled(recordings, observation(tmp_path / "m1.boris", "obs", []))) == {"m1": 20}
    with pytest.raises(InputError, match=r"if m1 obs is of m1, rename it to m1 in .*all\.boris"):
        read_labelled(recordings, observation(tmp_path / "all.boris", "m1 obs", []))


def test_an_exported_table_is_matched_by_its_film(tmp_path: Path) -> None:
    table = tmp_path / "export.csv"
    columns = "Observation id,Media file path,Subject,Behavior,Behavior type,Start (s),Stop (s)"
    table.write_text(
        f"{columns}\n2024 obs 1,/data/m.mp4,,groom,STATE,1.0,1.5\n2024 obs 2,/data/n.mp4,,groom,STATE,0.5,1.0\n"
    )
    recordings = read_recordings([tracks_file(tmp_path / f"{name}DLC_x.csv") for name in ("m", "n")], frame_rate=20)
    labelled = label_recordings(recordings, table, None, (), None, ())
    assert grooming(labelled) == {"m": 20, "n": 10}


def test_a_command_predicts_and_reads_what_it_wrote(tmp_path: Path) -> None:
    for box in ("a", "b"):
        tracks_file(tmp_path / "tracks" / box / "trial 1DLC_x.csv")
    command = [sys.executable, "-m", "ssl_behavior.convert", "--recordings", str(tmp_path / "tracks")]
    done = subprocess.run([*command, "--output", str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in (tmp_path / "out").glob("*.safetensors")) == [
        "a_trial 1.safetensors",
        "b_trial 1.safetensors",
    ]
    labels = [groom(tmp_path / "annotations" / box / "trial 1.csv", start) for box, start in (("a", 10), ("b", 30))]
    assert grooming(read_labelled(tmp_path / "out", labels)) == {"a/trial 1": 10, "b/trial 1": 30}


def test_a_folder_of_each_video_holds_its_tracks_and_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, start in (("m1", 20), ("m2", 30)):
        tracks_file(tmp_path / name / "pose.csv")
        groom(tmp_path / name / "labels.csv", start)
    assert grooming(read_labelled(tmp_path, tmp_path)) == {"m1/pose": 20, "m2/pose": 30}
    printed = capsys.readouterr().out
    assert f"{tmp_path / 'm1' / 'labels.csv'} and 1 more: taken as of the video of its folder" in printed


def test_the_advice_on_a_file_for_each_behaviour_is_one_that_can_be_followed(tmp_path: Path) -> None:
    file = tracks_file(tmp_path / "mDLC_x.csv")
    for name in ("m_groom", "m_rear"):
        groom(tmp_path / "annotations" / f"{name}.csv", 20)
    with pytest.raises(InputError, match=r"if m_groom\.csv, m_rear\.csv are all of m, join them in one table, m\.csv"):
        read_labelled(file, tmp_path / "annotations")
    for name in ("groom", "rear"):
        groom(tmp_path / "folders" / name / "m.csv", 20)
    with pytest.raises(InputError, match=r"annotated twice.* name each file after its own video, or join them in one"):
        read_labelled(file, tmp_path / "folders")
