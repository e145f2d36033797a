"""A text and its advice as a row of a table, the commands of the tables, and what people do to files."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

import ssl_behavior
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.tracks import native
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.advice.names import unknown_names

WRITTEN = Path(__file__).parents[1] / "versions" / ssl_behavior.__version__
CHECK = "check --recordings tracks"
CONVERT = "convert --recordings tracks"
PREDICT = "predict --device cpu --model model --recordings tracks"
PRETRAIN = (
    "pretrain --recordings tracks --output out --steps 1 --batch 2 --clip-seconds 2 --architecture.channels 8 "
    "--architecture.blocks 1 --device cpu --probe-every 0"
)
FINETUNE = (
    "finetune --encoder encoder --recordings tracks --output out --supervision.steps 1 --supervision.batch 2 "
    "--supervision.clip-seconds 2 --supervision.trees 1 --device cpu"
)
CURVE = (
    "label_curve --encoder encoder --recordings many --output out --variants expert-features --draws 1 --sizes 1 "
    "--supervision.trees 1 --supervision.clip-seconds 2 --device cpu"
)
EVALUATE = "evaluate --predictions predictions --annotations annotations --bootstrap 0"
EMBED = "embed --encoder encoder --recordings tracks --device cpu --precision float32 --output atlas"
CLUSTER = "cluster --atlas atlas"
SEARCH = "search --atlas atlas --video video000"
SUGGEST = "suggest --atlas atlas --seconds 1 --top 2 --output out"
PROBE = "probe --recordings tracks --output out --folds 2 --device cpu"

Change = Callable[[Path], object]
"""What a person does to files, given the folder in which the commands run."""


@dataclass(frozen=True)
class Row:
    """A text and its advice.

    Attributes:
        wrong: words of a command that is refused.
        says: pattern of the advice in its message; groups are what a person copies.
        then: what the advice tells to do, each a way of its own: changes of files, and words in which ``{0}`` stands
            for the first group; the last of each way is a command that must succeed.
        before: the change of files, or the command, that leads to the message; empty if good input does.
    """

    wrong: str
    says: str
    then: tuple[str | tuple[str | Change, ...], ...]
    before: str | Change = ""


def ways(rows: Mapping[str, Row]) -> list[tuple[str, int]]:
    """Name of a row and number of a way to follow its advice, for each way."""
    return [(name, way) for name, row in rows.items() for way in range(len(row.then))]


def follow(row: Row, way: int, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the command that is refused, then do as its message says; that must succeed."""
    if callable(row.before):
        row.before(at)
    elif row.before:
        assert run(row.before) == 0
    capsys.readouterr()
    assert run(row.wrong) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    advice = re.search(row.says, message)
    assert advice is not None, message
    assert set(unknown_names(message, {row.wrong.split()[0]})) <= set(row.wrong.split())
    steps = row.then[way]
    for step in (steps,) if isinstance(steps, str) else steps:
        if callable(step):
            step(at)
        else:
            line = step.format(*advice.groups())
            assert run(line) == 0, f"{line}: {capsys.readouterr().err}"


def run(line: str) -> int:
    """Run a command as the shell does, and return its exit code."""
    command, *words = shlex.split(line.removeprefix("ssl-behavior "))
    try:
        importlib.import_module(f"ssl_behavior.{command}").main(words)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def damage(path: Path, content: str = "damaged") -> None:
    path.write_text(content)


def leave_unfinished(folder: Path, run_id: str = "another run") -> None:
    (folder / ".unfinished").mkdir(parents=True)
    damage(folder / ".unfinished" / "of", run_id)


def of_another_encoder(atlas: Path) -> None:
    about = yaml.safe_load((atlas / "atlas.yaml").read_text())
    (atlas / "atlas.yaml").write_text(yaml.safe_dump({**about, "encoder": "another"}))


def renamed_keypoints(at: Path, *names: str) -> None:
    recording = record("video000", 240)
    shutil.rmtree(at / "tracks")
    kept = recording.positions[:, :, : len(names)]
    native.write(at / "tracks", [replace(recording, positions=kept, skeleton=Skeleton(names), confidence=None)])


def record(name: str, frames: int, seed: int = 5) -> Recording:
    (recording,) = simulate_recordings(1, seed=seed, frames=frames)
    return replace(recording, id=name, labels={})


def annotate(at: Path, name: str, *behaviours: str, frames: int = 240) -> None:
    length = frames // len(behaviours)
    bouts = tuple(Bout(i * length, (i + 1) * length, one) for i, one in enumerate(behaviours))
    annotations = Annotations(name, {"S1": bouts}, frames=frames, vocabulary={"S1": behaviours})
    (at / "annotations").mkdir(exist_ok=True)
    caltech.write(at / "annotations" / f"{name}_annot.txt", annotations, 30.0)
