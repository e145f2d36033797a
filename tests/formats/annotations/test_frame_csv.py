"""Tables with one label per frame, including this program's own predictions."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import frame_csv, one_hot
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.annotations.table import Table
from ssl_behavior.predictions import tables
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.videos import Video, Videos


@pytest.mark.parametrize("text", ['label\na\na\n"b, c"\n""\na\n', 'frame,label\n4,a\n0,a\n1,a\n2,"b, c"\n'])
def test_missing_frames_and_empty_labels_are_unscored(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    assert frame_csv.detect(tmp_path / "v.csv")
    (annotations,) = frame_csv.read(tmp_path / "v.csv")
    assert annotations.channels == {"label": (Bout(0, 2, "a"), Bout(2, 3, "b, c"), Bout(4, 5, "a"))}
    assert (annotations.id, annotations.frames, annotations.background) == ("v", 5, None)


def test_a_written_file_reads_back_equal(tmp_path: Path) -> None:
    original = Annotations("v", {"label": (Bout(1, 3, 'say "a"'), Bout(3, 4, "b, c"), Bout(6, 9, "d"))}, frames=12)
    frame_csv.write(tmp_path / "v.csv", original)
    (annotations,) = frame_csv.read(tmp_path / "v.csv")
    assert (annotations.channels, annotations.frames) == (original.channels, 12)


def test_predictions_are_read_with_their_whole_vocabulary(tmp_path: Path) -> None:
    labels = np.array([1, 1, 0, 0, 0])
    original = tables.Prediction("v", ("z", "a", "never"), np.full((5, 3), 1 / 3), labels, 30.0, np.ones(5))
    tables.write(tmp_path, original)
    (annotations,) = frame_csv.read(tmp_path / "v.csv")
    assert annotations.channels == {"label": (Bout(0, 2, "a"), Bout(2, 5, "z"))}
    assert annotations.vocabulary == {"label": ("z", "a", "never")}


@pytest.mark.parametrize(
    "text",
    [
        "label\n",
        "frame,label\n0,a\n0,b\n",
        "frame,label\nx,a\n",
        "frame,label\n3\n",
        "label,frame\na\n",
        "frame,label\ninf,a\n",
        "frame,label\nnan,a\n",
        "frame,label\n0,a\n1.7,a\n",
        "frame,label\n999999999999,a\n",
        "frame,label\n999999999,a\n",
    ],
)
def test_the_error_of_a_bad_file_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(InputError, match=r"v\.csv: expected"):
        frame_csv.read(tmp_path / "v.csv")


M = Videos([Video("m", None, 70)])


def read(folder: Path, header: str, rows: list[str], videos: Videos = M) -> tuple[Annotations, str]:
    (folder / "m.csv").write_text("\n".join([header, *rows]) + "\n")
    notices: list[str] = []
    (annotations,) = read_annotations(folder / "m.csv", videos=videos, notify=notices.append)
    return annotations, "\n".join(notices)


def name(frame: int) -> str:
    return "groom" if 30 <= frame < 36 else "other"


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("label", [name(i) for i in range(70)]),
        ("Behaviour;Frame", [f"{name(i)};{i}" for i in range(70)]),
        ("behavior\tframe_number", [f"{name(i)}\t{i}.0" for i in range(70)]),
        (",label", [f"{i},{name(i)}" for i in range(70)]),
        ("frame,label", [f"{i + 1},{name(i)}" for i in range(70)]),
        ("time,label", [f"{i / 30:.3f},{name(i)}" for i in range(70)]),
        ("time,label", [f"{(i + 1) / 30:.3f},{name(i)}" for i in range(70)]),
        ("time_s,action", [f"{i / 10},{name(3 * i)}" for i in range(24)]),
        ("t;action", [f"{i / 10};{name(3 * i)}".replace(".", ",") for i in range(24)]),
        ("time_ms,action", [f"{i * 100},{name(3 * i)}" for i in range(24)]),
        ("time,action", [f"{i * 100},{name(3 * i)}" for i in range(24)]),
        ("time,action", [f"00:00:0{i / 10},{name(3 * i)}" for i in range(24)]),
        ("time,action", ["0,other", "1.0,groom", "1.2,other"]),
        ("frame,time_s,label", [f"{i},{i / 15:.4f},{name(2 * i)}" for i in range(35)]),
        ("video,frame,label", [f"m.mp4,{i},{name(i)}" for i in range(70)]),
    ],
)
def test_rows_lie_where_their_columns_say(tmp_path: Path, header: str, rows: list[str]) -> None:
    annotations, _ = read(tmp_path, header, rows)
    values = annotations.labels("label", ("groom", "other"), 70).values
    assert values[30:36].tolist() == [0] * 6
    assert (values[:30] == 1).all()
    assert set(values[36:]) <= {1, -1}
    assert annotations.id == "m"


def test_rows_that_lack_in_a_rhythm_of_times_are_unscored(tmp_path: Path) -> None:
    annotations, _ = read(tmp_path, "time,label", [f"{i / 10},{name(3 * i)}" for i in range(24) if i not in (5, 6, 7)])
    values = annotations.labels("label", ("groom", "other"), 70).values
    assert (values[:15] == 1).all()
    assert (values[15:24] == -1).all()
    assert (values[24:30] == 1).all()


def test_frames_from_1_are_told(tmp_path: Path) -> None:
    _, notices = read(tmp_path, "frame,label", [f"{i + 1},{name(i)}" for i in range(70)])
    assert "frames count from 1" in notices
    annotations, notices = read(tmp_path, "frame,label", [f"{i + 1},{name(i)}" for i in range(40)])
    assert annotations.channels["label"][1] == Bout(31, 37, "groom")
    assert "frames are taken to count from 0" in notices
    assert "the annotations end at frame 41 of 70" in notices


def test_words_for_nothing_are_unscored_in_any_case(tmp_path: Path) -> None:
    words = ["NaN", "NONE", "na", "n/a", "null", "-1", "", "<NA>", "-", "Unscored"]
    annotations, notices = read(tmp_path, "frame,label", [f"{i},{word}" for i, word in enumerate([*words, "groom"])])
    assert annotations.channels == {"label": (Bout(10, 11, "groom"),)}
    assert annotations.vocabulary == {"label": ("groom",)}
    assert "'NaN'" in notices


def test_animals_are_channels(tmp_path: Path) -> None:
    rows = [f"{animal},{i},{name(i) if animal == 'a' else 'rear'}" for i in range(70) for animal in "ab"]
    annotations, _ = read(tmp_path, "animal,frame,label", rows)
    assert annotations.channels["a"][1] == Bout(30, 36, "groom")
    assert annotations.channels["b"] == (Bout(0, 70, "rear"),)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("start,label", ["0,a"], "found the columns start alone"),
        ("timestamp,label", ["1700000000.0,a", "1700000001.0,a"], "'timestamp'.*times from the start of the video"),
        ("timestamp,label", ["2024-01-01 10:00,a"], "'timestamp'.*times from the start of the video"),
        ("time,label", ["1.0,a", "0.5,a"], "grow from row to row.*sort the rows"),
        ("frame,observer,label", ["0,x,a", "0,y,a"], "expected labels by one person; found x, y"),
        ("frame,frame,label", ["0,0,a"], "expected one column 'frame'"),
    ],
)
def test_a_column_that_cannot_be_followed_is_refused_by_name(
    tmp_path: Path, header: str, rows: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=rf"m\.csv.*{message}"):
        read(tmp_path, header, rows)


def test_columns_that_nobody_used_are_named(tmp_path: Path) -> None:
    _, notices = read(tmp_path, "x,label,y,comment", ["1,a,2,c"] * 70)
    assert "columns that are not used: x, y" in notices


def hot(frame: int) -> str:
    return f"{int(name(frame) == 'other')},{int(name(frame) == 'groom')}"


def test_a_column_of_0_and_1_per_behaviour_is_read(tmp_path: Path) -> None:
    rows = [f"{i},{hot(i)}" for i in range(60)] + [f"{i},-1,-1" for i in range(60, 70)]
    annotations, _ = read(tmp_path, ",background,groom", rows)
    background = [Bout(0, 30, "background"), Bout(36, 60, "background")]
    assert annotations.channels == {"label": (background[0], Bout(30, 36, "groom"), background[1])}
    annotations, _ = read(tmp_path, "frame;groom", [f"{i};{int(name(i) == 'groom')}" for i in range(70)])
    assert annotations.channels["label"][1] == Bout(30, 36, "groom")
    assert annotations.vocabulary == {"label": ("groom", "other")}


def test_behaviours_that_happen_at_once_are_channels(tmp_path: Path) -> None:
    rows = [f"{i},{int(name(i) == 'groom')},{int(i == 33)}" for i in range(70)]
    annotations, notices = read(tmp_path, "frame,groom,rear", rows)
    assert annotations.channels["groom"][1] == Bout(30, 36, "groom")
    assert annotations.channels["rear"][1] == Bout(33, 34, "rear")
    assert "--channel" in notices


def test_0_and_1_beside_columns_of_other_numbers_are_refused_by_name(tmp_path: Path) -> None:
    """Such are the training tables of SimBA, in which most columns are of the tracks."""
    with pytest.raises(InputError, match="such as nose_x, Probability_groom: keep those of behaviours"):
        read(tmp_path, ",nose_x,Probability_groom,groom", [f"{i},{i * 1.5},0.3,{i % 2}" for i in range(70)])


def test_a_written_table_of_0_and_1_reads_back_equal(tmp_path: Path) -> None:
    original = Annotations("v", {"label": (Bout(1, 3, "a"), Bout(3, 4, "b"), Bout(6, 9, "a"))}, frames=12)
    one_hot.write(tmp_path / "v.csv", original)
    assert one_hot.detect(tmp_path / "v.csv")
    (annotations,) = one_hot.read(tmp_path / "v.csv")
    assert (annotations.channels, annotations.frames) == (original.channels, 12)


def test_rows_that_are_as_many_as_frames_are_frames_and_a_late_clock_is_said(tmp_path: Path) -> None:
    rows = "".join(f"{100 + i / 30:.4f},{'a' if i < 3 else 'b'}\n" for i in range(6))
    (tmp_path / "v.csv").write_text(f"time,label\n{rows}")
    (annotations,) = frame_csv.read(tmp_path / "v.csv", Videos([Video("v", 30.0, 6)]))
    assert annotations.channels == {"label": (Bout(0, 3, "a"), Bout(3, 6, "b"))}
    assert any("starts at 100" in notice for notice in annotations.notices)


def test_a_column_is_taken_from_a_table_once_and_not_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    column = Table.column
    monkeypatch.setattr(Table, "column", lambda table, key: calls.append(key) or column(table, key))
    read(tmp_path, "frame,time_s,label", [f"{frame},{frame / 30:.4f},a" for frame in range(100)])
    assert len(calls) < 20


LONG = Videos([Video("m", 30.0, 300)])


def label(frame: int) -> str:
    return "groom" if 60 <= frame < 90 else "other"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("index,label", lambda i: f"{i},{label(i)}"),
        ("Unnamed: 0,label", lambda i: f"{i}.0,{label(i)}"),
        ("row,label", lambda i: f"{i},{label(i)}"),
        ("id,label", lambda i: f"{i},{label(i)}"),
        ("idx,time_s,label", lambda i: f"{i},{i / 30:.4f},{label(i)}"),
        (",time,label", lambda i: f"{i - 30},{i / 30:.4f},{label(i)}"),
        ("Trial time,label", lambda i: f"{i / 30:.4f},{label(i)}"),
        ("Time (hh:mm:ss.ms),label", lambda i: f"00:00:{i / 30:.4f},{label(i)}"),
        ("frame,time,label", lambda i: f"{i + 1},{i / 30:.4f},{label(i)}"),
        ("frame,timestamp_ms,label", lambda i: f"{i},{i * 100 / 3:.2f},{label(i)}"),
    ],
)
def test_rows_of_a_part_lie_where_their_index_or_time_says(
    tmp_path: Path, header: str, row: Callable[[int], str]
) -> None:
    annotations, _ = read(tmp_path, header, [row(i) for i in range(30, 200)], LONG)
    assert Bout(60, 90, "groom") in annotations.channels["label"]
    assert annotations.frames == 200


def test_times_show_that_frames_count_from_1(tmp_path: Path) -> None:
    rows = [f"{i + 1},{i / 30:.4f},{label(i)}" for i in range(200)]
    annotations, notices = read(tmp_path, "frame,time,label", rows, LONG)
    assert annotations.channels["label"][1] == Bout(60, 90, "groom")
    assert "frames count from 1, as its times show" in notices


def test_rows_where_behaviours_change_hold_until_the_next(tmp_path: Path) -> None:
    annotations, notices = read(tmp_path, "frame,label", ["0,other", "60,groom", "90,other", "250,rear"], LONG)
    assert annotations.channels["label"] == (
        *(Bout(0, 60, "other"), Bout(60, 90, "groom"), Bout(90, 250, "other"), Bout(250, 251, "rear")),
    )
    assert "until the next row" in notices
    annotations, notices = read(tmp_path, "frame,label", [f"{i},{label(i)}" for i in range(0, 300, 10)], LONG)
    assert annotations.channels["label"][6] == Bout(60, 61, "groom")
    assert "only frames with a row are scored" in notices


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("time_ns,label", lambda i: f"{i * 33},{label(i)}", "found the columns time_ns, and 20 rows for 300 frames"),
        ("bin_from_video,bin_until,label", lambda i: f"{i},{i + 1},{label(i)}", "bin_from_video"),
        ("p0,p1,label", lambda i: f"{i},{i + 1},{label(i)}", "p0, p1"),
        ("clock,label", lambda i: f"10:00:{i:02d},{label(i)}", "clock"),
        ("label,count,mean duration", lambda i: f"{i},{i},{i}", "count, mean duration"),
        ("behaviour,key", lambda i: f"{i},x", "key"),
        ("frame,label", lambda i: f"{max(i, 1)},a", "1 repeat, first 1"),
        ("frame,time,label", lambda i: f"{i},{1 + i / 30:.4f},a", "'frame' and 'time' differ by 30 frames"),
        ("time,label", lambda i: f"{i * 10},a", "rename the column to frame"),
    ],
)
def test_rows_that_nothing_places_for_certain_are_refused_by_their_columns(
    tmp_path: Path, header: str, row: Callable[[int], str], message: str
) -> None:
    with pytest.raises(InputError, match=rf"m\.csv.*{message}"):
        read(tmp_path, header, [row(i) for i in range(20)], LONG)


def test_rows_in_order_that_are_fewer_than_the_frames_are_said(tmp_path: Path) -> None:
    _, notices = read(tmp_path, "label", [label(i) for i in range(100)], LONG)
    assert "the first row is taken as frame 0" in notices


def test_the_rows_of_two_animals_are_not_placed_by_the_number_of_a_row(tmp_path: Path) -> None:
    rows = [f"{k},{animal},{label(i)}" for k, (animal, i) in enumerate((a, i) for a in "ab" for i in range(300))]
    annotations, _ = read(tmp_path, ",animal,label", rows, LONG)
    assert annotations.channels["a"] == annotations.channels["b"]
    assert annotations.channels["b"][1] == Bout(60, 90, "groom")
    with pytest.raises(InputError, match="numbers the rows of all from 30"):
        read(tmp_path, "index,animal,label", rows[30:400], LONG)


@pytest.mark.parametrize("word", ["?", "unknown", "Unlabeled", "none"])
def test_words_that_may_stand_for_unjudged_frames_are_asked_about(tmp_path: Path, word: str) -> None:
    annotations, notices = read(
        tmp_path, "frame,label", [f"{i},{word if i < 9 else 'groom'}" for i in range(300)], LONG
    )
    assert annotations.channels["label"][0] == Bout(0, 9, word)
    assert f"{word!r} counts as a behaviour: add --unscored" in notices


def test_a_rate_in_a_table_of_frames_that_differs_from_the_tracks_is_said(tmp_path: Path) -> None:
    _, notices = read(tmp_path, "frame,fps,label", [f"{i},25,{label(i)}" for i in range(200)], LONG)
    assert "it counts frames at 25 Hz, and the tracks have 30 Hz" in notices


def test_a_table_of_0_and_1_may_name_animals_and_a_video(tmp_path: Path) -> None:
    rows = [f"m.mp4,{animal},{i},{int((60 <= i < 90) == (animal == 'a'))}" for i in range(300) for animal in "ab"]
    annotations, _ = read(tmp_path, "video,animal,Index,groom", rows, LONG)
    assert annotations.channels["a"][1] == Bout(60, 90, "groom")
    assert annotations.channels["b"][1] == Bout(60, 90, "other")
    assert annotations.id == "m"
