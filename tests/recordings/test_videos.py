"""How annotations find their video: by its whole id, by its file name, and by what is left of it in other names."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.recordings.videos import Video, Videos


def found(ids: list[str], *names: str | Path) -> str:
    return Videos(Video(name) for name in ids).find(*names).id


@pytest.mark.parametrize(
    ("ids", "name", "expected"),
    [
        (["m", "n"], Path("m_annot.txt"), "m"),
        (["m", "n"], Path("some/folder/m.csv"), "m"),
        (["project/m1", "project/m2"], Path("m1_annot.txt"), "project/m1"),
        (["project/m1", "project/m2"], Path("project_m2_annot.txt"), "project/m2"),
        (["a/t", "b/t"], Path("annotations/b/t.csv"), "b/t"),
        (["a/t", "b/t"], Path("annotations/b_t.csv"), "b/t"),
        (["t", "b/t"], Path("annotations/b/t.csv"), "b/t"),
        (["t", "b/t"], Path("annotations/a/t.csv"), "t"),
        (["x/a/t", "x/b/t"], Path("other/b/t.csv"), "x/b/t"),
        (["a/b", "a_b"], Path("a_b_annot.txt"), "a_b"),
        (["m", "m_annot"], Path("m_annot.txt"), "m"),
        (["m", "m_annot"], Path("m_annot_annot.txt"), "m_annot"),
        (["m_annot"], Path("m_annot.txt"), "m_annot"),
        (["m", "m.analysis"], Path("m.analysis_annot.txt"), "m.analysis"),
        (["mDLC_resnet50"], Path("mDLC_resnet50_annot.txt"), "mDLC_resnet50"),
        (["m_superanimal_topviewmouse_x"], Path("m.boris"), "m_superanimal_topviewmouse_x"),
        (["film.mp4"], Path("film_annot.txt"), "film.mp4"),
        (["film"], "film.mp4", "film"),
        (["day_1"], "day/1", "day_1"),
        (["a_t", "b_t"], Path("annotations/b/t.csv"), "b_t"),
        (["mouse1"], "task1/train/mouse1", "mouse1"),
        (["a\\b", "a/b"], "a\\b", "a\\b"),
    ],
)
def test_a_name_leads_to_its_video(ids: list[str], name: str | Path, expected: str) -> None:
    assert found(ids, name) == found(ids[::-1], name) == expected


def test_accents_may_be_spelt_in_another_way() -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    assert found([composed], Path(f"{decomposed}_annot.txt")) == composed
    assert found([decomposed], composed) == decomposed
    assert found([composed, decomposed], decomposed) == decomposed
    assert found([composed, decomposed], Path(f"{composed}.csv")) == composed


def test_the_first_name_that_stands_for_a_video_counts() -> None:
    assert found(["m", "n"], "2024 obs 1", Path("/videos/n.avi"), Path("m.boris")) == "n"
    assert found(["a/t", "b/t"], "t", Path("/videos/b/t.mp4")) == "b/t"


@pytest.mark.parametrize("name", ["other", "test/m", "m2"])
def test_a_name_of_no_video_stays_as_it_is(name: str) -> None:
    assert found(["m1", "train/m"], name) == name
    assert found(["m1"], Path("other_annot.txt")) == "other"


@pytest.mark.parametrize("name", ["t", Path("annotations/t_annot.txt"), Path("annotations/c/t.csv")])
def test_a_name_of_two_videos_is_an_error_whose_advice_works(name: str | Path) -> None:
    with pytest.raises(InputError, match=r"found that of a/t, b/t: name the video in full, such as 'a/t', or 'a_t'"):
        found(["a/t", "b/t"], name)
    assert found(["a/t", "b/t"], "a/t") == found(["a/t", "b/t"], Path("a_t_annot.txt")) == "a/t"


@pytest.mark.parametrize(
    ("videos", "file", "expected"),
    [
        (["m1/pose", "m2/pose"], "ann/m1/labels.csv", "m1/pose"),
        (["m1/pose", "m2/pose"], "ann/m2/Annotations_annot.txt", "m2/pose"),
        (["m1/pose", "m2/pose"], "m2/manual/behaviour.csv", "m2/pose"),
        (["m1", "m2"], "m1/labels.boris", "m1"),
        (["day1/m1/pose", "day1/m2/pose", "day2/m1/pose"], "day2/m1/labels.csv", "day2/m1/pose"),
        # A name of another kind, a folder of no video and a folder of two videos say nothing.
        (["m1/pose", "m2/pose"], "m1/groom.csv", "groom"),
        (["m1/pose", "m2/pose"], "m3/labels.csv", "labels"),
        (["m1/pose", "m1/side"], "m1/labels.csv", "labels"),
        # A video of the name itself comes first.
        (["m1/pose", "labels"], "m1/labels.csv", "labels"),
    ],
)
def test_labels_of_a_general_name_are_of_the_video_of_their_folder(
    tmp_path: Path, videos: list[str], file: str, expected: str
) -> None:
    assert Videos(map(Video, videos)).find(tmp_path / file).id == expected


def test_a_name_that_several_folders_have_is_that_of_no_video(tmp_path: Path) -> None:
    files = [tmp_path / "m1" / "scored.csv", tmp_path / "m2" / "scored.csv"]
    videos = Videos(map(Video, ["m1/pose", "m2/pose"]))
    assert [videos.beside(files).find(file).id for file in files] == ["m1/pose", "m2/pose"]
    assert videos.beside(files[:1]).find(files[0]).id == "scored"


def test_the_folder_of_tracks_counts_where_their_id_lacks_it(tmp_path: Path) -> None:
    videos = Videos([Video("pose", source=str(tmp_path / "m1" / "pose.csv"))])
    assert videos.find(tmp_path / "ann" / "m1" / "labels.csv").id == "pose"
    assert videos.find(tmp_path / "ann" / "m2" / "labels.csv").id == "labels"


def test_a_rate_that_all_recordings_have_is_that_of_videos_without_tracks() -> None:
    recordings = [Recording(n, np.zeros((3, 1, 1, 2)), ("m",), Skeleton(("nose",)), 25.0) for n in ("a", "b")]
    assert Videos.of(recordings).find("c").frame_rate == 25.0
    assert Videos.of([recordings[0], replace(recordings[1], frame_rate=30.0)]).find("c").frame_rate is None
    assert Videos.of([replace(recordings[0], frame_rate_is_assumed=True)]).find("c").frame_rate is None
