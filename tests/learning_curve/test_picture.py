from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ssl_behavior.learning_curve.bands import Curve, make_curve
from ssl_behavior.learning_curve.picture import STYLES, label_curve_picture
from ssl_behavior.learning_curve.points import Point, PointTask
from ssl_behavior.learning_curve.variants import VARIANTS


def random_curve(sizes: tuple[int, ...], draws: int, behaviours: int) -> Curve:
    rng = np.random.default_rng(0)
    points = [
        Point(PointTask(variant, size, draw, ("a",)), rng.integers(1, 99, (3, behaviours, behaviours)), 1.0)
        for draw in range(draws)
        for size in sizes
        for variant in VARIANTS
    ]
    return make_curve(points, [f"behaviour {i}" for i in range(behaviours)])


def test_every_variant_has_a_style_of_its_own() -> None:
    assert set(STYLES) == set(VARIANTS)
    assert len({style.colour for style in STYLES.values()}) == len(VARIANTS)
    assert len({style.marker for style in STYLES.values()}) == len(VARIANTS)


@pytest.mark.parametrize(("sizes", "draws", "behaviours"), [((2, 3, 10), 3, 3), ((1,), 1, 2), ((1, 40), 2, 20)])
def test_pictures_are_drawn_and_repeat_to_the_byte(
    sizes: tuple[int, ...], draws: int, behaviours: int, tmp_path: Path
) -> None:
    curve = random_curve(sizes, draws, behaviours)
    for name in ("a", "b"):
        label_curve_picture(tmp_path / f"{name}.png", curve, "F1", ["first", "second"], curve.behaviours)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pixels = imread(tmp_path / "a.png")[..., :3]
    for style in STYLES.values():
        wanted = np.array([int(style.colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        assert (np.abs(pixels - wanted).max(-1) < 0.01).any()
