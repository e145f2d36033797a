from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout

TEXT = """Caltech Behavior Annotator - Annotation File

Configuration file:
base\tz
fight\tf
sniff\ts

S1:\tstart\tend\ttype
-----------------------------
   \t1\t2\tbase
   \t3\t3\tsniff
   \t4\t10\tfight

S2:\tstart\tend\ttype
-----------------------------
   \t1\t10\tbase
"""


def write(path: Path, text: str = TEXT) -> Path:
    path.write_text(text)
    return path


def test_frames_count_from_1_and_ends_are_inclusive(tmp_path: Path) -> None:
    (found,) = caltech.read(write(tmp_path / "7_annot.txt"))
    assert found.id == "7"
    assert found.channels["S1"] == (Bout(0, 2, "base"), Bout(2, 3, "sniff"), Bout(3, 10, "fight"))
    assert found.channels["S2"] == (Bout(0, 10, "base"),)
    assert (found.frames, found.background) == (10, None)
    assert found.vocabulary["S1"] == ("base", "fight", "sniff")


def test_frames_in_no_row_are_unscored(tmp_path: Path) -> None:
    (found,) = caltech.read(write(tmp_path / "7_annot.txt", TEXT.replace("   \t3\t3\tsniff\n", "")))
    labels = found.labels("S1", ("base", "fight"), 12)
    np.testing.assert_array_equal(labels.values, [0, 0, -1, 1, 1, 1, 1, 1, 1, 1, -1, -1])


def test_written_and_read_is_equal(tmp_path: Path) -> None:
    channels = {"S1": (Bout(0, 4, "a b"), Bout(4, 5, "c"), Bout(7, 9, "a b")), "S2": (Bout(0, 9, "other"),)}
    given = Annotations("v", channels, frames=9)
    caltech.write(tmp_path / "v_annot.txt", given)
    (found,) = caltech.read(tmp_path / "v_annot.txt")
    assert (found.id, found.channels, found.frames) == (given.id, given.channels, given.frames)


def test_background_is_written_as_bouts(tmp_path: Path) -> None:
    caltech.write(tmp_path / "v_annot.txt", Annotations("v", {"S1": (Bout(2, 4, "a"),)}, "other", frames=6))
    (found,) = caltech.read(tmp_path / "v_annot.txt")
    assert found.channels["S1"] == (Bout(0, 2, "other"), Bout(2, 4, "a"), Bout(4, 6, "other"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3\t3\tsniff", "3\t3\tlick", "line 11: label 'lick' is not in"),
        ("3\t3\tsniff", "3\t2\tsniff", "line 11: expected 1 <= start <= end"),
        ("1\t2\tbase", "0\t2\tbase", "line 10: expected 1 <= start"),
        ("3\t3\tsniff", "three sniff", "line 11: expected 'start end behaviour'"),
        (TEXT[TEXT.index("S1:") :], "", "found none"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path / "7_annot.txt", TEXT.replace(old, new))
    with pytest.raises(InputError, match=message) as error:
        caltech.read(path)
    assert str(path) in str(error.value)


def test_real_files_round_trip(shared_data, tmp_path: Path) -> None:
    paths = sorted(shared_data("dyads/annotations").glob("*_annot.txt"))
    assert len(paths) == 40
    for path in paths:
        assert caltech.detect(path)
        (found,) = caltech.read(path)
        caltech.write(tmp_path / path.name, found)
        (again,) = caltech.read(tmp_path / path.name)
        assert (again.channels, again.vocabulary, again.frames) == (found.channels, found.vocabulary, found.frames)
        # From the first channel on, what is written is the annotator's file to the byte.
        original, written = path.read_bytes(), (tmp_path / path.name).read_bytes()
        assert written[written.index(b"S1:") :] == original[original.index(b"S1:") :]


def test_real_file_scores_12000_frames(shared_data) -> None:
    (found,) = caltech.read(shared_data("dyads/annotations") / "10_annot.txt")
    scored = [bout for bout in found.channels["S1"] if bout.behaviour != "base"]
    assert scored[0] == Bout(594, 979, "social")
    assert sum(bout.stop - bout.start for bout in scored) == 12000
