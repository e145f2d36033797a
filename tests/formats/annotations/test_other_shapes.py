"""Annotations in shapes that look like another one: each was once placed wrongly without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.videos import Video, Videos

TWO = Videos([Video("m", 30.0, 3000), Video("n", 30.0, 3000)])


def read(path: Path) -> tuple[list[Annotations], list[str]]:
    notices: list[str] = []
    return read_annotations(path, None, TWO, notify=notices.append), notices


def spans(annotations: Annotations) -> list[tuple[str, int, int]]:
    return [(bout.behaviour, bout.start, bout.stop) for bouts in annotations.channels.values() for bout in bouts]


@pytest.mark.parametrize(
    "text",
    [
        "Begin Time - hh:mm:ss.ms\tEnd Time - hh:mm:ss.ms\tLabel\n00:00:10.000\t00:00:20.000\tgroom\n",
        "Begin Time - ss.msec\tEnd Time - ss.msec\tLabel\n10.000\t20.000\tgroom\n",
        "Start [hh:mm:ss.ms],Stop [hh:mm:ss.ms],behaviour\n00:00:10.000,00:00:20.000,groom\n",
        "Start (min:sec),Stop (min:sec),behaviour\n0:10,0:20,groom\n",
        "bin_start,bin_end,behaviour\n10.0,20.0,groom\n",
        "t0,t1,behaviour\n10,20,groom\n",
        "in,out,behaviour\n10.0,20.0,groom\n",
        "frame_in,frame_out,behaviour\n300,600,groom\n",
        "Start in s,Stop in s,behaviour\n10,20,groom\n",
        "start,stop,behaviour,in_frame\n10.0,20.0,groom,1\n",
        'start_ms,stop_ms,behaviour\n"10,000","20,000",groom\n',
        "start_s;stop_s;behaviour\n10,000;20,000;groom\n",
    ],
)
def test_clocks_thousands_and_decimal_commas(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    ((annotations,), _) = read(tmp_path / "m.csv")
    assert spans(annotations) == [("groom", 300, 600)]


@pytest.mark.parametrize(("duration", "stop"), [("1.0", 60), ("0.9667", 59), ("5.0", 59)])
def test_a_duration_in_seconds_shows_whether_stops_are_part_of_bouts(tmp_path: Path, duration: str, stop: int) -> None:
    (tmp_path / "m.csv").write_text(f"start_frame,stop_frame,duration_s,label\n30,59,{duration},groom\n")
    ((annotations,), _) = read(tmp_path / "m.csv")
    assert spans(annotations) == [("groom", 30, stop)]


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("start_s,stop_s,duration_s\n1,2,5\n", "'duration_s' differs from starts and stops in 1 row, first 5"),
        ("start_frame,stop_frame,duration\n25,50,90\n", "'duration' differs from starts and stops in 1 row"),
        ("start_frame,stop_frame,duration_s\n25,50,1.0\n", "it counts frames at 25 Hz, and the tracks have 30 Hz"),
        ("start_s,stop_s,duration_s\n1,2,1.0\n", None),
        ("start_s,stop_s,duration_ms\n1,2,1000\n", None),
        ("start_s,stop_s,duration\n1,2,1000\n", None),
        ("start_s,stop_s,duration_frames\n1,2,30\n", None),
        ("start_frame,stop_frame,duration\n30,60,1.0\n", None),
        ("start_frame,stop_frame,duration_ms\n30,60,1000\n", None),
    ],
)
def test_a_duration_that_contradicts_is_said(tmp_path: Path, text: str, notice: str | None) -> None:
    header, row = text.splitlines()
    (tmp_path / "m.csv").write_text(f"{header},label\n{row},groom\n")
    _, notices = read(tmp_path / "m.csv")
    words = [line for line in notices if "differs from" in line or "counts frames" in line]
    assert (words == []) if notice is None else (len(words) == 1 and notice in words[0])


@pytest.mark.parametrize(
    ("encoding", "is_said"), [("utf-8", False), ("utf-16", False), ("cp1252", True), ("gbk", True), ("shift-jis", True)]
)
def test_names_that_depend_on_the_encoding_are_said(tmp_path: Path, encoding: str, is_said: bool) -> None:
    name = "Gänge" if encoding == "cp1252" else "攻撃" if encoding == "shift-jis" else "攻击"
    (tmp_path / "m.csv").write_bytes(f"start_s,stop_s,label\n1,2,{name}\n4,5,other\n".encode(encoding))
    notices: list[str] = []
    (annotations,) = read_annotations(tmp_path / "m.csv", notify=notices.append)
    assert any("not in UTF-8" in notice and "save it as UTF-8" in notice for notice in notices) == is_said
    assert is_said or name in annotations.vocabulary["label"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_names_stay_apart_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "m.csv").write_bytes("start_s,stop_s,label\n1,2,Gänge\n4,5,Gönge\n".encode(encoding))
    ((annotations,), _) = read(tmp_path / "m.csv")
    assert spans(annotations) == [("Gänge", 30, 60), ("Gönge", 120, 150)]
    annot = "Caltech Behavior Annotator - Annotation File\n\nConfiguration file:\nGänge\tg\n\nS1:\tstart\tend\ttype\n"
    (tmp_path / "n_annot.txt").write_bytes((annot + "-----\n 31 60 Gänge\n").encode(encoding))
    ((annotations,), _) = read(tmp_path / "n_annot.txt")
    assert spans(annotations) == [("Gänge", 30, 60)]


@pytest.mark.parametrize(
    "text",
    [
        "time,behaviour,type\n1,groom,begin\n2,groom,end\n",
        "time,behaviour,state\n1,groom,on\n2,groom,off\n",
        "time,behaviour,value\n1,groom,1\n2,groom,0\n",
        "time,behaviour\n1,groom start\n2,groom stop\n",
        "time,behaviour\n1,start groom\n2,stop groom\n",
        "time,behaviour\n1,groom_on\n2,groom_off\n",
        "time,behaviour\n1,groomStart\n2,groomEnd\n",
        "Time_Relative_sf,Behavior,Event_Type\n1,groom,State start\n2,groom,State stop\n",
    ],
)
def test_lists_of_starts_and_stops_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(InputError, match=r"starts and stops.* start_s and stop_s"):
        read(tmp_path / "m.csv")


@pytest.mark.parametrize("names", [("light off", "light on"), ("syllable 0", "syllable 1"), ("start", "stop")])
def test_states_that_last_are_no_starts_and_stops(tmp_path: Path, names: tuple[str, str]) -> None:
    rows = "".join(f"{frame},{names[30 <= frame < 60]},{int(frame > 40)}\n" for frame in range(90))
    (tmp_path / "m.csv").write_text(f"frame,label,active\n{rows}")
    ((annotations,), _) = read(tmp_path / "m.csv")
    assert spans(annotations) == [(names[0], 0, 30), (names[1], 30, 60), (names[0], 60, 90)]


@pytest.mark.parametrize(
    "preface", ["sep=,\n", "# scored by me\n", "# cage 2\n# second try\n", "# scored by me\nsep=,\n"]
)
@pytest.mark.parametrize(
    "table",
    [
        "frame,label\n0,sniff\n1,sniff\n2,other\n",
        "start_frame,stop_frame,label\n0,2,sniff\n2,3,other\n",
        "frame,sniff,background\n0,1,0\n1,1,0\n2,0,1\n",
    ],
)
def test_lines_above_the_header_of_a_table_are_passed_over(preface: str, table: str, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(preface + table)
    (annotations,) = read_annotations(tmp_path / "m.csv")
    (bouts,) = annotations.channels.values()
    assert [(bout.start, bout.stop) for bout in bouts if bout.behaviour == "sniff"] == [(0, 2)]


def test_a_header_may_begin_with_a_hash(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("#frame,label\n0,sniff\n1,sniff\n")
    (annotations,) = read_annotations(tmp_path / "m.csv")
    assert [bout.behaviour for bout in annotations.channels["label"]] == ["sniff"]
