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
    (found,) = bento.read(tmp_path / "m.annot")
    assert found.channels["Ch1"] == (Bout(first, 20, "attack"), Bout(49, 50, "attack"))
    assert found.channels["Ch2"] == ()
    assert (found.id, found.background, found.frames, found.first) == ("m", "other", 100, 2)


def test_frames_outside_the_stated_span_are_unscored_and_the_rest_is_other(tmp_path: Path) -> None:
    (tmp_path / "m.annot").write_text(TEXT.format("11\t20\t10"))
    (found,) = bento.read(tmp_path / "m.annot")
    values = found.labels("Ch1", ("attack", "other"), 110).values
    assert values[:2].tolist() == [-1, -1]
    assert values[2:10].tolist() == [1] * 8
    assert values[10:20].tolist() == [0] * 10
    assert values[20:100].tolist() == [1] * 80
    assert (values[100:] == -1).all()


@pytest.mark.parametrize("frame_rate", [15.0, 29.97, 30.0, 120.0])
def test_written_and_read_is_equal(tmp_path: Path, frame_rate: float) -> None:
    bouts = tuple(Bout(37 * i, 37 * i + 1 + i % 30, "attack" if i % 3 else "mount and more") for i in range(400))
    given = Annotations("v", {"Ch1": bouts, "Ch2": ()}, "other", frames=20000)
    bento.write(tmp_path / "v.annot", given, frame_rate)
    (found,) = bento.read(tmp_path / "v.annot")
    assert (found.id, found.channels, found.background, found.frames, found.first) == (
        "v",
        given.channels,
        "other",
        20000,
        0,
    )


@pytest.mark.parametrize("rows", ["eleven 20", "11", "11\t20\t10\nx\ty\tz"])
def test_bad_rows_are_named(tmp_path: Path, rows: str) -> None:
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
def test_numbers_that_are_none_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.annot").write_text(text)
    with pytest.raises(InputError, match=rf"m\.annot.*{message}"):
        bento.read(tmp_path / "m.annot")
