from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import frame_csv
from ssl_behavior.predictions import tables
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout


@pytest.mark.parametrize("text", ['label\na\na\n"b, c"\n""\na\n', 'frame,label\n4,a\n0,a\n1,a\n2,"b, c"\n'])
def test_a_label_per_frame(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    assert frame_csv.detect(tmp_path / "v.csv")
    (found,) = frame_csv.read(tmp_path / "v.csv")
    assert found.channels == {"label": (Bout(0, 2, "a"), Bout(2, 3, "b, c"), Bout(4, 5, "a"))}
    assert (found.id, found.frames, found.background) == ("v", 5, None)


def test_written_and_read_is_equal(tmp_path: Path) -> None:
    given = Annotations("v", {"label": (Bout(1, 3, 'say "a"'), Bout(3, 4, "b, c"), Bout(6, 9, "d"))}, frames=12)
    frame_csv.write(tmp_path / "v.csv", given)
    (found,) = frame_csv.read(tmp_path / "v.csv")
    assert (found.channels, found.frames) == (given.channels, 12)


def test_our_own_predictions_are_read_with_their_whole_vocabulary(tmp_path: Path) -> None:
    labels = np.array([1, 1, 0, 0, 0])
    given = tables.Prediction("v", ("z", "a", "never"), np.full((5, 3), 1 / 3), labels, 30.0, np.ones(5))
    tables.write(tmp_path, given)
    (found,) = frame_csv.read(tmp_path / "v.csv")
    assert found.channels == {"label": (Bout(0, 2, "a"), Bout(2, 5, "z"))}
    assert found.vocabulary == {"label": ("z", "a", "never")}


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
def test_bad_files_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(InputError, match=r"v\.csv: expected"):
        frame_csv.read(tmp_path / "v.csv")
