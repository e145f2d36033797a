"""Simulated labelling: strategies choose unlabelled clips, each once, and runs of one seed are paired."""

import csv
from pathlib import Path

import numpy as np
import pytest

from experiments.suggest import report, simulation
from experiments.suggest.material import Material

ROUNDS, CLIPS = 4, 4


@pytest.fixture(scope="module")
def clips() -> Material:
    """Clips of one behaviour each, which features tell in part."""
    rng = np.random.default_rng(0)
    kinds = rng.choice(3, 240, p=[0.1, 0.4, 0.5])
    means = rng.normal(size=(3, 12)).astype(np.float32) * 3
    features = means[kinds][:, None] + rng.normal(size=(240, 6, 12)).astype(np.float32)
    tested = rng.choice(3, 300)
    return Material(
        videos=np.array([f"v{i % 30}" for i in range(240)]),
        embeddings=features.mean(1),
        features=features,
        labels=np.repeat(kinds[:, None], 6, 1),
        test_features=means[tested] + rng.normal(size=(300, 12)).astype(np.float32),
        test_labels=tested,
        behaviours=("aggression", "social", "nonsocial"),
        seconds=10.0,
    )


@pytest.fixture(scope="module")
def rows(clips: Material) -> list[simulation.Row]:
    return [
        row
        for seed in range(2)
        for name in simulation.STRATEGIES
        for row in simulation.simulate(name, clips, seed, CLIPS, ROUNDS)
    ]


@pytest.mark.parametrize("name", simulation.STRATEGIES)
def test_strategies_choose_unlabelled_clips_each_once(name: str) -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(50, 8))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    labelled = [3, 7, 11]
    later = simulation.STRATEGIES[name][1]
    chosen = later(simulation.Round(directions, labelled, rng.random(50), np.random.default_rng(1)), 10)
    assert len(set(chosen) - set(labelled)) == len(chosen) == 10


def test_runs_of_one_seed_share_the_first_clips_and_repeat_exactly(clips: Material, rows: list[simulation.Row]) -> None:
    firsts = {name: report.curves(rows, name)[:, 0].tolist() for name in simulation.STRATEGIES}
    assert len({str(first) for name, first in firsts.items() if name != "suggest from the first clip on"}) == 1
    again = simulation.simulate("suggest: coverage of the uncertain", clips, 0, CLIPS, ROUNDS)
    assert again == [row for row in rows if (row["strategy"], row["seed"]) == (again[0]["strategy"], 0)]


def test_minutes_are_the_length_of_the_labelled_clips(rows: list[simulation.Row]) -> None:
    np.testing.assert_allclose(report.minutes(rows), [40 / 60, 80 / 60, 120 / 60, 160 / 60])


def test_a_model_can_learn_from_one_behaviour_alone(clips: Material) -> None:
    of_one = clips.labels[:, 0] == 2
    model = simulation.Model(clips.features[of_one], clips.labels[of_one], 3)
    np.testing.assert_array_equal(model.probabilities(clips.test_features)[:, 2], 1)


def test_the_report_has_every_strategy_and_its_gain(
    clips: Material, rows: list[simulation.Row], tmp_path: Path
) -> None:
    path = report.write(tmp_path, rows, [simulation.with_all(clips, seed) for seed in range(2)])
    text = path.read_text()
    assert all(f"| {name} |" in text for name in simulation.STRATEGIES)
    gained = report.curves(rows, "uncertainty alone") - report.curves(rows, "random")
    assert f"{gained[:, 2:].mean():+.3f}" in text
    with (tmp_path / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2 * ROUNDS * len(simulation.STRATEGIES)
    assert (tmp_path / "results.png").stat().st_size > 10_000
