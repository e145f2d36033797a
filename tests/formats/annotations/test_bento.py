"""Bento files in frames and in seconds."""

from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import bento
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout

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
