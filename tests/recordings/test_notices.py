"""Lines about what was read, assumed or left out."""

from pathlib import Path

import pytest

from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.notices import by_kind, subfolder_notices
from ssl_behavior.simulation.simulator import simulate_recordings


def files(folder: Path, *names: str) -> list[Path]:
    (folder / "empty").mkdir()
    return [folder / name for name in names]


def test_files_of_subfolders_are_counted_by_folder(tmp_path: Path) -> None:
    found = files(tmp_path, "a.csv", "day 1/b.csv", "day 1/c.csv", "day 2/raw/d.csv")
    assert list(subfolder_notices([str(tmp_path)], found)) == [
        f"reading 4 files of {tmp_path}: 1 in it, 2 in day 1, 1 in day 2/raw"
    ]


def test_a_folder_without_subfolders_a_file_and_a_glob_need_no_line(tmp_path: Path) -> None:
    found = files(tmp_path, "a.csv", "b.csv")
    for paths in (tmp_path, found[0], [*found, tmp_path / "empty"], tmp_path / "*.csv", tmp_path / "*"):
        assert list(subfolder_notices(paths, found)) == []


def test_many_subfolders_are_counted_in_one_line(tmp_path: Path) -> None:
    (line,) = subfolder_notices(tmp_path, files(tmp_path, *(f"day{i}/a.csv" for i in range(30))))
    assert line.endswith("1 in day9 and 20 more folders")


def test_reading_a_folder_says_which_subfolders_were_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    native.write(tmp_path / "tracks" / "old", simulate_recordings(2, seed=0, frames=30))
    read_recordings(tmp_path / "tracks")
    assert f"reading 2 files of {tmp_path / 'tracks'}: 2 in old" in capsys.readouterr().out


def test_notices_that_differ_in_numbers_are_one_line_and_every_kind_is_told() -> None:
    rates = [(f"{i}.csv", f"the frame rate is {20 + i / 2:g} Hz") for i in range(14)]
    offsets = [(f"{i}.csv", f"an offset of {i} s is subtracted") for i in (12, 13)]
    kinds = [("a.csv", f"column {letter * 3} is not used") for letter in "abcdefghijklmnopqrstuvwxyz"]
    lines = list(by_kind([*rates, *offsets, *kinds]))
    assert lines[0].startswith(
        "0.csv: the frame rate is 20 Hz (and the like, with other numbers, for 13 more files: 1.csv"
    )
    assert lines[0].endswith("10.csv and 3 more)")
    assert (
        lines[1]
        == "12.csv: an offset of 12 s is subtracted (and the like, with other numbers, for 1 more file: 13.csv)"
    )
    assert len(lines) == 2 + 26


def test_the_same_notice_of_several_files_counts_them() -> None:
    assert list(by_kind([("a", "x 1"), ("b", "x 1"), ("b", "x 1"), ("c", "y")])) == ["a and 1 more: x 1", "c: y"]


def test_a_notice_of_the_thirteenth_file_is_told(tmp_path: Path) -> None:
    for i in range(1, 15):
        unscored = "" if i < 14 else "none,0,5\n"
        (tmp_path / f"m{i}.csv").write_text(f"label,start_frame,stop_frame\n{unscored}groom,{10 + i},{30 + i}\n")
    notices: list[str] = []
    read_annotations(tmp_path, notify=notices.append)
    assert any(notice.startswith(f"{tmp_path / 'm14.csv'}: 'none' counts as a behaviour") for notice in notices)
