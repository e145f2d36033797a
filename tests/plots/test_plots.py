from pathlib import Path

import numpy as np
from matplotlib.image import imread

from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.scores import confusion_picture, curves_picture
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import UNSCORED_COLOUR, save, styles

BEHAVIOURS = ("attack", "mount", "other")


def has_colour(path: Path, colour: str) -> bool:
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return bool((np.abs(imread(path)[..., :3] - wanted).max(-1) < 0.01).any())


def is_grey(colour: str) -> bool:
    return colour[1:3] == colour[3:5] == colour[5:7]


def test_each_behaviour_has_a_style_of_its_own() -> None:
    names = [f"b{i}" for i in range(37)] + ["Other"]
    assert len(set(styles(names))) == 38
    assert styles(("other", "a"))[1] == styles(("a",))[0]


def test_a_behaviour_keeps_its_style_when_another_channel_follows() -> None:
    one_channel, both_channels = ("attack", "mount", "other"), ("attack", "mount", "other", "rest", "groom")
    assert styles(both_channels)[:3] == styles(one_channel)
    assert len(set(styles(both_channels))) == 5


def test_only_unscored_frames_are_grey() -> None:
    assert is_grey(UNSCORED_COLOUR)
    assert not any(is_grey(colour) for colour, _ in styles(("attack", "mount", "other", "rest")))


def test_the_ethogram_shows_each_behaviour_that_occurs(tmp_path: Path) -> None:
    truth = np.repeat([0, 1, -1], 100)
    strips = [Strip("v", 30.0, {"truth": truth, "predicted": np.zeros(300, int)})]
    with_mount = save(ethogram(strips, BEHAVIOURS), tmp_path / "a.png")
    # Strips cover far more than the legend's patches.
    colours = {name: colour for name, (colour, _) in zip(BEHAVIOURS, styles(BEHAVIOURS), strict=True)}
    assert has_colour(with_mount, colours["attack"])
    assert has_colour(with_mount, colours["mount"])
    assert has_colour(with_mount, UNSCORED_COLOUR)


def test_pictures_of_any_size_are_drawn_and_repeat_to_the_byte(tmp_path: Path) -> None:
    many = [f"behaviour {i}" for i in range(37)]
    labels = np.repeat(np.arange(37), 3)
    strips = [Strip(f"task1/test/mouse{i:03}_annotator-0", 30.0, {"predicted": labels}) for i in range(5)]
    for name in ("a", "b"):
        save(ethogram(strips, many), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert confusion_picture(tmp_path / "c.png", np.zeros((1, 1), int), ["a"]).exists()
    assert confusion_picture(tmp_path / "d.png", np.arange(37**2).reshape(37, 37), many).exists()
    curves = {"loss/train": [(0.0, 1.0), (1.0, float("nan")), (2.0, 0.5)], "loss/held out": [(0.0, 1.0)], "rank": []}
    assert curves_picture(tmp_path / "e.png", curves, {"loss": "lower is better"}).exists()
