from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.learning_curve.points import Point, PointStore, PointTask

TASK = PointTask("from-scratch", 3, 1, ("7", "42", "a/b"))
COUNTS = np.arange(18).reshape(2, 3, 3)
SETTINGS = {"seed": 0, "encoder": Path("runs/encoder"), "draws": 3}


def test_a_written_point_is_read_back(tmp_path: Path) -> None:
    points = PointStore(tmp_path / "points", "key", SETTINGS, False)
    assert TASK not in points
    points.add(Point(TASK, COUNTS, 1.5))
    again = PointStore(tmp_path / "points", "key", {**SETTINGS, "encoder": Path("moved")}, False).get(TASK)
    assert again is not None
    assert (again.task, again.minutes) == (TASK, 1.5)
    assert np.array_equal(again.counts, COUNTS)


def test_a_point_of_other_videos_or_a_damaged_file_is_missing(tmp_path: Path) -> None:
    points = PointStore(tmp_path, "key", SETTINGS, False)
    points.add(Point(TASK, COUNTS, 1.5))
    assert PointTask(TASK.variant, TASK.size, TASK.draw, ("7", "42", "8")) not in points
    path = tmp_path / f"{TASK.name}.json"
    path.write_text(path.read_text()[:40])
    assert TASK not in points


def test_another_run_is_refused_and_overwritten(tmp_path: Path) -> None:
    PointStore(tmp_path / "points", "key", SETTINGS, False).add(Point(TASK, COUNTS, 1.5))
    with pytest.raises(InputError, match=r"another --seed; .*--output.*--overwrite"):
        PointStore(tmp_path / "points", "other", {**SETTINGS, "seed": 1, "draws": 9}, False)
    with pytest.raises(InputError, match="another encoder, or other recordings or labels"):
        PointStore(tmp_path / "points", "other", SETTINGS, False)
    assert TASK in PointStore(tmp_path / "points", "key", SETTINGS, False)
    assert TASK not in PointStore(tmp_path / "points", "other", SETTINGS, True)
    assert TASK not in PointStore(tmp_path / "points", "other", SETTINGS, False)
