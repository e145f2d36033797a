"""Commas between thousands and before decimals, which tables show, or are asked to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.recordings.videos import Video, Videos

HOUR = Videos([Video("m", 30.0, 108_000)])


def read(path: Path, text: str) -> tuple[list[tuple[int, int]], list[str]]:
    path.write_text(text)
    notices: list[str] = []
    (annotations,) = read_annotations(path, None, HOUR, notify=notices.append)
    return [(bout.start, bout.stop) for bouts in annotations.channels.values() for bout in bouts], notices


@pytest.mark.parametrize(
    ("rows", "spans"),
    [
        ('"0,500","1,500",groom\n', [(15, 45)]),
        ('"1,250","1,500",groom\n"4,5","5,125",rear\n', [(38, 45), (135, 154)]),
        ('1.5,2.0,groom\n"1,200","1,230",rear\n', [(45, 60), (36000, 36900)]),
        ('"1,200.5","1,230.0",rear\n', [(36015, 36900)]),
    ],
)
def test_a_table_shows_where_its_decimals_begin(tmp_path: Path, rows: str, spans: list[tuple[int, int]]) -> None:
    found, notices = read(tmp_path / "m.csv", f"start_s,stop_s,label\n{rows}")
    assert sorted(found) == spans
    assert not any("thousands" in notice for notice in notices)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_thousands_beside_smaller_whole_numbers_are_said(tmp_path: Path, separator: str) -> None:
    rows = [["start_s", "stop_s", "label"], ["100", "130", "groom"], ['"1,200"', '"1,230"', "rear"]]
    found, notices = read(tmp_path / "m.csv", "".join(f"{separator.join(row)}\n" for row in rows))
    assert found == [(3000, 3900), (36000, 36900)]
    assert sum("'1,200' are taken as thousands: 1200" in notice for notice in notices) == 1


def test_numbers_that_may_be_either_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column 'start_s'.*'1,250', which may be 1\.250 or 1250"):
        read(tmp_path / "m.csv", 'start_s,stop_s,label\n"1,250","1,500",groom\n')


def test_frames_have_no_decimals(tmp_path: Path) -> None:
    found, _ = read(tmp_path / "m.csv", 'start_frame,stop_frame,label\n"1,200","1,230",groom\n')
    assert found == [(1200, 1230)]
