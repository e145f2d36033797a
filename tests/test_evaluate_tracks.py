"""``evaluate`` with tracks as truth, as a person runs it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.cli.settings import load_settings, parse
from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.write import write_recordings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.test_track import untracked

FRAMES = 200


@pytest.fixture
def truth(tmp_path: Path) -> list[Recording]:
    """Two recordings of two mice, in a folder of files of SLEAP."""
    recordings = [replace(one, id=f"m{i}") for i, one in enumerate(simulate_recordings(2, seed=1, frames=FRAMES))]
    apart = np.array([0, 1000], np.float32)[:, None, None]
    recordings = [replace(one, positions=one.positions + apart, confidence=None) for one in recordings]
    write_recordings(tmp_path / "truth", recordings, "slp")
    return recordings


def exchanged(recording: Recording, frame: int) -> Recording:
    """The recording with other names, of which the two are exchanged from a frame on."""
    positions = np.array(recording.positions)
    positions[frame:] = positions[frame:, ::-1]
    return replace(recording, positions=positions, individuals=("x", "y"))


def scored(tmp_path: Path, **changed: object) -> dict:
    settings = {"tracks": (tmp_path / "tracked",), "truth": (tmp_path / "truth",), **changed}
    return evaluate(EvaluateConfig(**settings))  # type: ignore[arg-type]


def test_an_exchange_is_counted_and_placed(truth: list[Recording], command: Callable, tmp_path: Path) -> None:
    native.write(tmp_path / "tracked", [exchanged(truth[0], 150), exchanged(truth[1], FRAMES)])
    done = command("evaluate", "--tracks", tmp_path / "tracked", "--truth", tmp_path / "truth")
    output = tmp_path / "tracked.scores"
    assert str(output) in done.out
    report = json.loads((output / "scores.json").read_text())
    one, other = report["recordings"]
    assert (one["switches"], one["exchanges"], one["switches_per_1000_frames"]) == (2, 1, 10)
    assert one["idf1"] == pytest.approx(0.75)
    assert one["mota"] == pytest.approx(1 - 2 / (2 * FRAMES))
    assert (other["switches"], other["idf1"], other["mota"], other["hota"]) == (0, 1, 1, 1)
    assert report["all"]["idf1"] == pytest.approx(0.875)
    assert report["all"]["switches_per_1000_frames"] == 5
    names = truth[0].individuals
    assert f"m0: {names[0]} is x (75.0%), {names[1]} is y (75.0%)" in done.out
    table = pd.read_csv(output / "scores.csv", index_col="id")
    assert list(table.index) == ["m0", "m1", "all"]
    assert table.loc["m0", "exchanges"] == 1
    switches = pd.read_csv(output / "switches.csv")
    assert list(switches["frame"]) == [150, 150]
    assert set(switches["track_before"]) == set(switches["track"]) == {"x", "y"}
    assert load_settings(EvaluateConfig, output / "settings.yaml").truth == (tmp_path / "truth",)


def test_what_track_makes_of_instances_is_scored_against_them(command: Callable, tmp_path: Path) -> None:
    poses = untracked(tmp_path / "two.slp", frames=60)
    places = Recording("two", poses, ("a", "b"), Skeleton(("nose", "neck", "tail")), 30.0)
    native.write(tmp_path / "truth", [places])
    words = ("--individuals", 2, "--output", tmp_path / "tracked", "--output-format", "sleap-analysis")
    command("track", "--recordings", tmp_path / "two.slp", *words)
    report = scored(tmp_path)
    assert (report["all"]["idf1"], report["all"]["switches"], report["all"]["misses"]) == (1, 0, 0)


def test_jitter_lost_and_made_up_poses_cost_what_they_should(truth: list[Recording], tmp_path: Path) -> None:
    positions = truth[0].positions + np.random.default_rng(0).normal(0, 0.5, truth[0].positions.shape)
    positions[:20, 0] = np.nan
    third = np.full_like(positions[:, :1], np.nan)
    third[:10] = 5000
    third[:10, :, 0] = 5100
    tracked = replace(truth[0], positions=np.concatenate([positions, third], 1), individuals=("p", "q", "r"))
    native.write(tmp_path / "tracked", [tracked])
    (row,) = scored(tmp_path)["recordings"]
    assert (row["misses"], row["false_positives"], row["switches"]) == (20, 10, 0)
    assert row["mota"] == pytest.approx(1 - 30 / (2 * FRAMES))
    assert 0.8 < row["hota"] < 0.98


def test_the_distance_of_a_match_can_be_set(truth: list[Recording], tmp_path: Path) -> None:
    native.write(tmp_path / "tracked", [replace(one, positions=one.positions + 4) for one in truth])
    assert scored(tmp_path, output=tmp_path / "near", match_within=5.0)["all"]["idf1"] == 0
    assert scored(tmp_path, output=tmp_path / "far", match_within=6.0)["all"]["idf1"] == 1


def test_frames_without_a_true_animal_are_named(
    truth: list[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    native.write(tmp_path / "tracked", [truth[0]])
    labelled = np.array(truth[0].positions)
    labelled[50:] = np.nan
    native.write(tmp_path / "part", [replace(truth[0], positions=labelled)])
    report = scored(tmp_path, truth=(tmp_path / "part",))
    assert report["all"]["false_positives"] == 2 * (FRAMES - 50)
    assert "m0: 150 frames with tracked poses have no true animal" in capsys.readouterr().out


def test_scores_of_another_question_are_kept(truth: list[Recording], tmp_path: Path) -> None:
    native.write(tmp_path / "tracked", truth)
    first = scored(tmp_path)
    assert scored(tmp_path) == first
    with pytest.raises(InputError, match="another --videos"):
        scored(tmp_path, videos=("m0",))
    assert scored(tmp_path, videos=("m0",), overwrite=True)["recordings"][0]["id"] == "m0"


def test_one_keypoint_has_no_length(truth: list[Recording], tmp_path: Path) -> None:
    point = [replace(truth[0], positions=truth[0].positions[:, :, :1], skeleton=Skeleton(("nose",)))]
    native.write(tmp_path / "tracked", point)
    native.write(tmp_path / "point", point)
    with pytest.raises(InputError, match="give the distance with --match-within"):
        scored(tmp_path, truth=(tmp_path / "point",))
    assert scored(tmp_path, truth=(tmp_path / "point",), match_within=5.0)["all"]["idf1"] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "found neither of --predictions and --tracks"),
        ("--tracks a --predictions b --truth c", "found both of --predictions and --tracks"),
        ("--tracks a --truth b --channel S1", "--channel: expected it beside --predictions only"),
        ("--tracks a --truth b --bootstrap 9", "--bootstrap: expected it beside --predictions only"),
        ("--predictions a --annotations b --match-within 3", "--match-within: expected it beside --tracks only"),
        ("--tracks a --truth b --match-within 0", "--match-within: expected a number above 0"),
    ],
)
def test_options_that_contradict_each_other_are_refused(words: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse(EvaluateConfig, words.split())


def test_something_to_score_against_and_a_place_for_scores_are_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--truth: expected files"):
        evaluate(EvaluateConfig(tracks=(tmp_path,)))
    with pytest.raises(InputError, match=r"--tracks .*: expected --output for the scores of a pattern"):
        evaluate(EvaluateConfig(tracks=(tmp_path / "*.slp",), truth=(tmp_path,)))
    with pytest.raises(InputError, match="nowhere"):
        scored(tmp_path, tracks=(tmp_path / "nowhere",))
    assert not list(tmp_path.glob("*.scores"))
