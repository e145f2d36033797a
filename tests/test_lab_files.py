"""Files as labs have them: each was once read wrongly without a word, or refused without a way on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.labelled import read_labelled
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.recording import Recording

Cases = Callable[[str], Path]

GROOM_AND_REAR = [("groom", 300, 360), ("rear", 600, 630)]


@pytest.fixture
def cases(shared_data: Callable[[str], Path]) -> Cases:
    return lambda name: shared_data("../cases") / name


def bouts(recording: Recording, *, without: tuple[str, ...] = ("other",)) -> list[tuple[str, int, int]]:
    (labels,) = recording.labels.values()
    return [(bout.behaviour, bout.start, bout.stop) for bout in labels.bouts() if bout.behaviour not in without]


def read(path: Path) -> tuple[Recording, list[str]]:
    notices: list[str] = []
    (recording,) = read_recordings(path, notify=notices.append)
    return recording, notices


@pytest.mark.parametrize("name", ["frames", "onsets"])
def test_a_table_of_bouts_is_no_table_of_frames(cases: Cases, name: str) -> None:
    (recording,) = read_labelled(cases("tracks"), cases(f"01-bout-table/{name}"))
    found = bouts(recording)
    assert len(found) == 11
    assert found[:3] == [("groom", 30, 70), ("rear", 90, 110), ("groom", 150, 190)]


@pytest.mark.parametrize(
    "name",
    [
        "02-boris-offset/tabular",
        "02-boris-offset/aggregated",
        "02-boris-offset/older-tabular",
        "03-other-rate/boris",
        "12-boris-two-files",
        "21-boris-observation-name",
        "24-boris-epoch-offset",
    ],
)
def test_events_lie_where_the_video_shows_them(cases: Cases, name: str) -> None:
    (recording,) = read_labelled(cases("tracks"), cases(name))
    assert bouts(recording) == GROOM_AND_REAR


def test_events_on_pictures_lie_at_their_image_index(cases: Cases) -> None:
    (recording,) = read_labelled(cases("tracks"), cases("13-boris-pictures"))
    assert bouts(recording) == [("groom", 300, 360), ("rear", 600, 601)]


@pytest.mark.parametrize("name", ["ten-hertz", "time_s"])
def test_a_time_column_places_the_labels(cases: Cases, name: str) -> None:
    (recording,) = read_labelled(cases("tracks"), cases(f"04-time-column/{name}"))
    assert ("groom", 300, 360) in bouts(recording)


def test_a_correction_wins_over_the_prediction_that_it_corrects(cases: Cases) -> None:
    folder = cases("05-slp-corrected")
    recording, _ = read(folder / "one.slp")
    assert len(recording.individuals) == 1
    truth = np.load(folder / "truth.npy")
    np.testing.assert_allclose(recording.positions[:, 0], truth[:, 0], atol=1e-3)


def test_instances_without_a_track_are_counted(cases: Cases) -> None:
    recording, notices = read(cases("06-slp-partly-tracked"))
    seen = np.isfinite(recording.positions[30:60]).any(axis=(2, 3)).all()
    assert seen or any("30" in notice and "track" in notice for notice in notices)


@pytest.mark.parametrize("name", ["seconds", "frames"])
def test_frames_that_nobody_looked_at_are_unscored(cases: Cases, name: str) -> None:
    (recording,) = read_labelled(cases("tracks"), cases(f"08-bento-start-stop-time/{name}"))
    assert bouts(recording) == [("groom", 300, 360)]
    (labels,) = recording.labels.values()
    scored = np.flatnonzero(labels.values >= 0)
    assert scored[0] in (149, 150)
    assert scored[-1] == 599


@pytest.mark.parametrize("name", ["two-cameras", "fly-legs"])
def test_cameras_and_legs_are_no_animals(cases: Cases, name: str) -> None:
    recording, _ = read(cases(f"09-prefixes/{name}"))
    assert len(recording.individuals) == 1


def test_nan_is_no_behaviour(cases: Cases) -> None:
    (annotations,) = read_annotations(cases("10-nan-word"))
    assert not any("nan" in name.lower() for names in annotations.vocabulary.values() for name in names)


def test_a_track_without_instances_is_no_animal(cases: Cases) -> None:
    recording, notices = read(cases("11-slp-track-unused"))
    assert np.isfinite(recording.positions).any(axis=(1, 2, 3)).sum() == 100
    assert notices


def test_an_animal_that_is_never_seen_is_left_out(cases: Cases) -> None:
    recording, notices = read(cases("15-empty-animal"))
    assert len(recording.individuals) == 2
    assert any("never seen" in notice for notice in notices)


def test_a_video_without_labels_does_not_sink_its_project(cases: Cases) -> None:
    recording, notices = read(cases("16-slp-unlabelled-video"))
    assert np.isfinite(recording.positions).any()
    assert notices


@pytest.mark.parametrize("name", ["by-video", "as-predict-writes"])
def test_annotations_of_videos_of_one_project_find_them(cases: Cases, name: str) -> None:
    recordings = read_labelled(cases("17-slash-ids/project.slp"), cases(f"17-slash-ids/{name}"))
    assert [bouts(recording) for recording in recordings] == [[("groom", 30, 60)]] * 2


def test_suffixes_that_repeat_a_skeleton_are_animals(cases: Cases) -> None:
    recording, notices = read(cases("18-simba-suffix"))
    assert recording.positions.shape[1:3] == (2, 5)
    assert any("suffix" in notice for notice in notices)


def test_one_name_in_two_folders_is_two_videos(cases: Cases) -> None:
    ids = [recording.id for recording in read_recordings(cases("19-same-name-folders"))]
    assert ids == ["a/trial1", "b/trial1"]


def test_names_that_programs_append_do_not_hide_the_video(cases: Cases) -> None:
    folder = cases("20-names")
    (recording,) = read_labelled(next(folder.glob("*.csv")), folder / "m_annot.txt")
    assert recording.id == "m"


def test_a_skeleton_table_beside_tracks_is_passed_over(cases: Cases) -> None:
    recording, _ = read(cases("22-dlc-folder"))
    assert recording.id == "m"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CollectedData_me.csv", "a person labelled"),
        ("m_pose_top.json", "MARS"),
        ("trajectories.npy", "idtracker"),
    ],
)
def test_what_cannot_be_read_is_named(cases: Cases, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(cases("23-words") / name)


def test_float_frame_numbers_and_the_american_spelling_are_read(cases: Cases) -> None:
    read(cases("23-words") / "float-indexDLC_x.csv")
    (annotations,) = read_annotations(cases("23-words") / "behaviour-column.csv")
    assert [bout.behaviour for bouts in annotations.channels.values() for bout in bouts] == ["groom"]


def test_the_time_coordinate_says_which_frames_these_are(cases: Cases) -> None:
    cut, _ = read(cases("25-movement-time/cut.nc"))
    assert (cut.frame_rate, int(np.isfinite(cut.positions).any(axis=(1, 2, 3)).argmax())) == (50.0, 100)
    thinned, _ = read(cases("25-movement-time/every-second.nc"))
    assert thinned.frame_rate == 25.0
