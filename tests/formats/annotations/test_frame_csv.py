"""Tables with one label per frame, including this program's own predictions."""

from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import frame_csv
from ssl_behavior.predictions import tables
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout


@pytest.mark.parametrize("text", ['label\na\na\n"b, c"\n""\na\n', 'frame,label\n4,a\n0,a\n1,a\n2,"b, c"\n'])
def test_missing_frames_and_empty_labels_are_unscored(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    assert frame_csv.detect(tmp_path / "v.csv")
    (annotations,) = frame_csv.read(tmp_path / "v.csv")
    assert annotations.channels == {"label": (Bout(0, 2, "a"), Bout(2, 3, "b, c"), Bout(4, 5, "a"))}
    assert (annotations.id, annotations.frames, annotations.background) == ("v", 5, None)


def test_a_written_file_reads_back_equal(tmp_path: Path) -> None:
    original = Annotations("v", {"label": (Bout(1, 3, 'say "a"'), Bout(3, 4, "b, c"), Bout(6, 9, "d"))}, frames=12)
    frame_csv.write(tmp_path / "v.csv", original)
    (annotations,) = frame_csv.read(tmp_path / "v.csv")
    assert (annotations.channels, annotations.frames) == (original.channels, 12)


def test_predictions_are_read_with_their_whole_vocabulary(tmp_path: Path) -> None:
    labels = np.array([1, 1, 0, 0, 0])
    original = tables.Prediction("v", ("z", "a", "never"), np.full((5, 3), 1 / 3), labels, 30.0, np.ones(5))
    tables.write(tmp_path, original)
    (annotations,) = frame_csv.read(tmp_path / "v.csv")
    assert annotations.channels == {"label": (Bout(0, 2, "a"), Bout(2, 5, "z"))}
    assert annotations.vocabulary == {"label": ("z", "a", "never")}


@pytest.mark.parametrize(
    "text",
    [
        "label\n",
        "frame,label\n0,a\n0,b\n",
        "frame,label\nx,a\n",
        "frame,label\n3\n",
        "label,frame\na\n",
        "frame,label\ninf,a\n",
        "frame,label\nnan,a\n",
        "frame,label\n0,a\n1.7,a\n",
        "frame,label\n999999999999,a\n",
        "frame,label\n999999999,a\n",
    ],
)
def test_the_error_of_a_bad_file_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(InputError, match=r"v\.csv: expected"):
        frame_csv.read(tmp_path / "v.csv")
