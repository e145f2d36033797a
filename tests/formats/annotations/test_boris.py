"""BORIS: tables that it exports, projects that it saves, and projects written for it."""

import json
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import boris
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.videos import Video, Videos

AGGREGATED = """Observation id,Date,Media file,Total length,FPS,Subject,Behavior,Behavior type,Start (s),Stop (s)
day 1,2024-01-01,a.mp4,10.0,20,mouse1,attack,STATE,1.0,2.5
day 1,2024-01-01,a.mp4,10.0,20,mouse2,jump,POINT,3.0,3.0
day 2,2024-01-02,b.mp4,8.0,20,mouse1,attack,STATE,0.0,0.49
"""
DAY_1 = AGGREGATED[: AGGREGATED.index("day 2")]
TABULAR = """Observation id,day 1,,
Media file(s),,,

Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status
1.0,a.mp4,10.0,20,mouse1,attack,,,START
2.0,a.mp4,10.0,20,mouse1,sniff,,,POINT
2.5,a.mp4,10.0,20,mouse1,attack,,,STOP
"""


def test_aggregated_tables_have_a_row_per_bout(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(AGGREGATED)
    assert boris.detect(tmp_path / "x.csv")
    day1, day2 = boris.read(tmp_path / "x.csv")
    assert (day1.id, day1.frames, day1.background) == ("day 1", 200, "other")
    assert day1.channels == {"mouse1": (Bout(20, 50, "attack"),), "mouse2": (Bout(60, 61, "jump"),)}
    assert day2.channels == {"mouse1": (Bout(0, 10, "attack"),)}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tabular_tables_have_rows_of_starts_stops_and_points(tmp_path: Path, separator: str) -> None:
    (tmp_path / "x.csv").write_text(TABULAR.replace(",", separator))
    (annotations,) = boris.read(tmp_path / "x.csv")
    assert (annotations.id, annotations.frames) == ("day 1", 200)
    assert annotations.channels == {"mouse1": (Bout(20, 50, "attack"), Bout(40, 41, "sniff"))}


def test_a_file_without_a_frame_rate_takes_that_of_the_caller(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("Observation id,Subject,Behavior,Start (s),Stop (s)\nv,m,a,1,2\n")
    (annotations,) = boris.read(tmp_path / "x.csv", Videos(frame_rate=50.0))
    assert annotations.channels == {"m": (Bout(50, 100, "a"),)}
    assert annotations.frames is None


@pytest.mark.parametrize("frame_rate", [25.0, 29.97, 30.0, 30000 / 1001])
def test_a_written_project_reads_back_equal(tmp_path: Path, frame_rate: float) -> None:
    bouts = tuple(Bout(37 * i, 37 * i + 1 + i % 30, "attack" if i % 3 else "mount, twice") for i in range(400))
    original = Annotations("trial/1", {"S1": bouts}, "other", frames=20000)
    boris.write(tmp_path / "v.boris", original, frame_rate)
    assert boris.detect(tmp_path / "v.boris")
    (annotations,) = boris.read(tmp_path / "v.boris", Videos([Video("trial/1", frame_rate), Video("trial/2", 7.0)]))
    assert (annotations.id, annotations.channels, annotations.background, annotations.frames) == (
        "trial/1",
        original.channels,
        "other",
        None,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TABULAR.replace("2.5,a.mp4,10.0,20,mouse1,attack,,,STOP\n", ""), "START without"),
        (TABULAR.replace("1.0,a.mp4,10.0,20,mouse1,attack,,,START\n", ""), "STOP at 2.5 s without"),
        (DAY_1.replace("1.0,2.5", "soon,2.5"), "expected a number; found 'soon'"),
        (DAY_1.replace("1.0,2.5", "NaN,2.5"), "expected a number in 'Start"),
        (DAY_1.replace("1.0,2.5", "1.0,inf"), "expected a number; found 'inf'"),
        (DAY_1.replace("1.0,2.5", "1.0,NaN"), "'attack' starts at 1.0 s and has no number in 'Stop"),
        (DAY_1.replace("1.0,2.5", "2.5,1.0"), "'attack' stops at 1.0 s, before its start at 2.5 s"),
        (DAY_1.replace("1.0,2.5", "1.0,9e15"), "of at most 1,000,000,000; found '9e15'"),
        (AGGREGATED.replace("10.0,20,", "10.0,-20,"), "frame rate of 'day 1': expected a positive number"),
        ("Observation id,Subject,Behavior,Start (s),Stop (s)\n", "expected rows"),
        ("a,b\n1,2\n", "expected a BORIS table"),
    ],
)
def test_the_error_of_a_bad_table_names_file_and_fault(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        boris.read(tmp_path / "x.csv")
    assert "x.csv" in str(error.value)


def test_a_point_event_without_a_stop_is_one_frame(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(AGGREGATED.replace("POINT,3.0,3.0", "POINT,3.0,NaN"))
    assert boris.read(tmp_path / "x.csv")[0].channels["mouse2"] == (Bout(60, 61, "jump"),)


def test_each_observation_takes_its_own_frame_rate(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("Observation id,Subject,Behavior,Start (s),Stop (s)\na,m,r,1,2\nb,m,r,1,2\n")
    a, b = boris.read(tmp_path / "x.csv", Videos([Video("a", 10.0), Video("b", 50.0)]))
    assert a.channels == {"m": (Bout(10, 20, "r"),)}
    assert b.channels == {"m": (Bout(50, 100, "r"),)}


def test_a_written_project_has_what_boris_opens(tmp_path: Path) -> None:
    """The fields of BORIS' own projects of format 7.0, with events that pair up: its starts and stops are counted."""
    bouts = (Bout(0, 10, "attack"), Bout(10, 20, "sniff é"), Bout(15, 30, "sniff é"), Bout(30, 40, "rest"))
    original = Annotations("v", {"S1": bouts}, "rest", vocabulary={"S1": ("attack", "sniff é", "never")})
    boris.write(tmp_path / "v.boris", original, 10.0)
    assert (tmp_path / "v.boris").read_bytes().isascii()
    project = json.loads((tmp_path / "v.boris").read_text())
    assert project["project_format_version"] == "7.0"
    assert [entry["code"] for entry in project["behaviors_conf"].values()] == ["attack", "sniff é", "never"]
    assert {entry["type"] for entry in project["behaviors_conf"].values()} == {"State event"}
    assert [subject["name"] for subject in project["subjects_conf"].values()] == ["S1"]
    observation = project["observations"]["v"]
    assert (observation["type"], observation["file"], observation["time offset"]) == ("LIVE", {}, 0)
    assert [event[:3] for event in observation["events"]] == [
        [0.0, "S1", "attack"],
        [1.0, "S1", "attack"],
        [1.0, "S1", "sniff é"],
        [3.0, "S1", "sniff é"],
    ]


def project(events: list[object], **observation: object) -> str:
    kinds = {"0": {"code": "attack", "type": "State event"}, "1": {"code": "jump", "type": "Point event"}}
    video = {"type": "MEDIA", "events": events, **observation}
    return json.dumps({"behaviors_conf": kinds, "subjects_conf": {}, "observations": {"day 1": video}})


def test_projects_are_read_with_the_frame_rate_of_their_media(tmp_path: Path) -> None:
    events = [[1.0, "", "attack", "", "", 20], [2.0, "m", "jump", "None", "", 40], [2.5, "", "attack", "", "", 50]]
    (tmp_path / "x.boris").write_text(project(events, media_info={"fps": {"a.mp4": 20.0}}))
    (annotations,) = boris.read(tmp_path / "x.boris")
    assert (annotations.id, annotations.background) == ("day 1", "other")
    assert annotations.channels == {"No focal subject": (Bout(20, 50, "attack"),), "m": (Bout(40, 41, "jump"),)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (project([[1.0, "", "attack", "", ""]]), "'day 1'.*a START without a STOP: 'attack' of"),
        (project([]), "expected observations with events"),
        (project([["soon", "", "attack", "", ""]]), "expected a number; found 'soon'"),
        (project([[float("nan"), "", "jump", "", ""]]), "expected a number; found 'nan'"),
        (project([[1.0]]), "not a BORIS project"),
        ('{"behaviors_conf": [', "not a BORIS project"),
        ('{"behaviors_conf": {}, "observations": 3}', "not a BORIS project"),
    ],
)
def test_the_error_of_a_bad_project_names_file_and_fault(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.boris").write_text(text)
    with pytest.raises(InputError, match=rf"x\.boris.*{message}"):
        boris.read(tmp_path / "x.boris")


def test_one_observation_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(AGGREGATED.replace("1.0,2.5", "1.0,NaN"))
    (day2,) = boris.read(tmp_path / "x.csv")
    assert day2.id == "day 2"
    assert any("left out: 'day 1': 'attack' starts at 1.0 s" in notice for notice in day2.notices)
    document = json.loads(project([[1.0, "", "attack", "", ""], [2.0, "", "attack", "", ""]]))
    document["observations"]["unpaired"] = {"events": [[1.0, "", "attack", "", ""]]}
    document["observations"]["empty"] = {"events": []}
    (tmp_path / "x.boris").write_text(json.dumps(document))
    (day1,) = boris.read(tmp_path / "x.boris")
    assert day1.id == "day 1"
    assert any("'unpaired'" in notice and "without a STOP" in notice for notice in day1.notices)
    assert "observations without events, left out: empty" in day1.notices


M = Videos([Video("m", 20.0, 200)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Observation id,day 1", "Observation id,m"),
        ("a.mp4", "C:\\videos\\m.mp4"),
        ("a.mp4", "/videos/m.avi"),
    ],
)
def test_the_video_is_that_of_the_observation_or_of_its_media_file(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "x.csv").write_text(TABULAR.replace(old, new))
    (annotations,) = boris.read(tmp_path / "x.csv", M)
    assert annotations.id == "m"


def test_without_either_the_name_of_the_file_is_that_of_the_video(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(TABULAR.replace("a.mp4", "NA"))
    assert boris.read(tmp_path / "m.csv", M)[0].id == "m"


@pytest.mark.parametrize("offset", ["5.0", "00:00:05", "1700000000", "-0.5"])
def test_the_time_offset_above_a_table_is_subtracted(tmp_path: Path, offset: str) -> None:
    shift = {"00:00:05": 5.0}.get(offset) or float(offset)
    text = TABULAR.replace("Media file(s),,,", f"Time offset (s),{offset},,")
    for time in ("1.0", "2.0", "2.5"):
        text = text.replace(f"\n{time},", f"\n{float(time) + shift},")
    (tmp_path / "x.csv").write_text(text)
    (annotations,) = boris.read(tmp_path / "x.csv")
    assert annotations.channels == {"mouse1": (Bout(20, 50, "attack"), Bout(40, 41, "sniff"))}
    assert any("time offset" in notice for notice in annotations.notices)


def test_an_offset_that_event_times_do_not_contain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(TABULAR.replace("Media file(s),,,", "Time offset (s),60,,"))
    with pytest.raises(InputError, match="contain the time offset of 60 s; found an event at 1 s, before the video"):
        boris.read(tmp_path / "x.csv")


CLOCK = "Observation id,Behavior,Behavior type,Time,Image index\nm,a,START,1700000001,{}\nm,a,STOP,1700000002,{}\n"


def test_times_of_a_clock_without_an_offset_give_way_to_images_or_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(CLOCK.format(20, 40))
    assert boris.read(tmp_path / "x.csv", M)[0].channels == {"No focal subject": (Bout(20, 40, "a"),)}
    (tmp_path / "x.csv").write_text(CLOCK.format("NA", "NA"))
    with pytest.raises(InputError, match=r"a time of a clock: give the project \(\.boris\)"):
        boris.read(tmp_path / "x.csv", M)


def test_images_reveal_an_offset_and_a_rate_that_are_not_stated(tmp_path: Path) -> None:
    head = "Observation id,Behavior,Behavior type,FPS,Time,Image index\n"
    (tmp_path / "x.csv").write_text(head + "m,a,START,20,4.0,20\nm,a,STOP,20,5.0,40\n")
    (annotations,) = boris.read(tmp_path / "x.csv", M)
    assert annotations.channels == {"No focal subject": (Bout(20, 40, "a"),)}
    assert any("60 frames from the images" in notice for notice in annotations.notices)
    (tmp_path / "x.csv").write_text(head + "m,a,START,15,1.0,20\nm,a,STOP,15,2.0,40\n")
    (annotations,) = boris.read(tmp_path / "x.csv", Videos([Video("m", None, 200)]))
    assert annotations.channels == {"No focal subject": (Bout(20, 40, "a"),)}
    (tmp_path / "x.csv").write_text(head + "m,a,START,20,1.0,50\nm,a,STOP,20,2.0,55\n")
    assert any("disagree" in notice for notice in boris.read(tmp_path / "x.csv", M)[0].notices)


def test_modifiers_are_named_as_not_used(tmp_path: Path) -> None:
    head = "Observation id,Behavior,Modifier #1,Behavior type,Start (s),Stop (s)\n"
    (tmp_path / "x.csv").write_text(head + "m,a,left,STATE,1.0,2.0\n")
    assert "modifiers of behaviours are not used" in boris.read(tmp_path / "x.csv", M)[0].notices


def test_a_modifier_that_is_an_animal_is_the_target(tmp_path: Path) -> None:
    head = "Observation id,Subject,Behavior,Modifier #1,Modifier #2,Behavior type,Start (s),Stop (s)\n"
    rows = "m,white,chase,fast,black,STATE,1.0,2.0\nm,black,flee,,white,STATE,1.5,2.5\nm,black,rear,,,STATE,4.0,5.0\n"
    (tmp_path / "x.csv").write_text(head + rows)
    (annotations,) = boris.read(tmp_path / "x.csv", M)
    assert dict(annotations.pairs) == {
        "white-black": ("white", "black"),
        "black-white": ("black", "white"),
        "black": ("black", "black"),
    }
    assert [bout.behaviour for bout in annotations.channels["black-white"]] == ["flee"]
    assert "modifiers that are names of animals are the targets of behaviours" in annotations.notices
    assert "modifiers of behaviours are not used" in annotations.notices


def test_media_of_two_players_are_not_added(tmp_path: Path) -> None:
    head = "Observation id,Source,Media duration (s),FPS,Behavior,Behavior type,Start (s),Stop (s)\n"
    row = "day,player #1:m.mp4|player #2:n.mp4,10.000|50.000,20.000|25.000,a,STATE,1.0,2.0\n"
    (tmp_path / "x.csv").write_text(head + row)
    (annotations,) = boris.read(tmp_path / "x.csv", M)
    assert (annotations.id, annotations.notices) == ("m", ())
    assert annotations.channels == {"No focal subject": (Bout(20, 40, "a"),)}


def test_what_was_not_observed_is_unscored(tmp_path: Path) -> None:
    events = [[101.0, "", "attack", "", ""], [102.0, "", "attack", "", ""]]
    fields = {"time offset": 100.0, "observation time interval": [0.5, 8.0], "file": {"1": ["m.mp4"]}}
    (tmp_path / "x.boris").write_text(project(events, **fields))
    (annotations,) = boris.read(tmp_path / "x.boris", M)
    assert annotations.channels == {"No focal subject": (Bout(20, 40, "attack"),)}
    assert (annotations.id, annotations.first_frame, annotations.frames) == ("m", 10, 160)


def test_the_time_at_which_a_file_was_made_is_an_offset_too(tmp_path: Path) -> None:
    events = [[1001.0, "", "attack", "", ""], [1002.0, "", "attack", "", ""]]
    media = {"fps": {"m.mp4": 20.0}, "media_creation_time": {"m.mp4": 1000.0}}
    fields = {"media_creation_date_as_offset": True, "file": {"1": ["m.mp4"]}, "media_info": media}
    (tmp_path / "x.boris").write_text(project(events, **fields))
    assert boris.read(tmp_path / "x.boris", M)[0].channels == {"No focal subject": (Bout(20, 40, "attack"),)}


def test_a_video_shorter_than_the_tracks_leaves_the_rest_unscored(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(DAY_1)
    (annotations,) = boris.read(tmp_path / "x.csv", Videos([Video("day 1", 20.0, 1000)]))
    assert annotations.frames == 200
    assert any("10 s" in notice and "50.000 s" in notice for notice in annotations.notices)


def test_tables_of_other_programs_with_a_behaviour_and_a_time_are_not_of_boris(tmp_path: Path) -> None:
    for text in ("time,behavior\n0.0,a\n", "behavior,start (s),stop (s)\na,1,2\n"):
        (tmp_path / "x.csv").write_text(text)
        assert not boris.detect(tmp_path / "x.csv")


HEAD = "Observation id,Media duration (s),FPS,Behavior,Behavior type,Time,Media file name\n"


def test_files_one_after_the_other_are_one_video(tmp_path: Path) -> None:
    row = "m,4.000;6.000,20.000;20.000,a,{},{},{}\n"
    (tmp_path / "x.csv").write_text(HEAD + row.format("START", 5.0, "m1.mp4") + row.format("STOP", 6.0, "m2.mp4"))
    (annotations,) = boris.read(tmp_path / "x.csv", Videos([Video("m", None, 200)]))
    assert annotations.channels == {"No focal subject": (Bout(100, 120, "a"),)}
    assert annotations.frames is None
    (tmp_path / "x.csv").write_text((tmp_path / "x.csv").read_text().replace("20.000;20.000", "20.000;25.000"))
    (annotations,) = boris.read(tmp_path / "x.csv", M)
    assert "its media files differ in their frame rates, which are not used" in annotations.notices


def test_a_rate_that_the_length_of_the_video_disproves_does_not_hold(tmp_path: Path) -> None:
    """A file that states 15 Hz and 10 s, for tracks of 300 frames that state no rate: 30 Hz."""
    row = "m,10.000,15.000,a,{},{},m.mp4\n"
    (tmp_path / "x.csv").write_text(HEAD + row.format("START", 5.0) + row.format("STOP", 6.0))
    (annotations,) = boris.read(tmp_path / "x.csv", Videos([Video("m", None, 300)]))
    assert annotations.channels == {"No focal subject": (Bout(150, 180, "a"),)}
    assert any("15 Hz" in notice and "30 Hz" in notice for notice in annotations.notices)
