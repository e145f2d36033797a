"""Lines about what was read, assumed or left out."""

from pathlib import Path

import pytest

from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.notices import subfolder_notices
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
