"""The command on files in MABe22's layout, and on recordings with annotations."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.tracks import mabe22, native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.models.checkpoints import load_encoder, save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.probe import ProbeConfig, probe
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.fuzz.forks import FinishedCommand

FRAMES, SEQUENCES = 90, 6
# A mouse on paper, (forward, left) in body lengths, in the order of MABe22's twelve parts.
BODY = {
    "nose": (0.7, 0.0),
    "left_ear": (0.5, 0.1),
    "right_ear": (0.5, -0.1),
    "neck": (0.4, 0.0),
    "left_forepaw": (0.3, 0.2),
    "right_forepaw": (0.3, -0.2),
    "center_back": (0.0, 0.0),
    "left_hindpaw": (-0.3, 0.2),
    "right_hindpaw": (-0.3, -0.2),
    "tail_base": (-0.5, 0.0),
    "tail_middle": (-0.8, 0.0),
    "tail_tip": (-1.1, 0.0),
}
MOUSE = np.array(list(BODY.values()))


def triplet(rng: np.random.Generator, is_fast: bool) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (time, 3, 12, 2) in px of three stiff mice that roam, and when the second runs behind the first."""
    time = np.arange(FRAMES)[:, None]
    pace = (0.06 if is_fast else 0.02) * rng.uniform(0.8, 1.2, 3)
    angle = time * pace + rng.uniform(0, 6, 3)
    centres = rng.uniform(-4, 4, (3, 2)) + 3 * np.stack([np.cos(angle), np.sin(angle)], -1)
    heading = np.stack([-np.sin(angle), np.cos(angle)], -1)
    chases = (time[:, 0] // 15 + rng.integers(2)) % 2 == 0
    centres[chases, 1], heading[chases, 1] = centres[chases, 0] - 1.5 * heading[chases, 0], heading[chases, 0]
    left = np.stack([-heading[..., 1], heading[..., 0]], -1)
    points = centres[:, :, None] + MOUSE[:, :1] * heading[:, :, None] + MOUSE[:, 1:] * left[:, :, None]
    keypoints = 425 + 50 * points + rng.normal(0, 1, points.shape)
    keypoints[rng.random(keypoints.shape[:3]) < 0.05] = 0  # missing, as the challenge writes it
    return keypoints, chases


def tree() -> dict[str, Any]:
    """A training file of the challenge: chases by frame, a strain by sequence, an hour that is a quantity."""
    rng = np.random.default_rng(0)
    sequences = {}
    for i in range(SEQUENCES):
        keypoints, chases = triplet(rng, is_fast=bool(i % 2))
        rows = np.stack([chases, np.full(FRAMES, i % 2), np.full(FRAMES, i / 4)])
        sequences[f"S{i}"] = {"keypoints": keypoints, "annotations": rows}
    return {"sequences": sequences, "vocabulary": ["chases", "strain", "hour"]}


def save(path: Path, content: Any) -> Path:
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The challenge's train.npy, test.npy and labels.npy, recordings of two mice, and an encoder for each."""
    folder = tmp_path_factory.mktemp("probe")
    content = tree()
    save(folder / "train.npy", content)
    bare = {name: {"keypoints": sequence["keypoints"]} for name, sequence in content["sequences"].items()}
    save(folder / "test.npy", {"sequences": bare})
    # In another order than the sequences.
    order = sorted(bare, reverse=True)
    places = {name: (i * FRAMES, (i + 1) * FRAMES) for i, name in enumerate(order)}
    labels = {
        "vocabulary": content["vocabulary"],
        "task_type": ["Discrete", "Discrete", "Continious"],
        "frame_number_map": places,
        "label_array": np.concatenate([content["sequences"][name]["annotations"] for name in order], 1),
    }
    save(folder / "labels.npy", labels)
    save(folder / "frame_number_map.npy", places)
    native.write(folder / "pairs", simulate_recordings(3, seed=3, frames=400))
    for name, skeleton in (("triplets", Skeleton(tuple(BODY))), ("mice", SKELETON)):
        torch.manual_seed(0)
        save_encoder(
            folder / name, Encoder(shared_landmarks([skeleton]), Preparation(frame_rate=30.0), Architecture(16, 3))
        )
    return folder


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> ProbeConfig:
    return ProbeConfig(
        recordings=(folder / "train.npy",), encoder=folder / "triplets", output=tmp_path / "out", device="cpu"
    )


def scores(report: dict[str, Any], name: str = "encoder") -> dict[str, Any]:
    return {task["task"]: task for task in report["embeddings"][name]["tasks"]}


@pytest.mark.slow
def test_the_challenges_own_files(command: Callable[..., FinishedCommand], folder: Path, tmp_path: Path) -> None:
    def run(*words: object) -> str:
        return command("probe", *words).out

    words = ("--encoder", folder / "triplets", "--device", "cpu", "--output", tmp_path / "out")
    output = run("--recordings", folder / "train.npy", *words)
    for text in ("all ordered pairs", "chases", "sequence", "hour", "kinematics", f"{tmp_path / 'out'}"):
        assert text in output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"submission.npy", "scores.json", "scores.png", "settings.yaml"}
    report = json.loads((tmp_path / "out" / "scores.json").read_text())
    by_task = scores(report)
    assert [(task["level"], task["metric"]) for task in by_task.values()] == [
        ("frame", "F1"),
        ("sequence", "F1"),
        ("sequence", "MSE"),
    ]
    assert by_task["chases"]["score"] > by_task["chases"]["chance"]


def test_embeddings_are_scored_again_from_their_file(config: ProbeConfig, tmp_path: Path) -> None:
    usual = probe(config)
    changed = replace(config, encoder=None, embeddings=config.output / "submission.npy", output=tmp_path / "again")
    again = probe(changed)
    assert set(again["embeddings"]) == {"embeddings"}
    assert scores(again, "embeddings") == scores(usual)


def test_labels_in_a_file_of_their_own_and_the_challenges_order(config: ProbeConfig, folder: Path) -> None:
    usual = probe(config)
    own_vectors = mabe22.read_submission(config.output / "submission.npy")
    changed = replace(
        config,
        recordings=(folder / "test.npy",),
        annotations=(folder / "labels.npy",),
        frame_number_map=folder / "frame_number_map.npy",
        overwrite=True,
    )
    assert scores(probe(changed)) == scores(usual)
    places = mabe22.read_frame_number_map(config.output / "submission.npy")
    assert places == mabe22.read_frame_number_map(folder / "labels.npy")
    vectors = mabe22.read_submission(config.output / "submission.npy")
    assert all(np.array_equal(vectors[name], own_vectors[name]) for name in own_vectors)


def test_without_labels_there_are_embeddings_only(
    config: ProbeConfig, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe(config)
    report = probe(replace(config, recordings=(folder / "test.npy",), overwrite=True))
    assert report["embeddings"] == {}
    assert {path.name for path in config.output.iterdir()} == {"submission.npy", "settings.yaml"}
    vectors = mabe22.read_submission(config.output / "submission.npy")
    assert {name: len(rows) for name, rows in vectors.items()} == {f"S{i}": FRAMES for i in range(SEQUENCES)}


def test_the_split_that_is_given(config: ProbeConfig, tmp_path: Path) -> None:
    (tmp_path / "split.json").write_text(json.dumps({"train": ["S0", "S1", "S2", "S3"], "test": ["S4", "S5", "S9"]}))
    by_task = scores(probe(replace(config, split=tmp_path / "split.json")))
    assert {(task["sequences"], task["frames"]) for task in by_task.values()} == {(2, 2 * FRAMES)}


def test_one_task_of_many(config: ProbeConfig) -> None:
    assert list(scores(probe(replace(config, channel="hour")))) == ["hour"]


def test_folds_are_used(config: ProbeConfig) -> None:
    two, six = (scores(probe(replace(config, folds=n, overwrite=True)))["chases"]["score"] for n in (2, 6))
    assert two != six


def test_a_bad_recording_is_left_out_of_the_scores_and_0_in_the_submission(
    config: ProbeConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = tree()
    content["sequences"]["S2"]["keypoints"][:] = 0
    places = {f"S{i}": (i * FRAMES, (i + 1) * FRAMES) for i in range(SEQUENCES)}
    places_of_all = save(tmp_path / "map.npy", places)
    by_task = scores(
        probe(replace(config, recordings=(save(tmp_path / "bad.npy", content),), frame_number_map=places_of_all))
    )
    assert "no recording of S2, whose embeddings are 0" in capsys.readouterr().out
    assert by_task["chases"]["sequences"] == SEQUENCES - 1
    vectors = mabe22.read_submission(config.output / "submission.npy")
    assert not vectors["S2"].any()
    assert vectors["S3"].any()


@pytest.fixture
def dyads(folder: Path, tmp_path: Path, config: ProbeConfig) -> ProbeConfig:
    """Tracks of two mice and annotations of two channels, as a lab has them."""
    for recording in read_recordings(folder / "pairs"):
        bouts = [bout for bout in recording.labels["behaviour"].bouts() if bout.behaviour != "other"]
        night = (Bout(0, 200, "night"),)
        (tmp_path / "annotations").mkdir(exist_ok=True)
        annotations = Annotations(recording.id, {"S1": tuple(bouts), "S2": night}, "none")
        caltech.write(tmp_path / "annotations" / f"{recording.id}_annot.txt", annotations, 30.0)
    return replace(
        config,
        recordings=(folder / "pairs",),
        annotations=(tmp_path / "annotations",),
        channel="S1",
        encoder=folder / "mice",
    )


def test_any_recordings_with_annotations(dyads: ProbeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    by_task = scores(probe(dyads))
    assert {"investigation", "none"} <= set(by_task)
    assert {(task["level"], task["metric"]) for task in by_task.values()} == {("frame", "F1")}
    assert "all ordered pairs" in capsys.readouterr().out
    without = scores(probe(replace(dyads, unscored=("none",), overwrite=True)))
    assert "none" not in without
    assert without["investigation"]["frames"] < by_task["investigation"]["frames"]
    two = probe(replace(dyads, videos=("video000", "video001"), overwrite=True))
    assert scores(two)["none"]["sequences"] == 2


def test_the_pair_that_labels_describe_is_embedded(dyads: ProbeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    group = scores(probe(dyads))
    forwards = scores(probe(replace(dyads, agent="resident", target="intruder", overwrite=True)))
    backwards = scores(probe(replace(dyads, agent="intruder", target="resident", overwrite=True)))
    assert "what intruder does to resident" in capsys.readouterr().out
    assert len({task["investigation"]["score"] for task in (group, forwards, backwards)}) == 3
    probe(replace(dyads, annotations=(), channel=None, overwrite=True))
    assert "what resident does to intruder" in capsys.readouterr().out  # as the recordings' own labels say


def test_the_control_is_the_input_of_the_encoder(config: ProbeConfig) -> None:
    report = probe(config)
    assert set(report["embeddings"]) == {"encoder", "kinematics"}
    assert scores(report) != scores(report, "kinematics")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--recordings train.npy", "expected either --encoder or --embeddings; found neither"),
        ("--recordings train.npy --encoder triplets --embeddings x.npy", "found both"),
        ("--recordings train.npy --encoder nowhere", "nowhere: expected a checkpoint of kind encoder"),
        ("--recordings train.npy --encoder triplets --folds 1", "--folds: expected 2 or more and found 1"),
        ("--recordings train.npy --encoder triplets --channel night", "--channel night: expected a channel"),
        (
            "--recordings test.npy --encoder triplets --channel S1",
            "--channel S1: expected a channel of the recordings' own files, as no --annotations are given; found none",
        ),
        (
            "--recordings train.npy --encoder triplets --split no.json",
            "--split no.json: expected a JSON file of lists of ids; there is no such file",
        ),
        ("--recordings train.npy --encoder triplets --frame-number-map no.npy", "--frame-number-map no.npy: expected"),
        ("--recordings train.npy --embeddings no.npy", "--embeddings no.npy: expected a submission .npy"),
        ("--recordings train.npy --encoder triplets --videos S9", "--videos S9: expected ids among the recordings"),
        ("--recordings train.npy --encoder triplets --unscored x", "--unscored x: expected behaviours; found chases"),
        ("--recordings train.npy --encoder triplets --agent mouse1", "--agent and --target name the pair"),
        ("--recordings train.npy --encoder triplets --split train.npy", "train.npy: expected JSON of lists of ids"),
        ("--recordings train.npy --encoder triplets --split other.json", "found 0 to train on and 1 to score"),
        (
            "--recordings train.npy --encoder triplets --frame-number-map train.npy",
            "train.npy: expected a frame_number_map",
        ),
        ("--recordings train.npy --encoder triplets --frame-number-map few.npy", "found others for S0, S1, S2"),
        ("--recordings train.npy --embeddings few.npy", "few.npy: expected a submission"),
        ("--recordings train.npy --embeddings short.npy", "short.npy: 'S1': expected embeddings of 90 frames"),
        ("--recordings test.npy --embeddings whole.npy", "test.npy: expected labels that vary"),
        ("--recordings test.npy --encoder triplets --annotations short.npy", "short.npy: expected task labels"),
        ("--recordings test.npy --encoder triplets --output taken", "--output taken: found a folder"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused_in_one_sentence(
    words: str, message: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssl_behavior.cli.settings import parse

    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    Path("other.json").write_text('{"train": ["T1"], "test": ["S1"]}')
    save(Path("few.npy"), {"S4": (0, FRAMES)})
    mabe22.write_submission("short.npy", {"S0": (0, FRAMES), "S1": (FRAMES, 100)}, np.zeros((100, 4), np.float32))
    places = {f"S{i}": (i * FRAMES, (i + 1) * FRAMES) for i in range(SEQUENCES)}
    mabe22.write_submission("whole.npy", places, np.zeros((SEQUENCES * FRAMES, 4), np.float32))
    Path("taken").mkdir()
    Path("taken/file").touch()
    with pytest.raises(InputError) as error:
        probe(parse(ProbeConfig, [*words.split(), "--device", "cpu"]))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path("runs").exists()


@pytest.mark.real
def test_the_real_triplet(shared_data: Callable[[str], Path], config: ProbeConfig) -> None:
    probe(replace(config, recordings=(shared_data("mabe22"),)))
    (vectors,) = mabe22.read_submission(config.output / "submission.npy").values()
    assert vectors.shape == (1800, 32)
    assert vectors.std(0).min() > 0


def test_vectors_are_the_encoders(folder: Path, wander: Callable[..., Recording]) -> None:
    from ssl_behavior.probing.groups import pool_pairs

    encoder = load_encoder(folder / "triplets")
    poses = prepare(wander(individuals=2), encoder.landmarks, encoder.preparation)
    source = partial(embed, encoder)
    forwards, backwards = (source(poses, pair).numpy() for pair in ((0, 1), (1, 0)))
    both = np.concatenate([(forwards + backwards) / 2, np.maximum(forwards, backwards)], 1)
    np.testing.assert_allclose(pool_pairs(source, (poses, poses.pairs())), both, atol=1e-6)
