"""Figures as notebooks take them: drawn from recordings and tables, shown, or drawn into axes that are there."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssl_behavior import plots
from ssl_behavior.errors import InputError
from ssl_behavior.plots.skeleton import edges_of
from ssl_behavior.plots.strips import strips_of
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings


@pytest.fixture(scope="module")
def recording() -> Recording:
    return simulate_recordings(1, frames=120)[0]


def table(video: str, labels: list[str | None], rate: float) -> pd.DataFrame:
    return pd.DataFrame({"video": video, "time_s": np.arange(len(labels)) / rate, "label": labels})


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(plt.Text)]


DRAWN: list[Callable[..., Figure]] = [
    lambda recording, **where: plots.ethogram(recording, **where),
    lambda recording, **where: plots.skeleton(recording, 7, **where),
    lambda _, **where: plots.map(np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 3, **where),
]


@pytest.mark.parametrize("draw", DRAWN)
def test_a_notebook_shows_the_figure_without_pyplot(draw: Callable[..., Figure], recording: Recording) -> None:
    before = plt.get_fignums()
    figure = draw(recording)
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert plt.get_fignums() == before


@pytest.mark.parametrize("draw", DRAWN)
def test_it_draws_into_axes_that_are_there(draw: Callable[..., Figure], recording: Recording) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert draw(recording, ax=right) is figure
    assert right.has_data()
    assert not left.has_data()
    figure.canvas.draw()
    plt.close(figure)


def test_labels_of_recordings_and_tables_share_one_vocabulary() -> None:
    labels = Labels(("rest", "run"), np.array([0, 1, 1, -1]))
    recording = Recording("v", np.zeros((4, 1, 1, 2)), ("a",), Skeleton(("nose",)), 2.0, labels={"gait": labels})
    predicted = table("v", ["run", "jump", None, "run"], rate=2.0)
    strips, behaviours = strips_of({"truth": recording, "predicted": predicted})
    assert behaviours == ("rest", "run", "jump")
    (strip,) = strips
    assert strip.frame_rate == 2.0
    assert {name: values.tolist() for name, values in strip.rows.items()} == {
        "truth": [0, 1, 1, -1],
        "predicted": [1, 2, -1, 1],
    }


def test_names_that_are_given_come_first(recording: Recording) -> None:
    assert strips_of(recording, ["grooming", "other"])[1][:3] == ("grooming", "other", "attack")
    strips = strips_of(recording)[0]
    assert strips_of(strips, ["a", "b", "c", "d"])[1] == ("a", "b", "c", "d")
    with pytest.raises(InputError, match="behaviours="):
        plots.ethogram(strips)


def test_an_ethogram_names_videos_rows_and_behaviours(recording: Recording) -> None:
    second = replace(recording, id="another $x_1$")
    shown = texts(plots.ethogram([recording, second]))
    assert {"video000  behaviour", "another $x_1$  behaviour", "attack", "time (s)"} <= set(shown)


def test_recordings_without_labels_have_no_ethogram(recording: Recording) -> None:
    with pytest.raises(InputError, match="read_labelled"):
        plots.ethogram(replace(recording, labels={}))
    with pytest.raises(InputError, match="time_s"):
        plots.ethogram(pd.DataFrame({"video": ["v"], "label": ["a"]}))


def test_a_skeleton_is_drawn_as_the_camera_saw_it(recording: Recording) -> None:
    figure = plots.skeleton(recording, 7)
    (axes,) = figure.axes
    assert axes.yaxis_inverted()
    drawn = {tuple(point) for line in axes.lines for point in np.round(line.get_xydata(), 2)}
    expected = recording.positions[7].reshape(-1, 2)
    assert {tuple(point) for point in np.round(expected[~np.isnan(expected[:, 0])].astype(float), 2)} <= drawn
    assert {"resident", "intruder", "x (px)", "video000, frame 7 (0.23 s)"} <= set(texts(figure))


@pytest.mark.parametrize("frame", [-1, 120])
def test_a_frame_that_does_not_exist_is_refused(recording: Recording, frame: int) -> None:
    with pytest.raises(InputError, match="0 to 119"):
        plots.skeleton(recording, frame)


def test_a_skeleton_without_edges_is_joined_by_what_its_names_mean() -> None:
    assert edges_of(Skeleton(("tailbase", "Nose", "whisker"))) == [(1, 0)]
    assert edges_of(Skeleton(("a", "b"), (("b", "a"),))) == [(1, 0)]


class MapOfThree:
    def sample_map(self) -> tuple[np.ndarray, np.ndarray, list[str]]:
        return np.array([[0.0, 0], [1, 1], [2, 0]]), np.array([0, 1, -1]), ["cluster 0", "chase"]


def test_a_map_shows_the_names_of_clusters() -> None:
    shown = texts(plots.map(MapOfThree()))
    assert {"1  chase", "in no cluster", "0", "1"} <= set(shown)


def test_points_without_labels_are_a_map_too() -> None:
    (axes,) = plots.map(np.zeros((5, 2))).axes
    assert isinstance(axes, Axes)
    assert len(axes.collections[0].get_offsets()) == 5


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (np.zeros((5, 8)), None, "sb.cluster"),
        (np.zeros((5, 2)), np.zeros(4, int), "5 points"),
        (np.zeros((2, 2)), np.array(["a", "b"]), "names="),
        (type("Atlas", (), {"meta": None})(), None, "ClusteredAtlas"),
    ],
)
def test_what_cannot_be_a_map_is_refused(points: Any, labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plots.map(points, labels)
