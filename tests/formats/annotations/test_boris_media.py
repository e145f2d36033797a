"""The videos that BORIS's observations are of: files one after the other, several players, and names that disagree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import boris
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.videos import Video, Videos

M = Videos([Video("m", 30.0, 300)])
TWO = Videos([Video("m", 30.0, 300), Video("n", 30.0, 300)])
GROOM = [[1.0, "", "groom", "", "", 30], [2.0, "", "groom", "", "", 60]]
REAR = [[14.0, "", "rear", "", "", 120], [15.0, "", "rear", "", "", 150]]


def observation(*files: str, events: list[list[object]] = GROOM, **fields: object) -> dict[str, object]:
    media = {"length": dict.fromkeys(files, 10.0), "fps": dict.fromkeys(files, 30.0)}
    return {"file": {"1": list(files)}, "events": events, "media_info": media, **fields}


def read(path: Path, observations: dict[str, dict[str, object]], videos: Videos) -> tuple[dict[str, Annotations], str]:
    kinds = {str(i): {"code": name, "type": "State event"} for i, name in enumerate(("groom", "rear"))}
    file = path / "p.boris"
    file.write_text(json.dumps({"behaviors_conf": kinds, "subjects_conf": {}, "observations": observations}))
    annotations = boris.read(file, videos)
    return {each.id: each for each in annotations}, "\n".join(line for each in annotations for line in each.notices)


def bouts(annotations: Annotations) -> list[tuple[str, int, int]]:
    return [(bout.behaviour, bout.start, bout.stop) for of in annotations.channels.values() for bout in of]


def test_each_of_several_files_in_sequence_gets_its_part(tmp_path: Path) -> None:
    session = observation("/d/n.mp4", "/d/m.mp4", events=GROOM + REAR)
    annotations, notices = read(tmp_path, {"session": session}, TWO)
    assert bouts(annotations["n"]) == [("groom", 30, 60)]
    assert bouts(annotations["m"]) == [("rear", 120, 150)]
    assert "2 files that follow each other" in notices
    assert "--frame-rate" not in notices


def test_a_part_without_tracks_is_left_out_by_name(tmp_path: Path) -> None:
    session = observation("/d/n.mp4", "/d/m.mp4", events=GROOM + REAR)
    annotations, notices = read(tmp_path, {"session": session}, M)
    assert list(annotations) == ["m"]
    assert bouts(annotations["m"]) == [("rear", 120, 150)]
    assert "without tracks, left out: n.mp4 (1 event)" in notices
    _, notices = read(tmp_path, {"session": observation("/d/n.mp4", "/d/m.mp4")}, TWO)
    assert "without events, left out: m.mp4" in notices


def test_a_bout_over_the_end_of_a_file_is_in_both_and_offsets_and_intervals_count_from_the_first(
    tmp_path: Path,
) -> None:
    events: list[list[object]] = [[14.0, "", "rear", "", ""], [17.0, "", "rear", "", ""]]
    fields = {"time offset": 5.0, "observation time interval": [0.5, 18.0]}
    annotations, notices = read(tmp_path, {"s": observation("n.mp4", "m.mp4", events=events, **fields)}, TWO)
    assert bouts(annotations["n"]) == [("rear", 270, 300)]
    assert bouts(annotations["m"]) == [("rear", 0, 60)]
    assert [(annotations[name].first_frame, annotations[name].frames) for name in "nm"] == [(15, None), (0, 240)]
    assert notices.count("time offset of 5 s") == 1


def test_a_point_event_at_the_end_of_a_file_is_in_the_next_one(tmp_path: Path) -> None:
    events = [[10.0, "", "jump", "", ""], [20.0, "", "jump", "", ""]]
    annotations, _ = read(tmp_path, {"s": observation("n.mp4", "m.mp4", events=events)}, TWO)
    assert list(annotations) == ["m"]
    assert bouts(annotations["m"]) == [("jump", 0, 1), ("jump", 300, 301)]


def test_files_in_sequence_are_one_video_if_its_tracks_last_as_long_as_all(tmp_path: Path) -> None:
    session = {"m": observation("/d/m.mp4", "/d/n.mp4", events=GROOM + REAR)}
    whole, notices = read(tmp_path, session, Videos([Video("m", 30.0, 600)]))
    assert "one video, as the tracks of 'm' last about as long as all of them" in notices
    assert bouts(whole["m"]) == [("groom", 30, 60), ("rear", 420, 450)]
    part, _ = read(tmp_path, session, M)
    assert bouts(part["m"]) == [("groom", 30, 60)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"media_info": {"length": {"n.mp4": -1, "m.mp4": 10.0}}}, "found no length of n.mp4: make an observation"),
        ({"file": {"1": ["m.mp4", "m.mp4", "n.mp4"]}}, "found files of m more than once"),
        ({"events": [["NA", "", "groom", "", "", 30], ["NA", "", "groom", "", "", 60]]}, "found events without times"),
    ],
)
def test_parts_that_cannot_be_told_are_refused(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=rf"p\.boris: 's': expected the order and lengths .*{message}"):
        read(tmp_path, {"s": {**observation("n.mp4", "m.mp4"), **fields}}, TWO)


HEAD = "Observation id,Source,Media duration (s),FPS,Behavior,Behavior type,Start (s),Stop (s),Media file name\n"


def test_tables_split_by_the_lengths_in_their_cells(tmp_path: Path) -> None:
    row = "s,player #1:n.mp4;m.mp4,10.0;10.0,30.0;30.0,groom,STATE,14,15,m.mp4\n"
    (tmp_path / "x.csv").write_text(HEAD + row)
    (annotations,) = boris.read(tmp_path / "x.csv", TWO)
    assert (annotations.id, bouts(annotations)) == ("m", [("groom", 120, 150)])
    named = row.replace("n.mp4;m.mp4", "part1.mp4;part2.mp4").replace("s,", "m,")
    (tmp_path / "x.csv").write_text(HEAD + named)
    assert bouts(boris.read(tmp_path / "x.csv", Videos([Video("m", 30.0, 600)]))[0]) == [("groom", 420, 450)]
    (tmp_path / "x.csv").write_text(HEAD + row.replace("player #1:n.mp4;m.mp4", "") + row.replace("m.mp4\n", "n.mp4\n"))
    with pytest.raises(InputError, match=r"does not list them in order: give the project \(\.boris\)"):
        boris.read(tmp_path / "x.csv", TWO)


def test_the_media_file_counts_more_than_the_name_of_the_observation(tmp_path: Path) -> None:
    annotations, notices = read(tmp_path, {"m": observation("/d/n.mp4")}, TWO)
    assert list(annotations) == ["n"]
    assert "observation 'm' is of the file n.mp4, so its labels are those of 'n'" in notices
    assert list(read(tmp_path, {"m": observation("/d/part1.mp4", "/d/part2.mp4")}, TWO)[0]) == ["m"]


def test_the_name_holds_where_the_media_file_fits_several_videos(tmp_path: Path) -> None:
    videos = Videos([Video("a/m", 30.0, 300), Video("b/m", 30.0, 300)])
    assert list(read(tmp_path, {"b/m": observation("/d/m.mp4")}, videos)[0]) == ["b/m"]


@pytest.mark.parametrize("name", ["m", "obs"])
def test_a_video_of_another_player_is_read_if_players_start_together(tmp_path: Path, name: str) -> None:
    files = {"1": ["side.mp4"], "2": ["m.mp4"]}
    media = {"length": {"side.mp4": 12.0, "m.mp4": 10.0}, "fps": {"side.mp4": 60.0, "m.mp4": 30.0}}
    fields = {"file": files, "media_info": {**media, "offset": {"1": 0.0, "2": 0.0}}}
    annotations, notices = read(tmp_path, {name: {**observation(), **fields}}, M)
    assert bouts(annotations["m"]) == [("groom", 30, 60)]
    assert notices == ""
    fields["media_info"] = {**media, "offset": {"1": 0.0, "2": 2.0}}
    with pytest.raises(InputError, match="found it in player 2, shifted by 2 s: observe its file in the first player"):
        read(tmp_path, {name: {**observation(), **fields}}, M)
    fields |= {"media_info": media, "time offset second player": 2.0}
    with pytest.raises(InputError, match="player 2, shifted by 2 s"):
        read(tmp_path, {name: {**observation(), **fields}}, M)


def test_other_players_with_tracks_are_named(tmp_path: Path) -> None:
    fields = {"file": {"1": ["m.mp4"], "2": ["n.mp4"]}}
    annotations, notices = read(tmp_path, {"session": {**observation("m.mp4"), **fields}}, TWO)
    assert list(annotations) == ["m"]
    assert "shows n at the same time; its labels are those of 'm' alone" in notices
    (tmp_path / "x.csv").write_text(
        HEAD + "s,player #1:side.mp4|player #2:m.mp4,10|10,30|30,groom,STATE,1,2,side.mp4\n"
    )
    (of_table,) = boris.read(tmp_path / "x.csv", M)
    assert bouts(of_table) == [("groom", 30, 60)]
    assert any("does not say by how much BORIS shifts players" in notice for notice in of_table.notices)


def test_two_observations_of_one_video_are_named(tmp_path: Path) -> None:
    both = {"AB": observation("m.mp4"), "CD": observation("m.mp4")}
    with pytest.raises(InputError, match=r"one observation of 'm'; found 'AB', 'CD': delete all but one of them in"):
        read(tmp_path, both, TWO)


def test_an_unknown_length_is_no_length(tmp_path: Path) -> None:
    fields = {"media_info": {"length": {"m.mp4": -1}, "offset": {"1": 0.0, "2": 2.0}}}
    annotations, notices = read(tmp_path, {"m": {**observation("m.mp4"), **fields}}, TWO)
    assert annotations["m"].frames is None
    assert notices == "its players are shifted against each other by 2 s, and times are those of the first player"
    (tmp_path / "x.csv").write_text(HEAD + "m,m.mp4,-1,30,groom,STATE,1,2,m.mp4\n")
    (of_table,) = boris.read(tmp_path / "x.csv", TWO)
    assert (of_table.frames, of_table.notices) == (None, ())


def test_images_that_agree_with_the_rate_of_their_own_file_are_no_contradiction(tmp_path: Path) -> None:
    events = [[1.0, "", "groom", "", "", 15], [4.0, "", "groom", "", "", 60]]
    media = {"length": {"m.mp4": 10.0}, "fps": {"m.mp4": 15.0}}
    annotations, notices = read(tmp_path, {"m": observation("m.mp4", events=events) | {"media_info": media}}, M)
    assert bouts(annotations["m"]) == [("groom", 30, 120)]
    assert "disagree" not in notices


def test_a_media_file_that_differs_in_capital_letters_only_is_named_and_the_advice_works(tmp_path: Path) -> None:
    unmatched, notices = read(tmp_path, {"x": observation("D:\\M.MP4")}, M)
    assert "'x' is of the file M.MP4, and there are tracks of 'm': name the observation 'm' in BORIS" in notices
    assert list(unmatched) == ["x"]
    assert list(read(tmp_path, {"m": observation("D:\\M.MP4")}, M)[0]) == ["m"]
