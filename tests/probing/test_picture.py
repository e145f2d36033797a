from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ssl_behavior.probing.picture import probes_picture
from ssl_behavior.scoring.mabe22 import TaskScore


def score(task: str, metric: str, value: float, chance: float) -> TaskScore:
    return TaskScore(task, "frame", metric, value, value, None, chance, 3, 300)  # type: ignore[arg-type]


def blue(path: Path, columns: slice) -> int:
    return int((np.abs(imread(path)[:, columns, :3] - np.array([0, 0x72, 0xB2]) / 255).max(-1) < 0.01).sum())


@pytest.mark.parametrize("metrics", [("F1",), ("MSE",), ("F1", "F1", "MSE")])
def test_a_better_f1_is_a_longer_bar_and_the_picture_repeats_to_the_byte(
    metrics: tuple[str, ...], tmp_path: Path
) -> None:
    for name, value in (("good", 0.8), ("bad", 0.2), ("again", 0.8), ("none", float("nan"))):
        scores = [score(f"task {i}", metric, value, 0.5) for i, metric in enumerate(metrics)]
        chance = [score(f"task {i}", metric, 0.9, 0.5) for i, metric in enumerate(metrics)]
        probes_picture(tmp_path / f"{name}.png", {"encoder": scores, "kinematics": chance})
    assert (tmp_path / "good.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    whole = slice(None)
    assert blue(tmp_path / "good.png", whole) > blue(tmp_path / "bad.png", whole) > blue(tmp_path / "none.png", whole)


def test_a_quantity_that_does_not_vary_is_drawn(tmp_path: Path) -> None:
    assert probes_picture(tmp_path / "a.png", {"encoder": [score("day", "MSE", 0.1, 0.0)]}).exists()
