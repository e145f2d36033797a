from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats import boris
from ssl_behavior.formats.annotated import Annotations
from ssl_behavior.recordings import Bout

AGGREGATED = """Observation id,Date,Media file,Total length,FPS,Subject,Behavior,Behavior type,Start (s),Stop (s)
day 1,2024-01-01,a.mp4,10.0,20,mouse1,attack,STATE,1.0,2.5
day 1,2024-01-01,a.mp4,10.0,20,mouse2,jump,POINT,3.0,3.0
day 2,2024-01-02,b.mp4,8.0,20,mouse1,attack,STATE,0.0,0.49
"""
TABULAR = """Observation id,day 1,,
Media file(s),,,

Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status
1.0,a.mp4,10.0,20,mouse1,attack,,,START
2.0,a.mp4,10.0,20,mouse1,sniff,,,POINT
2.5,a.mp4,10.0,20,mouse1,attack,,,STOP
"""


def test_aggregated_events(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(AGGREGATED)
    assert boris.detect(tmp_path / "x.csv")
    one, two = boris.read(tmp_path / "x.csv", frame_rate=99.0)
    assert (one.id, one.frames, one.background) == ("day 1", 200, "other")
    assert one.channels == {"mouse1": (Bout(20, 50, "attack"),), "mouse2": (Bout(60, 61, "jump"),)}
    assert two.channels == {"mouse1": (Bout(0, 10, "attack"),)}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tabular_events(tmp_path: Path, separator: str) -> None:
    (tmp_path / "x.csv").write_text(TABULAR.replace(",", separator))
    (found,) = boris.read(tmp_path / "x.csv")
    assert (found.id, found.frames) == ("day 1", 200)
    assert found.channels == {"mouse1": (Bout(20, 50, "attack"), Bout(40, 41, "sniff"))}


def test_without_a_rate_in_the_file_the_given_one_holds(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("Observation id,Subject,Behavior,Start (s),Stop (s)\nv,m,a,1,2\n")
    (found,) = boris.read(tmp_path / "x.csv", frame_rate=50.0)
    assert found.channels == {"m": (Bout(50, 100, "a"),)}
    assert found.frames is None


@pytest.mark.parametrize("frame_rate", [25.0, 29.97, 30.0, 30000 / 1001])
def test_written_and_read_is_equal(tmp_path: Path, frame_rate: float) -> None:
    bouts = tuple(Bout(37 * i, 37 * i + 1 + i % 30, "attack" if i % 3 else "mount, twice") for i in range(400))
    given = Annotations("trial/1", {"S1": bouts}, "other", frames=20000)
    boris.write(tmp_path / "v.csv", given, frame_rate)
    (found,) = boris.read(tmp_path / "v.csv")
    assert (found.id, found.channels, found.background, found.frames) == ("trial/1", given.channels, "other", 20000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TABULAR.replace("2.5,a.mp4,10.0,20,mouse1,attack,,,STOP\n", ""), "START without its STOP"),
        (TABULAR.replace("1.0,a.mp4,10.0,20,mouse1,attack,,,START\n", ""), "STOP at 2.5 s without its START"),
        (AGGREGATED.replace("1.0,2.5", "soon,2.5"), "expected a number; found 'soon'"),
        ("Observation id,Subject,Behavior,Start (s),Stop (s)\n", "expected rows"),
        ("a,b\n1,2\n", "expected a BORIS table"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        boris.read(tmp_path / "x.csv")
    assert "x.csv" in str(error.value)
