"""Tables with a row per bout: units, stops, videos, animals, and columns that change the meaning."""

from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import bout_csv
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.predictions import tables
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.videos import Video, Videos

TRUTH = (Bout(300, 360, "groom"), Bout(600, 630, "rear"))
UNKNOWN, KNOWN = Videos([Video("m", None, 700)]), Videos([Video("m", 30.0, 700)])

SIMBA = (
    "Event,Start_time,End Time,Start_frame,End_frame,Bout_time\ngroom,10.0,12.0,300,{},2.0\nrear,20.0,21.0,600,{},1.0\n"
)


def read(folder: Path, text: str, videos: Videos = UNKNOWN, name: str = "m.csv") -> tuple[Annotations, str]:
    (folder / name).write_text(text)
    assert bout_csv.detect(folder / name)
    notices: list[str] = []
    (annotations,) = read_annotations(folder / name, videos=videos, notify=notices.append)
    return annotations, "\n".join(notices)


@pytest.mark.parametrize(
    "text",
    [
        "start,stop,label\n300,360,groom\n600,630,rear\n",
        "id,onset,offset,label\n1,300,360,groom\n2,600,630,rear\n",
        "id;Start Frame;End Frame;Behaviour\nm;300;360;groom\nm;600;630;rear\n",
        '﻿"label"\t"start (s)"\t"end (s)"\n"groom"\t"10,0"\t"12,0"\nrear\t20\t21\n',
        "sep=;\nstart;stop;label\n10,0;12,0;groom\n20,0;21,0;rear\n",
        SIMBA.format(359, 629),
        SIMBA.format(360, 630),
        "first_frame,last_frame,action\n300,359,groom\n600,629,rear\n",
        "start_frame,stop_frame,duration_frames,action\n300,359,60,groom\n600,629,30,rear\n",
        "onset,duration,event\n00:00:10,2,groom\n0:20.0,1,rear\n",
        "start,end,behavior\n10.0,12.0,groom\n20.0,21.0,rear\n",
    ],
)
def test_names_and_values_of_the_columns_say_what_they_count(tmp_path: Path, text: str) -> None:
    annotations, _ = read(tmp_path, text)
    assert annotations.channels == {"label": TRUTH}
    assert (annotations.id, annotations.background) == ("m", "other")


def test_a_unit_that_no_name_gives_is_told_with_a_way_to_overrule_it_that_works(tmp_path: Path) -> None:
    text = "start,stop,label\n10,12,groom\n20,21,rear\n"
    annotations, notices = read(tmp_path, text, KNOWN)
    assert annotations.channels == {"label": (Bout(10, 12, "groom"), Bout(20, 21, "rear"))}
    assert "taken as frames from 0, stops just after their bouts; if they are seconds, name them start_s" in notices
    annotations, _ = read(tmp_path, text.replace("start,stop", "start_s,stop_s"), KNOWN)
    assert annotations.channels == {"label": TRUTH}


def test_whole_numbers_are_frames_or_seconds_as_the_length_of_the_tracks_allows(tmp_path: Path) -> None:
    annotations, _ = read(tmp_path, "start,stop,label\n300.0,360.0,groom\n600.0,630.0,rear\n", KNOWN)
    assert annotations.channels == {"label": TRUTH}
    long_ago = Videos([Video("m", 1.0, 20)])
    with pytest.raises(InputError, match="within the 20 frames"):
        read(tmp_path, "start_frame,stop_frame,label\n300,360,groom\n", long_ago)


def test_times_beside_frames_hold_where_the_tracks_have_another_rate(tmp_path: Path) -> None:
    text = "label,start_frame,stop_frame,start_s,stop_s\ngroom,150,180,10,12\nrear,300,315,20,21\n"
    annotations, notices = read(tmp_path, text, KNOWN)
    assert annotations.channels == {"label": TRUTH}
    assert "15 Hz" in notices
    assert "30 Hz: its times hold" in notices


def test_where_bouts_leave_no_gap_other_frames_are_unscored(tmp_path: Path) -> None:
    rows = "start,stop,label\n100,299,other\n300,359,groom\n360,599,other\n600,629,rear\n"
    annotations, _ = read(tmp_path, rows)
    assert annotations.background is None
    assert annotations.channels["label"][1::2] == TRUTH


def test_frames_of_a_bout_whose_label_is_no_behaviour_are_unscored(tmp_path: Path) -> None:
    annotations, notices = read(tmp_path, "start,stop,label\n300,360,groom\n400,420,NaN\n410,415,rear\n")
    values = annotations.labels("label", ("groom", "rear", "other"), 700).values
    assert annotations.vocabulary == {"label": ("groom", "rear", "other")}
    assert (values[400:410] == -1).all()
    assert (values[410:415] == 1).all()
    assert (values[415:420] == -1).all()
    assert (values[420:] == 2).all()
    assert "'NaN'" in notices


def test_videos_animals_and_pairs_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(
        "video,agent_id,target_id,action,start_frame,stop_frame\n"
        "data/m.mp4,1,2,groom,300,360\nn,1,2,groom,5,9\ndata/m.mp4,2,1,rear,600,630\n"
    )
    videos = Videos([Video("m", 30.0, 700), Video("n", 30.0, 700)])
    m, n = read_annotations(tmp_path / "all.csv", videos=videos, notify=lambda _: None)
    assert m.channels == {"1-2": TRUTH[:1], "2-1": TRUTH[1:]}
    assert (n.id, n.channels) == ("n", {"1-2": (Bout(5, 9, "groom"),)})


def test_the_bouts_of_predictions_are_read_like_their_frames(tmp_path: Path) -> None:
    labels = np.array([0] * 5 + [1] * 7)
    prediction = tables.Prediction("m", ("a", "b"), np.full((12, 2), 0.5), labels, 30.0, np.ones(12))
    frames, path = tables.write(tmp_path, prediction)
    frames.unlink()  # beside it, the table of bouts is passed over
    (annotations,) = read_annotations(path, notify=lambda _: None)
    assert annotations.channels == {"label": (Bout(0, 5, "a"), Bout(5, 12, "b"))}
    assert annotations.id == "m"


def test_a_written_table_reads_back_equal(tmp_path: Path) -> None:
    original = Annotations("m", {"a": TRUTH, "b": (Bout(3, 4, 'say "x", y'),)}, "other")
    bout_csv.write(tmp_path / "m.csv", original)
    (annotations,) = bout_csv.read(tmp_path / "m.csv")
    assert (annotations.channels, annotations.background) == (original.channels, "other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start,stop\n1,2\n", "expected a column of behaviours.*found the columns start, stop"),
        ("start,stop,label\n5,2,a\n", "row 1: expected a stop after the start; found 5 to 2"),
        ("start_frame,stop_frame,label\n1.5,2,a\n", "expected whole numbers of frames"),
        ("start,stop,label\nsoon,2,a\n", "column 'start': expected a number; found 'soon'"),
        ("start,stop,label\n,,a\n", "expected rows with a start and a stop"),
        ("start,stop,start,label\n1,2,3,a\n", "expected one column 'start'; found 2"),
        ("start_s,stop_s,time_offset,label\n15,17,5,a\n", "the column 'time_offset', which shifts them"),
        ("start_s,stop_s,observer,label\n1,2,x,a\n1,2,y,a\n", "expected labels by one person; found x, y"),
        ("id,start,stop,label\nmouse1,1,2,a\n", "'id' to number the rows, or to name videos.*rename it"),
        ("start_frame,duration_s,label\n1,2,a\n", "in one unit; found 'start_frame' and 'duration_s'"),
        ("start,stop,label\n", "expected rows under the names"),
    ],
)
def test_the_error_of_a_bad_table_names_file_and_fault(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"m\.csv.*{message}"):
        read(tmp_path, text)


def test_columns_that_nobody_used_are_named(tmp_path: Path) -> None:
    _, notices = read(tmp_path, "stop,arena,label,comment,start\n360,A,groom,nice,300\n630,B,rear,,600\n")
    assert "columns that are not used: arena" in notices
    assert "comment" not in notices
