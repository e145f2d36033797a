"""Folders that hold tracks and annotations together, given to both options, and files beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.label_columns import is_table_of_labels
from ssl_behavior.formats.annotations.other_files import holds_tracks
from ssl_behavior.formats.annotations.read import read_annotations, read_labels
from ssl_behavior.formats.labelled import read_labelled
from ssl_behavior.formats.tracks.read import is_tracks

FRAMES = 40
POINTS = "frame,nose_x,nose_y,nose_p,tail_x,tail_y,tail_p\n" + "".join(
    f"{i},{10 + i},20,1.0,{30 + i},20,1.0\n" for i in range(FRAMES)
)
DLC = "scorer,net,net,net\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n" + "".join(
    f"{i},{10 + i},20,1\n" for i in range(FRAMES)
)
BOUTS = "start_frame,stop_frame,label\n10,20,groom\n"
LABELS = "frame,behaviour\n" + "".join(f"{i},{'groom' if 10 <= i < 20 else 'rest'}\n" for i in range(FRAMES))
ONE_HOT = "frame,groom,rear\n" + "".join(f"{i},{int(10 <= i < 20)},0\n" for i in range(FRAMES))
BENTO = (
    "Bento annotation file\nMovie file(s):\n\nAnnotation start frame: 1\nAnnotation stop frame: 40\n"
    "Annotation framerate: 30\n\nList of channels:\na\n\nList of annotations:\ngroom\n\na----------\n>groom\n"
    "Start\tStop\tDuration\n11\t20\t10\n"
)


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(("tracks", "points"), [("m.csv", POINTS), ("mDLC_x.csv", DLC)])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m_annot.csv", BOUTS),
        ("m_annot.csv", LABELS),
        ("m_annot.csv", ONE_HOT),
        ("m.tsv", BOUTS.replace(",", "\t")),
        ("m.annot", BENTO),
    ],
)
def test_a_folder_of_tracks_and_annotations_is_given_to_both_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tracks: str, points: str, name: str, text: str
) -> None:
    folder = write(tmp_path, **{tracks: points, name: text})
    (recording,) = read_labelled(folder, folder, frame_rate=30)
    (labels,) = recording.labels.values()
    assert [(bout.start, bout.stop) for bout in labels.bouts() if bout.behaviour == "groom"] == [(10, 20)]
    printed = capsys.readouterr().out
    assert f"{folder / tracks}: passed over, as these are tracks" in printed
    if name.endswith(".csv"):  # folders of tracks are searched for .csv only
        assert f"{folder / name}: passed over, as this is no tracks but " in printed


def test_tracks_given_as_annotations_alone_are_named_with_the_way_on(tmp_path: Path) -> None:
    write(tmp_path, **{"m.csv": POINTS})
    for paths in (tmp_path, tmp_path / "m.csv"):
        with pytest.raises(InputError, match=r"m\.csv: expected annotations .*; found tracks: give them as --rec"):
            read_annotations(paths)


def test_labels_given_as_tracks_are_named_with_the_way_on(tmp_path: Path) -> None:
    write(tmp_path, **{"m_annot.csv": BOUTS})
    with pytest.raises(InputError, match=r"m_annot\.csv: .*found annotations: give it as --annotations"):
        read_labelled(tmp_path / "m_annot.csv")


def test_points_in_a_layout_that_is_not_read_are_not_passed_over_as_labels(tmp_path: Path) -> None:
    text = "frame,nose.x,nose.y,seen\n" + "".join(f"{i},{i},2,1\n" for i in range(5))
    path = write(tmp_path, **{"m.csv": text}) / "m.csv"
    assert not is_table_of_labels(path)


def test_behaviours_beside_points_are_not_passed_over_as_tracks(tmp_path: Path) -> None:
    header, *rows = POINTS.splitlines()
    text = "\n".join([f"{header},groom", *(f"{row},{i % 2}" for i, row in enumerate(rows))])
    path = write(tmp_path, **{"m.csv": text, "plain.csv": POINTS}) / "m.csv"
    assert not holds_tracks(path, is_tracks)
    assert holds_tracks(tmp_path / "plain.csv", is_tracks)


def test_settings_in_json_beside_annotations_are_passed_over_and_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, **{"m.csv": LABELS, "keys.json": '{"groom": "g"}'})
    notices: list[str] = []
    assert [item.id for item in read_labels(tmp_path, notify=notices.append)[0]] == ["m"]
    assert notices == [f"{tmp_path / 'keys.json'}: passed over, as no tracks or labels are in it"]
    with pytest.raises(InputError, match=r"keys\.json: expected tracks"):
        read_labels([tmp_path / "m.csv", tmp_path / "keys.json"], notify=notices.append)


def test_bouts_of_predictions_are_left_out_beside_their_labels_and_read_without_them(tmp_path: Path) -> None:
    bouts = (
        "behaviour,start_frame,stop_frame,start_s,stop_s,duration_s,mean_probability\n"
        "rest,0,10,0.0,0.333333,0.333333,0.9\ngroom,10,20,0.333333,0.666667,0.333333,0.9\n"
        "rest,20,40,0.666667,1.333333,0.666667,0.9\n"
    )
    write(tmp_path, **{"m.csv": LABELS, "m.bouts.csv": bouts})
    of_labels = read_annotations(tmp_path)
    for paths in (tmp_path / "m.bouts.csv", tmp_path / "*.bouts.csv"):
        (item,) = read_annotations(paths)
        assert (item.id, item.channels["label"]) == ("m", of_labels[0].channels["label"])


def test_a_table_of_something_else_is_skipped_without_advice_that_is_followed_already(tmp_path: Path) -> None:
    write(tmp_path, **{"m.csv": LABELS, "meta.csv": "animal,sex\nm,f\n"})
    notices: list[str] = []
    assert len(read_annotations(tmp_path, skip_bad_files=True, notify=notices.append)) == 1
    assert notices[0].endswith("found a table with the columns animal, sex: move it elsewhere")
    with pytest.raises(InputError, match="move it elsewhere") as error:
        read_annotations(tmp_path)
    assert str(error.value).count("--skip-bad-files") == 1
