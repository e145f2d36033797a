"""Bad input of each kind ends with one line of error and code 2, and changes no file."""

import hashlib
import os
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssl_behavior.decoding import CalibratedDecoder, Decoder
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import save_encoder, save_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.expert_features import expert_feature_names
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.advice.names import unknown_names

FRAMES = 120
PRETRAIN = (
    "pretrain --steps 2 --batch 2 --clip-seconds 2 --architecture.channels 8 --architecture.blocks 1 "
    "--preparation.frame_rate 30 --device cpu"
)
FINETUNE = (
    "finetune --supervision.steps 2 --supervision.batch 2 --supervision.clip_seconds 2 --supervision.trees 2 "
    "--device cpu"
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good input: tracks with labels, an encoder, a model, predictions."""
    folder = tmp_path_factory.mktemp("inputs")
    recordings = simulate_recordings(3, seed=0, frames=FRAMES)
    native.write(folder / "tracks", recordings)
    calms21.write(folder / "train.npy", recordings)
    calms21.write(folder / "test.npy", recordings, with_labels=False)
    torch.manual_seed(0)
    encoder = Encoder(shared_landmarks([SKELETON]), Preparation(30.0), Architecture(8, 1))
    save_encoder(folder / "encoder", encoder)
    scheme = LabelScheme(
        BEHAVIOURS, "behaviour", ("resident", "intruder"), (), CalibratedDecoder((0.25,) * 4, 1.0, Decoder())
    )
    columns = len(expert_feature_names(encoder.landmarks))
    trees = fit_trees([np.eye(40, columns, dtype=np.float32)], [np.arange(40) % 4], 4, Boosting(trees=2))
    save_model(folder / "model", Model((Classifier(encoder, "linear", 4),), (trees,)), scheme)
    probabilities = np.full((FRAMES, 4), 0.25)
    tables.write(
        folder / "predictions",
        Prediction("video000", BEHAVIOURS, probabilities, np.zeros(FRAMES), 30.0, np.ones(FRAMES)),
    )
    return folder


@pytest.fixture
def at(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with links to the good input, in which the command runs."""
    for path in inputs.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """Path -> hash of the content, of every file below a folder."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for parent, _, names in os.walk(folder, followlinks=True)
        for path in (Path(parent) / name for name in names)
    }


Refused = Callable[..., str]


@pytest.fixture
def refused(at: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must fail, and return its one line of error."""

    def run(line: str, *words: str) -> str:
        before = contents(at)
        capsys.readouterr()
        command, *rest = line.split()
        monkeypatch.setattr(sys, "argv", [command, *rest, *words])
        with pytest.raises(SystemExit) as stopped:
            import_module(f"ssl_behavior.{command}").main()
        printed = capsys.readouterr().err
        assert stopped.value.code == 2, printed
        assert "Traceback" not in printed
        # A progress bar is drawn over with carriage returns, and the message stands on its line.
        lines = [line for line in re.split(r"[\r\n]+", printed) if "error:" in line]
        assert len(lines) == 1, printed
        assert contents(at) == before
        message = lines[0][lines[0].index("error: ") :].removeprefix("error: ")
        assert len(message) > 20, "the message is too short to help"
        # The options that it advises are those of the command, besides what the user typed.
        typed = {word.partition("=")[0].replace("_", "-") for word in (*rest, *words)}
        assert {name for name in unknown_names(message, {command}) if name not in typed} == set()
        return message

    return run


def commands_reading(file: str) -> list[tuple[str, ...]]:
    """The commands that read tracks, with this file as their input."""
    return [
        (PRETRAIN, "--recordings", file, "--output", "out"),
        (FINETUNE, "--encoder", "encoder", "--recordings", file, "--output", "out"),
        ("predict --device cpu", "--model", "model", "--recordings", file, "--output", "out"),
    ]


def test_good_input_is_not_refused(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests would prove nothing if these commands failed anyway."""
    for words in commands_reading("tracks"):
        command, *rest = [part for word in words for part in word.split()]
        monkeypatch.setattr(sys, "argv", [command, *rest[:-1], f"out/{command}"])
        import_module(f"ssl_behavior.{command}").main()
        assert any((at / "out" / command).iterdir())


@pytest.mark.parametrize("command", [0, 1, 2])
def test_a_missing_or_empty_folder_is_named(command: int, at: Path, refused: Refused) -> None:
    assert "nowhere" in refused(*commands_reading("nowhere")[command])
    (at / "empty").mkdir()
    assert "empty" in refused(*commands_reading("empty")[command])
    assert "nothing*.csv" in refused(*commands_reading("nothing*.csv")[command])


@pytest.mark.parametrize("command", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b"hello,world\n1,2\n"), ("a.npy", b"\x00" * 50), ("a.h5", b"")]
)
def test_a_file_of_an_unknown_format_is_named(
    command: int, name: str, content: bytes, at: Path, refused: Refused
) -> None:
    (at / name).write_bytes(content)
    message = refused(*commands_reading(name)[command])
    assert name in message
    assert re.search("expected|empty|cannot be read", message)


def sequences(at: Path, name: str, **fields: Any) -> str:
    """A challenge file whose sequences are all wrong: one that is good would be read without the others."""
    content = {
        f"s{i}": {"keypoints": np.random.default_rng(i).uniform(0, 500, (FRAMES, 2, 2, 7)), "annotator_id": 0}
        for i in range(2)
    }
    for sequence in content.values():
        sequence["annotations"] = np.arange(FRAMES) // 10 % 4
    for sequence in content.values():
        sequence.update(fields)
    whole: Any = {"vocabulary": {name: i for i, name in enumerate(BEHAVIOURS)}, "sequences": content}
    np.save(at / name, whole, allow_pickle=True)
    return name


@pytest.mark.parametrize("command", [0, 1, 2])
@pytest.mark.parametrize(
    "keypoints",
    [np.zeros((FRAMES, 2, 3, 7)), np.zeros((FRAMES, 14)), np.zeros((FRAMES, 2, 2, 5)), np.array(["a"] * FRAMES)],
    ids=["space", "dimensions", "keypoints", "text"],
)
def test_keypoints_of_a_wrong_shape_are_named_by_file_and_sequence(
    command: int, keypoints: np.ndarray, at: Path, refused: Refused
) -> None:
    message = refused(*commands_reading(sequences(at, "bad.npy", keypoints=keypoints))[command])
    assert "bad.npy" in message
    assert "s0" in message


def test_labels_out_of_range_or_of_a_wrong_length_are_named(at: Path, refused: Refused) -> None:
    command = commands_reading("bad.npy")[1]
    sequences(at, "bad.npy", annotations=np.full(FRAMES, 7))
    message = refused(*command)
    assert "bad.npy" in message
    assert "7" in message
    sequences(at, "bad.npy", annotations=np.zeros(FRAMES - 5, int))
    assert str(FRAMES - 5) in refused(*command)


def annotate(at: Path, *names: str) -> str:
    bouts = tuple(Bout(s, s + 20, BEHAVIOURS[s // 20 % 4]) for s in range(0, FRAMES, 20))
    for name in names:
        caltech.write(at / "annotations" / f"{name}_annot.txt", Annotations(name, {"S1": bouts}, frames=FRAMES))
    return "annotations"


def test_annotations_without_their_tracks_are_named(at: Path, refused: Refused) -> None:
    annotate(at, "video000", "video001", "stranger")
    message = refused(*commands_reading("tracks")[1], "--annotations", "annotations")
    assert "stranger" in message
    assert "video000" not in message


def test_annotations_and_tracks_without_a_common_video_are_both_named(at: Path, refused: Refused) -> None:
    annotate(at, "stranger")
    message = refused(*commands_reading("tracks")[1], "--annotations", "annotations")
    assert "stranger" in message
    assert "video000" in message


def test_tracks_without_labels_cannot_be_fine_tuned_on(refused: Refused) -> None:
    assert "test.npy" in refused(*commands_reading("test.npy")[1])


@pytest.mark.parametrize("command", [0, 1])
def test_a_recording_shorter_than_a_clip_is_named(command: int, at: Path, refused: Refused) -> None:
    short = simulate_recordings(1, seed=4, frames=40, prefix="short")
    native.write(at / "mixed", [*simulate_recordings(2, seed=0, frames=FRAMES), *short])
    message = refused(*commands_reading("mixed")[command])
    assert "short000" in message
    assert "40 frames" in message
    assert "60" in message


@pytest.mark.parametrize("command", [0, 1, 2])
def test_a_recording_without_visible_animals_is_named(command: int, at: Path, refused: Refused) -> None:
    good, dark = simulate_recordings(2, seed=0, frames=FRAMES)
    dark = replace(dark, id="dark", positions=np.full_like(dark.positions, np.nan))
    native.write(at / "mixed", [good, dark])
    assert "dark" in refused(*commands_reading("mixed")[command])


def test_a_recording_with_other_keypoints_is_named(at: Path, refused: Refused) -> None:
    good, other = simulate_recordings(2, seed=0, frames=FRAMES)
    skeleton = replace(other.skeleton, keypoints=("snoot", *other.skeleton.keypoints[1:]), edges=())
    native.write(at / "mixed", [good, replace(other, skeleton=skeleton)])
    message = refused(*commands_reading("mixed")[1])
    assert "snoot" in message
    assert "video001" in message


def test_keypoints_unknown_to_the_encoder_are_named(at: Path, refused: Refused) -> None:
    (recording,) = simulate_recordings(1, seed=0, frames=FRAMES)
    skeleton = recording.skeleton
    names = tuple(f"p{i}" for i in range(len(skeleton.keypoints)))
    native.write(at / "strange", [replace(recording, skeleton=replace(skeleton, keypoints=names, edges=()))])
    for command in commands_reading("strange")[1:]:
        message = refused(*command)
        assert "p0" in message
        assert "--skeleton" in message


def test_a_checkpoint_of_the_wrong_kind_is_named(refused: Refused) -> None:
    tracks = ("--recordings", "tracks", "--output", "out")
    message = refused(FINETUNE, "--encoder", "model", *tracks)
    assert "kind encoder" in message
    assert "found one of kind model" in message
    message = refused("predict --device cpu", "--model", "encoder", *tracks)
    assert "kind model" in message
    assert "found one of kind encoder" in message
    assert "tracks" in refused("predict --device cpu", "--model", "tracks", *tracks)


@pytest.mark.parametrize("damage", ["weights", "config", "trees"])
def test_a_damaged_checkpoint_is_named(damage: str, at: Path, inputs: Path, refused: Refused) -> None:
    kinds = ("model",) if damage == "trees" else ("encoder", "model")
    for kind in kinds:
        (at / f"half-{kind}").mkdir()
        for path in (inputs / kind).iterdir():
            content = path.read_bytes()
            if damage in path.name:
                content = content[: len(content) // 2]
            (at / f"half-{kind}" / path.name).write_bytes(content)
    tracks = ("--recordings", "tracks", "--output", "out")
    if "encoder" in kinds:
        assert "half-encoder" in refused(FINETUNE, "--encoder", "half-encoder", *tracks)
    assert "half-model" in refused("predict --device cpu", "--model", "half-model", *tracks)


@pytest.mark.parametrize("command", [0, 1, 2])
def test_an_output_in_use_is_not_overwritten(command: int, at: Path, refused: Refused) -> None:
    (at / "out").mkdir()
    (at / "out" / "notes.txt").write_text("dear")
    message = refused(*commands_reading("tracks")[command])
    assert "--output out" in message
    assert "--overwrite" in message
    (at / "taken").write_text("a file")
    assert "taken" in refused(*commands_reading("tracks")[command][:-1], "taken")


def test_an_existing_submission_is_not_overwritten(at: Path, refused: Refused) -> None:
    (at / "submission.npy").write_bytes(b"precious")
    message = refused("predict --device cpu --model model --recordings test.npy --output submission.npy")
    assert "--overwrite" in message


def test_a_submission_of_other_lengths_than_the_sample_is_not_written(at: Path, refused: Refused) -> None:
    sample: Any = {"video000": [0] * FRAMES, "video001": [0] * 7, "video002": [0] * FRAMES}
    np.save(at / "sample.npy", sample, allow_pickle=True)
    message = refused(
        "predict --device cpu --model model --recordings test.npy --output s.npy --sample-submission sample.npy"
    )
    assert "video001" in message
    assert not (at / "s.npy").exists()


class Calls:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize("command", [0, 1, 2])
def test_a_pickle_that_calls_a_function_is_refused(command: int, at: Path, refused: Refused) -> None:
    whole: Any = {"sequences": {"s0": {"keypoints": Calls()}}}
    np.save(at / "evil.npy", whole, allow_pickle=True)
    message = refused(*commands_reading("evil.npy")[command])
    assert "evil.npy" in message
    assert re.search("getattr|Path|touch", message)
    assert not (at / "harm").exists()
    # Control: the standard unpickler calls it.
    pickle.loads(pickle.dumps(Calls()))
    assert (at / "harm").exists()


def test_predictions_or_annotations_that_do_not_exist_cannot_be_evaluated(at: Path, refused: Refused) -> None:
    annotate(at, "video000")
    (at / "empty").mkdir()
    annotations = ("--annotations", "annotations")
    for folder in ("nowhere", "empty", "encoder"):
        assert folder in refused("evaluate", "--predictions", folder, *annotations)
    assert "empty" in refused("evaluate", "--predictions", "predictions", "--annotations", "empty")
    annotate(at, "video000")
    message = refused("evaluate", "--predictions", "predictions", *annotations, "--channel", "S9")
    assert "S9" in message
    assert "S1" in message


@pytest.mark.parametrize("command", [0, 1, 2])
def test_bad_files_among_many_are_skipped_if_asked(
    command: int, at: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = simulate_recordings(3, seed=0, frames=FRAMES)
    dark = replace(good[0], id="dark", positions=np.full_like(good[0].positions, np.nan))
    short = replace(simulate_recordings(1, seed=4, frames=20)[0], id="short")
    native.write(at / "mixed", [*good, dark, *([] if command == 2 else [short])])
    (at / "mixed" / "broken.csv").write_text("hello,world\n")
    words = commands_reading("mixed")[command]
    assert "broken.csv" in refused(*words)
    name, *rest = [part for word in words for part in word.split()]
    monkeypatch.setattr(sys, "argv", [name, *rest, "--skip-bad-files"])
    import_module(f"ssl_behavior.{name}").main()
    printed = capsys.readouterr()
    skipped = [line for line in re.split(r"[\r\n]+", printed.out + printed.err) if "skipped:" in line]
    assert len(skipped) == (2 if command == 2 else 3)
    assert all(any(bad in line for line in skipped) for bad in ("broken.csv", "dark"))
    assert any((at / "out").iterdir())


def test_skipping_every_file_is_an_error(at: Path, refused: Refused) -> None:
    (at / "bad").mkdir()
    (at / "bad" / "broken.csv").write_text("hello,world\n")
    for words in commands_reading("bad"):
        assert "broken.csv" in refused(*words, "--skip-bad-files")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (0, "--steps 0"),
        (0, "--batch 0"),
        (0, "--clip-seconds 0"),
        (0, "--architecture.channels 0"),
        (0, "--architecture.blocks -1"),
        (0, "--preparation.frame_rate 0"),
        (0, "--objective.masked_weight 0 --objective.summaries_weight 0"),
        (0, "--objective.masking.seconds 0"),
        (0, "--frame-rate -3"),
        (0, "--format betamax"),
        (1, "--supervision.steps 0"),
        (1, "--supervision.batch 0"),
        (1, "--supervision.clip_seconds 0"),
        (1, "--supervision.folds 0"),
        (1, "--supervision.trees -1"),
        (1, "--supervision.dropout 1.5"),
        (1, "--supervision.label-smoothing -0.1"),
        (1, "--supervision.learning-rate 0"),
        (1, "--supervision.mixup -1"),
        (1, "--seed -1"),
        (0, "--objective.masking.animals 1"),
        (0, "--objective.summaries-weight -1"),
        (0, "--architecture.dropout 2"),
        (0, "--objective.augmentation.warp 1"),
        (1, "--supervision.tune everything"),
    ],
)
def test_a_setting_out_of_bounds_is_an_error_that_names_its_option(command: int, option: str, refused: Refused) -> None:
    def plain(words: str) -> str:
        return words.replace("_", " ").replace("-", " ")

    message = plain(refused(*commands_reading("tracks")[command], *option.split()))
    for name in option.split()[::2]:
        assert plain(name.removeprefix("--")) in message
