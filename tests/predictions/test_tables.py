import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.predictions import table_reading, tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import Bout

BEHAVIOURS = ("label", "NA", 'a, "b"')


def prediction(name: str = "trial/1", frames: int = 50, frame_rate: float = 29.97) -> Prediction:
    generator = np.random.default_rng(0)
    labels = np.repeat(generator.integers(0, 3, frames // 5), 5)
    return Prediction(
        name, BEHAVIOURS, generator.dirichlet(np.ones(3), frames), labels, frame_rate, np.arange(frames) % 3
    )


def test_a_prediction_survives_writing_and_reading(tmp_path: Path) -> None:
    written = prediction()
    tables.write(tmp_path, written)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trial_1.bouts.csv", "trial_1.csv"]
    (read,) = table_reading.read_folder(tmp_path)
    assert (read.id, read.behaviours, read.frame_rate) == ("trial_1", BEHAVIOURS, 29.97)
    np.testing.assert_array_equal(read.labels, written.labels)
    np.testing.assert_array_equal(read.animals_tracked, written.animals_tracked)
    np.testing.assert_allclose(read.probabilities, written.probabilities, atol=6e-7)


def test_the_table_of_bouts_has_stops_and_mean_probabilities(tmp_path: Path) -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]])
    predicted = Prediction("v", ("a", "b"), probabilities, np.array([0, 0, 1]), 10.0, np.array([2, 1, 0]))
    _, path = tables.write(tmp_path, predicted)
    assert path.read_text().splitlines() == [
        "behaviour,start_frame,stop_frame,start_s,stop_s,mean_probability",
        "a,0,2,0.0,0.2,0.8",
        "b,2,3,0.2,0.3,0.6",
    ]
    assert (tmp_path / "v.csv").read_text().splitlines()[:2] == [
        "frame,time_s,label,animals_tracked,a,b",
        "0,0,a,2,0.9,0.1",
    ]


def test_bouts_cover_every_frame_once() -> None:
    predicted = prediction(frames=500)
    table = tables.bout_table(predicted)
    lengths = table["stop_frame"] - table["start_frame"]
    assert lengths.sum() == 500
    again = np.repeat(pd.Index(BEHAVIOURS).get_indexer(table["behaviour"]), lengths)
    np.testing.assert_array_equal(again, predicted.labels)
    (bouts,) = predicted.to_annotations("S1").channels.values()
    assert bouts == tuple(Bout(*row) for row in zip(table.start_frame, table.stop_frame, table.behaviour, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,time_s,label,a\n0,0,a,1\n", "expected columns frame, time_s, label, animals_tracked .*: predict again"),
        ("frame,label\n0,a\n", "expected columns frame, time_s, label"),
        ("frame,time_s,label,animals_tracked,a\n0,0,b,1,1\n", r"expected labels among \['a'\]; found 'b'"),
        ("frame,time_s,label,animals_tracked,a\n0,0,a,1,much\n", "expected numbers"),
        ("frame,time_s,label,animals_tracked,a\n1,0,a,1,1\n", "expected a row per frame from 0"),
        ("frame,time_s,label,animals_tracked,a\n", "expected numbers|expected a row"),
    ],
)
def test_a_damaged_table_is_an_error_that_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        table_reading.read_folder(tmp_path)
    assert "v.csv" in str(error.value)


def test_a_folder_without_predictions_of_one_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        table_reading.read_folder(tmp_path)
    with pytest.raises(InputError, match="no such folder: give the --output of ssl-behavior predict"):
        table_reading.read_folder(tmp_path / "missing")
    tables.write(tmp_path, prediction("1"))
    tables.write(tmp_path, Prediction("2", ("x",), np.ones((1, 1)), np.zeros(1), 30.0, np.ones(1)))
    with pytest.raises(InputError, match="different models"):
        table_reading.read_folder(tmp_path)


def change_row(path: Path, cells: dict[int, str]) -> None:
    """Change cells, by their column, in the row of frame 3."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    for column, value in cells.items():
        rows[4][column] = value
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([np.nan, np.nan, np.nan], r"\[nan, nan, nan\] in frame 3"),
        ([0.5, 0.5, np.nan], "sum to 1"),
        ([0.9, 0.9, 0.9], "sum to 1"),
        ([0.0, 0.0, 0.0], "sum to 1"),
        ([1.5, -0.5, 0.0], "from 0 to 1"),
    ],
)
def test_probabilities_that_cannot_be_are_neither_made_nor_read(
    wrong: list[float], message: str, tmp_path: Path
) -> None:
    good = prediction("v")
    probabilities = good.probabilities.copy()
    probabilities[3] = wrong
    with pytest.raises(InputError, match=f"v: expected probabilities .*{message}"):
        replace(good, probabilities=probabilities)
    path, _ = tables.write(tmp_path, good)
    change_row(path, dict(enumerate(map(str, wrong), 4)))
    with pytest.raises(InputError, match=rf"{path}: .*probabilit"):
        table_reading.read(path)


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1e9, np.nan])
def test_frame_rates_that_cannot_be_are_refused(rate: float) -> None:
    with pytest.raises(InputError, match="frame rate must be a positive number of Hz"):
        prediction(frame_rate=rate)


def test_times_that_are_not_equal_steps_are_refused(tmp_path: Path) -> None:
    path, _ = tables.write(tmp_path, prediction("v"))
    change_row(path, {1: "1000.0"})
    with pytest.raises(InputError, match=rf"{path}: expected times in equal steps"):
        table_reading.read(path)


@pytest.mark.parametrize("animals", ["-1", "99999999"])
def test_numbers_of_animals_that_cannot_be_are_refused(animals: str, tmp_path: Path) -> None:
    path, _ = tables.write(tmp_path, prediction("v"))
    change_row(path, {3: animals})
    with pytest.raises(InputError, match=rf"{path}: .*animals_tracked"):
        table_reading.read(path)
