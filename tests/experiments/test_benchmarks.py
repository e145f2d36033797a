"""The benchmarks count what they say: steps' own time, tracks as written, memory from outside, growth of known laws."""

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


def test_a_step_inside_another_counts_for_itself_alone() -> None:
    worker, untouched = Worker(), Worker.inner
    stopwatch = Stopwatch(lambda: worker.now)
    with stopwatch.watching([(Worker, "outer", "a"), (Worker, "inner", "b"), (Worker, "numbers", "c")]):
        assert worker.outer() == 1
        for _ in worker.numbers():
            worker.now += 10  # of whoever takes the numbers
        with stopwatch.running("d"):
            assert worker.inner() == 2
    assert Worker.inner is untouched
    assert stopwatch.seconds == {"a": 2, "b": 10, "c": 2, "d": 0}


def test_a_function_that_is_gone_is_told() -> None:
    with pytest.raises(AttributeError, match="gone"), Stopwatch().watching([(Worker, "gone", "step")]):
        pass


def test_what_is_watched_is_there() -> None:
    for owner, name, _ in (*own_turn.WATCHED, *hour_turn.PREDICTING, *hour_turn.EMBEDDING):
        assert callable(getattr(owner, name))


def test_tracks_come_back_from_the_table_as_they_were(tmp_path: Path) -> None:
    recording = simulate_recording(0, 0, 300, "hour")
    (found,) = deeplabcut.read(tracks.write_deeplabcut(tmp_path / "hour.csv", recording))
    assert found.individuals == recording.individuals
    assert found.skeleton.keypoints == recording.skeleton.keypoints
    np.testing.assert_allclose(found.positions, recording.positions, atol=1e-3)


def test_mice_of_any_number_with_keypoints_that_an_encoder_takes() -> None:
    for individuals, keypoints in ((1, 4), (3, 7), (6, tracks.MOST_KEYPOINTS)):
        made = tracks.mice(90, individuals, keypoints)
        assert made.positions.shape == (90, individuals, keypoints, 2)
        assert len(made.individuals) == individuals
        assert len(shared_landmarks([made.skeleton])) >= keypoints
    with pytest.raises(ValueError, match="4 to 20"):
        tracks.mice(90, 2, 21)


def test_tiles_fill_the_frames_with_recordings_of_their_own() -> None:
    found = tracks.tiled(tracks.mice(100), 250, longest=100)
    assert [one.frames for one in found] == [100, 100, 50]
    assert len({one.id for one in found}) == 3
    assert not np.array_equal(found[0].positions, found[1].positions, equal_nan=True)


def test_memory_of_its_own_is_seen_from_outside() -> None:
    small = cost([sys.executable, "-c", "import time; time.sleep(.2)"])
    large = cost([sys.executable, "-c", "import time; kept = b'1' * (64 << 20); time.sleep(.2)"])
    assert large.own - small.own > 60 << 20
    assert large.resident >= large.own
    with pytest.raises(RuntimeError, match="no such thing"):
        cost([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_turn_tells_its_last_line() -> None:
    assert turns.turn([sys.executable, "-c", "print('{}'); print('{\"frames\": 3}')"])["frames"] == 3
    with pytest.raises(RuntimeError, match="no such thing"):
        turns.turn([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_spread_and_exponents_of_known_numbers(tmp_path: Path) -> None:
    assert turns.spread([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"
    counts = [10, 100, 1000, 10000]
    assert growth.exponent(counts, [5, 7, 1000, 100000]) == pytest.approx(2)
    assert growth.exponent(counts, [9, 8, 4, 4]) == pytest.approx(0)
    sizes = [growth.Size(count) for count in counts]
    costs = {"embed": {size: Cost(size.frames / 10, 10**6 * size.frames, 10**9) for size in sizes}}
    shown = growth.table(costs, "frames")
    assert "| embed, s | 1.0 | 10.0 | 100.0 | 1,000.0 | 1.00 |" in shown
    assert "| embed, resident, MB | 1,000 | 1,000 | 1,000 | 1,000 | 0.00 |" in shown
    assert growth_picture.draw(tmp_path / "growth.png", {"frames": costs}).stat().st_size > 1000


def test_the_table_of_pretraining_says_what_is_met() -> None:
    ours = {"seconds": [0.1] * 9, "passes": 4000, "parameters": 400, "with heads": 500}
    peer = {"seconds": [1.0] * 9, "passes": 5000, "parameters": 80, "with heads": 100}
    shown = pretraining.training_table({pretraining.OURS: [ours], pretraining.PEER: [peer]}, 2)
    assert "40,000" in shown
    assert "8.00 times LISBET's frame-passes per second (goal: 5 times, met) with 4.0 times" in shown
    assert "LISBET" not in pretraining.training_table({pretraining.OURS: [ours], pretraining.PEER: []}, 2)


def test_the_hour_and_its_network_are_measured(tmp_path: Path) -> None:
    taught = [simulate_recording(0, 1, 1200, "taught")]
    model = models.make_model(tmp_path, taught, models.make_encoder(tmp_path / "pretrained", taught), trees=3)
    recording = tracks.write_deeplabcut(tmp_path / "hour.csv", simulate_recording(0, 0, 600, "hour"))
    told = hour_turn.measured("predict", recording, model, tmp_path / "output")
    assert {step for _, _, step in hour_turn.PREDICTING} == set(told["steps"])
    assert sum(told["steps"].values()) <= told["seconds"]
    assert {outputs for _, _, outputs in told["shapes"]} == {128}
    assert told["operations"] == sum(2 * frames * inputs * outputs for frames, inputs, outputs in told["shapes"])
    assert hour.machine_rate(told["shapes"], torch.float32, repeats=1) > 0


def test_a_turn_of_pretraining_accounts_for_its_time(tmp_path: Path) -> None:
    tracks.write_folders(tmp_path / "tracks", [simulate_recording(video, 0, 900, "v") for video in range(2)])
    words = ["-m", "experiments.benchmarks.own_turn", "train", tmp_path / "tracks", tmp_path / "encoder", "4"]
    told = turns.turn([sys.executable, *words], cores=1)
    assert len(told["seconds"]) == 3
    assert told["passes"] == 16 * 255
    assert sum(told["split"].values()) == pytest.approx(1)
    assert told["split"]["forward"] > 0.02


def test_lisbet_turn_stands_alone() -> None:
    script = Path(growth.__file__).parent / "lisbet_turn.py"
    assert "ssl_behavior" not in script.read_text().replace("of ssl_behavior", "")
    done = subprocess.run([sys.executable, "-I", script], capture_output=True, text=True)
    assert "not enough values" in done.stderr


def test_the_tables_of_the_hour_say_what_is_met() -> None:
    one = {"seconds": 2.0, "wall": 6.0, "imports": 1.5, "steps": {"read": 0.5, hour_turn.NETWORK: 1.0}}
    one |= {"operations": 10**15, "shapes": [(64, 8, 8)]}
    told = {"predict": {start: [one, one | {"seconds": 5.0, "wall": 9.0}] for start in hour.STARTS}}
    assert "| predict | first start | 3.50 (2.00 to 5.00) | 7.50 (6.00 to 9.00) |" in hour._totals(told, told)
    assert "**not met**" in hour._totals(told, told)
    assert "| rest | 2.00 | 2.00 |" in hour._steps(told)
    assert hour._rates(told, one["shapes"]).endswith("sizes, met.")
