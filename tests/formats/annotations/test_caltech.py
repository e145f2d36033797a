"""Files of the Caltech Behavior Annotator, written here and real."""

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
    (annotations,) = caltech.read(write(tmp_path / "7_annot.txt"))
    assert annotations.id == "7"
    assert annotations.channels["S1"] == (Bout(0, 2, "base"), Bout(2, 3, "sniff"), Bout(3, 10, "fight"))
    assert annotations.channels["S2"] == (Bout(0, 10, "base"),)
    assert (annotations.frames, annotations.background) == (10, None)
    assert annotations.vocabulary["S1"] == ("base", "fight", "sniff")


def test_frames_in_no_row_are_unscored(tmp_path: Path) -> None:
    (annotations,) = caltech.read(write(tmp_path / "7_annot.txt", TEXT.replace("   \t3\t3\tsniff\n", "")))
    labels = annotations.labels("S1", ("base", "fight"), 12)
    np.testing.assert_array_equal(labels.values, [0, 0, -1, 1, 1, 1, 1, 1, 1, 1, -1, -1])


def test_a_written_file_reads_back_equal(tmp_path: Path) -> None:
    channels = {"S1": (Bout(0, 4, "a b"), Bout(4, 5, "c"), Bout(7, 9, "a b")), "S2": (Bout(0, 9, "other"),)}
    original = Annotations("v", channels, frames=9)
    caltech.write(tmp_path / "v_annot.txt", original)
    (annotations,) = caltech.read(tmp_path / "v_annot.txt")
    assert (annotations.id, annotations.channels, annotations.frames) == (
        original.id,
        original.channels,
        original.frames,
    )


def test_frames_of_the_background_are_written_as_bouts(tmp_path: Path) -> None:
    caltech.write(tmp_path / "v_annot.txt", Annotations("v", {"S1": (Bout(2, 4, "a"),)}, "other", frames=6))
    (annotations,) = caltech.read(tmp_path / "v_annot.txt")
    assert annotations.channels["S1"] == (Bout(0, 2, "other"), Bout(2, 4, "a"), Bout(4, 6, "other"))


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
def test_the_error_of_a_bad_file_names_file_and_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path / "7_annot.txt", TEXT.replace(old, new))
    with pytest.raises(InputError, match=message) as error:
        caltech.read(path)
    assert str(path) in str(error.value)


def test_real_files_keep_every_byte_of_their_channels_when_written_again(shared_data, tmp_path: Path) -> None:
    paths = sorted(shared_data("dyads/annotations").glob("*_annot.txt"))
    assert len(paths) == 40
    for path in paths:
        assert caltech.detect(path)
        (annotations,) = caltech.read(path)
        caltech.write(tmp_path / path.name, annotations)
        (again,) = caltech.read(tmp_path / path.name)
        assert (again.channels, again.vocabulary, again.frames) == (
            annotations.channels,
            annotations.vocabulary,
            annotations.frames,
        )
        # From the first channel on, what is written is the annotator's file to the byte.
        original, written = path.read_bytes(), (tmp_path / path.name).read_bytes()
        assert written[written.index(b"S1:") :] == original[original.index(b"S1:") :]


def test_a_real_file_has_12000_scored_frames(shared_data) -> None:
    (annotations,) = caltech.read(shared_data("dyads/annotations") / "10_annot.txt")
    scored = [bout for bout in annotations.channels["S1"] if bout.behaviour != "base"]
    assert scored[0] == Bout(594, 979, "social")
    assert sum(bout.stop - bout.start for bout in scored) == 12000
