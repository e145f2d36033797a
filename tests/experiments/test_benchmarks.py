"""Benchmarks measure correctly: times of steps, tracks in files, memory of processes, known laws of growth."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.benchmarks import growth, growth_picture, hour, hour_turn, models, own_turn, pretraining, tracks, turns
from experiments.benchmarks.memory import Cost, cost
from experiments.benchmarks.stopwatch import Stopwatch
from ssl_behavior.formats.tracks import deeplabcut
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.simulation.simulator import simulate_recording


class Worker:
    """Takes as long as it says, by a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0

    def outer(self) -> int:
        self.now += 2
        self.inner()
        return 1

    def inner(self) -> int:
        self.now += 5
        return 2

    def numbers(self) -> Iterator[int]:
        for number in range(2):
            self.now += 1
            yield number


def test_time_of_a_step_within_another_counts_for_the_inner_step_only() -> None:
    worker, untouched = Worker(), Worker.inner
    stopwatch = Stopwatch(lambda: worker.now)
    with stopwatch.watching([(Worker, "outer", "a"), (Worker, "inner", "b"), (Worker, "numbers", "c")]):
        assert worker.outer() == 1
        for _ in worker.numbers():
            worker.now += 10  # counts for the loop that takes the numbers
        with stopwatch.running("d"):
            assert worker.inner() == 2
    assert Worker.inner is untouched
    assert stopwatch.seconds == {"a": 2, "b": 10, "c": 2, "d": 0}


def test_watching_a_function_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AttributeError, match="gone"), Stopwatch().watching([(Worker, "gone", "step")]):
        pass


def test_every_watched_function_exists() -> None:
    for owner, name, _ in (*own_turn.WATCHED, *hour_turn.PREDICTING, *hour_turn.EMBEDDING):
        assert callable(getattr(owner, name))


def test_a_deeplabcut_table_holds_the_tracks_that_were_written(tmp_path: Path) -> None:
    recording = simulate_recording(0, 0, 300, "hour")
    (read_back,) = deeplabcut.read(tracks.write_deeplabcut(tmp_path / "hour.csv", recording))
    assert read_back.individuals == recording.individuals
    assert read_back.skeleton.keypoints == recording.skeleton.keypoints
    np.testing.assert_allclose(read_back.positions, recording.positions, atol=1e-3)


def test_mice_have_any_number_of_individuals_and_keypoints_with_landmarks() -> None:
    for individuals, keypoints in ((1, 4), (3, 7), (6, tracks.MOST_KEYPOINTS)):
        recording = tracks.mice(90, individuals, keypoints)
        assert recording.positions.shape == (90, individuals, keypoints, 2)
        assert len(recording.individuals) == individuals
        assert len(shared_landmarks([recording.skeleton])) >= keypoints
    with pytest.raises(ValueError, match="4 to 20"):
        tracks.mice(90, 2, 21)


def test_tiles_have_the_frames_asked_for_and_differ() -> None:
    recordings = tracks.tiled(tracks.mice(100), 250, longest=100)
    assert [recording.frames for recording in recordings] == [100, 100, 50]
    assert len({recording.id for recording in recordings}) == 3
    assert not np.array_equal(recordings[0].positions, recordings[1].positions, equal_nan=True)


def test_the_own_memory_of_a_command_is_measured_from_outside() -> None:
    small = cost([sys.executable, "-c", "import time; time.sleep(.2)"])
    large = cost([sys.executable, "-c", "import time; kept = b'1' * (64 << 20); time.sleep(.2)"])
    assert large.own - small.own > 60 << 20
    assert large.resident >= large.own
    with pytest.raises(RuntimeError, match="no such thing"):
        cost([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_turn_returns_the_json_of_its_last_line() -> None:
    assert turns.turn([sys.executable, "-c", "print('{}'); print('{\"frames\": 3}')"])["frames"] == 3
    with pytest.raises(RuntimeError, match="no such thing"):
        turns.turn([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_spread_and_exponents_are_those_of_known_numbers(tmp_path: Path) -> None:
    assert turns.spread([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"
    counts = [10, 100, 1000, 10000]
    assert growth.exponent(counts, [5, 7, 1000, 100000]) == pytest.approx(2)
    assert growth.exponent(counts, [9, 8, 4, 4]) == pytest.approx(0)
    sizes = [growth.Size(count) for count in counts]
    costs = {"embed": {size: Cost(size.frames / 10, 10**6 * size.frames, 10**9) for size in sizes}}
    table = growth.table(costs, "frames")
    assert "| embed, s | 1.0 | 10.0 | 100.0 | 1,000.0 | 1.00 |" in table
    assert "| embed, resident, MB | 1,000 | 1,000 | 1,000 | 1,000 | 0.00 |" in table
    assert growth_picture.draw(tmp_path / "growth.png", {"frames": costs}).stat().st_size > 1000


def test_the_table_of_pretraining_says_whether_the_goal_is_met() -> None:
    ours = {"seconds": [0.1] * 9, "passes": 4000, "parameters": 400, "with heads": 500}
    peer = {"seconds": [1.0] * 9, "passes": 5000, "parameters": 80, "with heads": 100}
    table = pretraining.training_table({pretraining.OURS: [ours], pretraining.PEER: [peer]}, 2)
    assert "40,000" in table
    assert "8.00 times LISBET's frame-passes per second (goal: 5 times, met) with 4.0 times" in table
    assert "LISBET" not in pretraining.training_table({pretraining.OURS: [ours], pretraining.PEER: []}, 2)


def test_the_hour_and_its_network_are_measured(tmp_path: Path) -> None:
    recordings = [simulate_recording(0, 1, 1200, "taught")]
    model = models.make_model(tmp_path, recordings, models.make_encoder(tmp_path / "pretrained", recordings), trees=3)
    recording = tracks.write_deeplabcut(tmp_path / "hour.csv", simulate_recording(0, 0, 600, "hour"))
    result = hour_turn.measure("predict", recording, model, tmp_path / "output")
    assert {step for _, _, step in hour_turn.PREDICTING} == set(result["steps"])
    assert sum(result["steps"].values()) <= result["seconds"]
    assert {outputs for _, _, outputs in result["shapes"]} == {128}
    assert result["operations"] == sum(2 * frames * inputs * outputs for frames, inputs, outputs in result["shapes"])
    assert hour.machine_rate(result["shapes"], torch.float32, repeats=1) > 0


def test_a_turn_of_pretraining_accounts_for_its_time(tmp_path: Path) -> None:
    tracks.write_folders(tmp_path / "tracks", [simulate_recording(video, 0, 900, "v") for video in range(2)])
    words = ["-m", "experiments.benchmarks.own_turn", "train", tmp_path / "tracks", tmp_path / "encoder", "4"]
    result = turns.turn([sys.executable, *words], cores=1)
    assert len(result["seconds"]) == 3
    assert result["passes"] == 16 * 255
    assert sum(result["split"].values()) == pytest.approx(1)
    assert result["split"]["forward"] > 0.02


def test_the_script_for_lisbet_imports_nothing_of_the_project() -> None:
    script = Path(growth.__file__).parent / "lisbet_turn.py"
    assert "ssl_behavior" not in script.read_text().replace("of ssl_behavior", "")
    done = subprocess.run([sys.executable, "-I", script], capture_output=True, text=True)
    assert "not enough values" in done.stderr


def test_the_tables_of_the_hour_say_whether_goals_are_met() -> None:
    turn_result = {"seconds": 2.0, "wall": 6.0, "imports": 1.5, "steps": {"read": 0.5, hour_turn.NETWORK: 1.0}}
    turn_result |= {"operations": 10**15, "shapes": [(64, 8, 8)]}
    results = {"predict": {start: [turn_result, turn_result | {"seconds": 5.0, "wall": 9.0}] for start in hour.STARTS}}
    assert "| predict | first start | 3.50 (2.00 to 5.00) | 7.50 (6.00 to 9.00) |" in hour._totals(results, results)
    assert "**not met**" in hour._totals(results, results)
    assert "| rest | 2.00 | 2.00 |" in hour._steps(results)
    assert hour._rates(results, turn_result["shapes"]).endswith("sizes, met.")
