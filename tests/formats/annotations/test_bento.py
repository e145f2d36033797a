"""Bento files in frames and in seconds."""

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import bento
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.videos import Video, Videos

TEXT = """Bento annotation file
Movie file(s): a.avi

Stimulus name:
Annotation start frame: 3
Annotation stop frame: 100
Annotation framerate: 25.000000

List of channels:
Ch1
Ch2

List of annotations:
mount
attack

Ch1----------
>attack
Start\t Stop\t Duration
{}

>mount
Start\t Stop\t Duration

Ch2----------
"""


@pytest.mark.parametrize(("rows", "first"), [("11\t20\t10\n50\t50\t1", 10), ("0.44\t0.8\t0.36\n2\t2\t0", 10)])
def test_frames_and_seconds_give_the_same_bouts(tmp_path: Path, rows: str, first: int) -> None:
    (tmp_path / "m.annot").write_text(TEXT.format(rows))
    (annotations,) = bento.read(tmp_path / "m.annot")
    assert annotations.channels["Ch1"] == (Bout(first, 20, "attack"), Bout(49, 50, "attack"))
    assert annotations.channels["Ch2"] == ()
    assert (annotations.id, annotations.background, annotations.frames, annotations.first_frame) == (
        "m",
        "other",
        100,
        2,
    )


def test_frames_outside_the_annotated_span_are_unscored_and_others_are_other(tmp_path: Path) -> None:
    (tmp_path / "m.annot").write_text(TEXT.format("11\t20\t10"))
    (annotations,) = bento.read(tmp_path / "m.annot")
    values = annotations.labels("Ch1", ("attack", "other"), 110).values
    assert values[:2].tolist() == [-1, -1]
    assert values[2:10].tolist() == [1] * 8
    assert values[10:20].tolist() == [0] * 10
    assert values[20:100].tolist() == [1] * 80
    assert (values[100:] == -1).all()


@pytest.mark.parametrize("frame_rate", [15.0, 29.97, 30.0, 120.0])
def test_a_written_file_reads_back_equal(tmp_path: Path, frame_rate: float) -> None:
    bouts = tuple(Bout(37 * i, 37 * i + 1 + i % 30, "attack" if i % 3 else "mount and more") for i in range(400))
    original = Annotations("v", {"Ch1": bouts, "Ch2": ()}, "other", frames=20000)
    bento.write(tmp_path / "v.annot", original, frame_rate)
    (annotations,) = bento.read(tmp_path / "v.annot")
    assert (
        annotations.id,
        annotations.channels,
        annotations.background,
        annotations.frames,
        annotations.first_frame,
    ) == (
        "v",
        original.channels,
        "other",
        20000,
        0,
    )


@pytest.mark.parametrize("rows", ["eleven 20", "11", "11\t20\t10\nx\ty\tz"])
def test_the_error_of_a_bad_row_names_file_and_line(tmp_path: Path, rows: str) -> None:
    (tmp_path / "m.annot").write_text(TEXT.format(rows))
    with pytest.raises(InputError, match=r"m\.annot line \d+: expected '>behaviour' or 'start stop duration'"):
        bento.read(tmp_path / "m.annot")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.format("1.2.3\t4\t5"), r"line 20: expected a number; found '1\.2\.3'"),
        (TEXT.format("1\t99999999999999\t5"), "line 20: expected a time or frame of at most"),
        (TEXT.format("1\t2\t1").replace("25.000000", "nan"), "annotation framerate: expected a number; found 'nan'"),
        (TEXT.format("1\t2\t1").replace("25.000000", "-25"), "annotation framerate: expected a positive number"),
        (TEXT.format("1\t2\t1").replace("frame: 100", "frame: inf"), "annotation stop frame: expected a number"),
    ],
)
def test_the_error_of_a_bad_number_names_file_and_position(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.annot").write_text(text)
    with pytest.raises(InputError, match=rf"m\.annot.*{message}"):
        bento.read(tmp_path / "m.annot")


@pytest.mark.parametrize("rows", ["301\t360\t60", "10.033333\t12.0\t1.966667"])
def test_start_and_stop_may_be_times(tmp_path: Path, rows: str) -> None:
    text = TEXT.format(rows).replace("start frame: 3", "start time: 5").replace("stop frame: 100", "stop time: 20")
    (tmp_path / "m.annot").write_text(text.replace("25.000000", "30"))
    (annotations,) = bento.read(tmp_path / "m.annot")
    assert (annotations.first_frame, annotations.frames) == (149, 600)
    assert annotations.channels["Ch1"] == (Bout(300, 360, "attack"),)


def test_bouts_outside_start_and_stop_are_counted(tmp_path: Path) -> None:
    (tmp_path / "m.annot").write_text(TEXT.format("11\t20\t10\n101\t110\t10\n1\t2\t2"))
    (annotations,) = bento.read(tmp_path / "m.annot")
    assert "2 bouts outside the start and stop of annotation, left out" in annotations.notices


@pytest.mark.parametrize("movie", ["a.avi", "C:\\data\\a.avi", "/data/a.avi"])
def test_a_file_of_another_name_belongs_to_its_movie(tmp_path: Path, movie: str) -> None:
    (tmp_path / "scored.annot").write_text(TEXT.format("11\t20\t10").replace("a.avi", movie))
    (annotations,) = bento.read(tmp_path / "scored.annot", Videos([Video("a", 25.0, 100)]))
    assert annotations.id == "a"


@pytest.mark.parametrize("rows", ["11\t20\t10", "0.44\t0.8\t0.36"])
def test_a_whole_video_at_another_rate_is_converted(tmp_path: Path, rows: str) -> None:
    """100 frames at 25 Hz are 400 at 100 Hz."""
    (tmp_path / "a.annot").write_text(TEXT.format(rows))
    (annotations,) = bento.read(tmp_path / "a.annot", Videos([Video("a", 100.0, 400)]))
    first = 40 if "." not in rows else 43
    assert annotations.channels["Ch1"] == (Bout(first, 80, "attack"),)
    assert annotations.frames == 400
    assert any("25 Hz" in notice and "100 Hz" in notice for notice in annotations.notices)


TWO = Videos([Video("m", 30.0, 300), Video("n", 30.0, 300)])


def movie_file(movies: str, header: str, rows: str) -> str:
    return f"Bento annotation file\nMovie file(s): {movies}\n{header}\n\nCh1----------\n>groom\n{rows}\n"


def test_a_file_of_one_video_with_the_movie_of_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.annot").write_text(movie_file("/d/n.mp4", "", "31 60 30"))
    with pytest.raises(InputError, match="the name of 'm' and the movie of 'n'"):
        bento.read(tmp_path / "m.annot", TWO)
    (tmp_path / "m.annot").write_text(movie_file("/d/n.mp4\nMovie file(s): /d/m.mp4", "", "31 60 30"))
    assert bento.read(tmp_path / "m.annot", TWO)[0].id == "m"


def test_whole_numbers_under_a_header_of_seconds_are_seconds_if_they_lie_within_it(tmp_path: Path) -> None:
    times = "Annotation start time: 0\nAnnotation stop time: 10\nAnnotation framerate: 30"
    (tmp_path / "m.annot").write_text(movie_file("", times, "1 2 1"))
    (annotations,) = bento.read(tmp_path / "m.annot", TWO)
    assert annotations.channels["Ch1"] == (Bout(29, 60, "groom"),)
    assert any("up to 2, and its header gives times up to 10 s" in notice for notice in annotations.notices)
    (tmp_path / "m.annot").write_text(movie_file("", times, "31 60 30"))
    assert bento.read(tmp_path / "m.annot", TWO)[0].channels["Ch1"] == (Bout(30, 60, "groom"),)
    (tmp_path / "m.annot").write_text(movie_file("", "Annotation start time: 0", "1 2 1"))
    with pytest.raises(InputError, match=r"Annotation stop time:.*whole numbers up to 2, which may be frames or sec"):
        bento.read(tmp_path / "m.annot", TWO)
