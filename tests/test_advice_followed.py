"""Each message's advice, followed to the letter, leads on: a row per text, with the command that is refused first."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from ssl_behavior.atlas.clusters import Clusters
from ssl_behavior.formats.annotations import caltech
from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.calms21.submissions import write_submission
from ssl_behavior.predictions import tables
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.simulation.simulator import simulate_recordings
from tests.test_advice import unknown_names

WRITTEN = Path(__file__).parent / "versions" / "0.1.0"
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


def record(name: str, frames: int, seed: int = 5) -> Recording:
    (recording,) = simulate_recordings(1, seed=seed, frames=frames)
    return replace(recording, id=name, labels={})


def annotate(at: Path, name: str, *behaviours: str, frames: int = 240) -> None:
    length = frames // len(behaviours)
    bouts = tuple(Bout(i * length, (i + 1) * length, one) for i, one in enumerate(behaviours))
    annotations = Annotations(name, {"S1": bouts}, frames=frames, vocabulary={"S1": behaviours})
    (at / "annotations").mkdir(exist_ok=True)
    caltech.write(at / "annotations" / f"{name}_annot.txt", annotations, 30.0)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good input of every command, in a folder whose name has blanks."""
    folder = Path(shutil.copytree(WRITTEN, tmp_path_factory.mktemp("advice") / "my data"))
    shutil.rmtree(folder / "tracks")
    labels = np.arange(240, dtype=np.int16) // 40 % 2
    tracks = [record(f"video{i:03d}", 240, 5 + i) for i in range(5)]
    tracks = [one.with_labels({"behaviour": Labels(("attack", "other"), labels)}) for one in tracks]
    native.write(folder / "tracks", tracks[:2])
    native.write(folder / "many", tracks)
    calms21.write(folder / "test.npy", tracks[:2], with_labels=False)
    write_submission(folder / "sample.npy", {one.id: np.zeros(240, np.int16) for one in tracks[:2]})
    annotate(folder, "video000", "attack", "mount", "other")
    native.write(folder / "free", [record("video009", 240, 9)])
    shutil.copytree(folder / "atlas", folder / "other atlas")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(EMBED.replace("tracks", "free")) == 0
    return folder


@pytest.fixture
def at(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy in which the commands run; clusters are not fitted, as that takes seconds, but taken from a file."""
    folder = Path(shutil.copytree(inputs, tmp_path / "my data"))
    fitted = Clusters.load(folder / "other atlas" / "clusters" / "fitted.safetensors")
    module = importlib.import_module("ssl_behavior.cluster")
    monkeypatch.setattr(module, "fit_clusters", lambda atlas, *_: replace(fitted, encoder=atlas.meta.encoder))
    monkeypatch.chdir(folder)
    return folder


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


def of_another_encoder(atlas: Path) -> None:
    about = yaml.safe_load((atlas / "atlas.yaml").read_text())
    (atlas / "atlas.yaml").write_text(yaml.safe_dump({**about, "encoder": "another"}))


def renamed_keypoints(at: Path, *names: str) -> None:
    recording = record("video000", 240)
    shutil.rmtree(at / "tracks")
    kept = recording.positions[:, :, : len(names)]
    native.write(at / "tracks", [replace(recording, positions=kept, skeleton=Skeleton(names), confidence=None)])


ROWS = {
    "a word without an option": Row("check tracks", r"as in (--recordings tracks)", ("check {0}",)),
    "a short option": Row("predict -m model", r"see (--help)", ("predict {0}",)),
    "a misspelt option": Row("check --recordngs tracks", r"did you mean (--recordings)\?", ("check {0} tracks",)),
    "a missing option": Row("check", r"missing: (--recordings)", ("check {0} tracks",)),
    "an output that names a file": Row(
        f"{CONVERT} --output a.csv", "choose another --output", (f"{CONVERT} --output a",)
    ),
    "an output below a file": Row(
        f"{CONVERT} --output sample.npy/a", "choose another --output", (f"{CONVERT} --output a",)
    ),
    "an output that is taken": Row(
        f"{CONVERT} --output encoder",
        "choose another --output, or add (--overwrite)",
        (f"{CONVERT} --output a", f"{CONVERT} --output encoder {{0}}"),
    ),
    "an output of an unfinished run": Row(
        f"{CONVERT} --output half",
        "other settings; choose another --output, or add (--overwrite)",
        (f"{CONVERT} --output a", f"{CONVERT} --output half {{0}}"),
        lambda at: ((at / "half" / ".unfinished").mkdir(parents=True), damage(at / "half" / ".unfinished" / "of")),
    ),
    "a file that is taken": Row(
        f"{SEARCH} --frames 0:60 --output hits.csv",
        "choose another --output, or add (--overwrite)",
        (f"{SEARCH} --frames 0:60 --output a.csv", f"{SEARCH} --frames 0:60 --output hits.csv {{0}}"),
        lambda at: damage(at / "hits.csv"),
    ),
    "an encoder without measurements": Row(
        f"{CHECK} --encoder encoder",
        "pretrain again, or leave out --encoder",
        ((f"{PRETRAIN} --overwrite", f"{CHECK} --encoder out"), CHECK),
    ),
    "a folder that is no checkpoint": Row(
        "predict --model tracks --recordings tracks --output a",
        "give the --output of a finished run",
        (f"{PREDICT} --output a",),
    ),
    "a checkpoint of another kind": Row(
        "predict --model encoder --recordings tracks --output a",
        r"\(ssl-behavior (finetune) writes them\)",
        ((FINETUNE, PREDICT.replace("--model model", "--model out") + " --output a"),),
    ),
    "a checkpoint of an unfinished run": Row(
        FINETUNE.replace(" out", " m").replace("--encoder encoder", "--encoder out"),
        "start the same command again",
        ((PRETRAIN, FINETUNE.replace(" out", " m").replace("--encoder encoder", "--encoder out")),),
        lambda at: (
            (at / "out" / ".unfinished").mkdir(parents=True),
            damage(at / "out" / ".unfinished" / "of", "pretrain"),
        ),
    ),
    "a damaged checkpoint": Row(
        f"{PREDICT} --output a",
        "copy it again, or run the command that wrote it again with (--overwrite)",
        (
            (lambda at: shutil.copytree(WRITTEN / "model", at / "model", dirs_exist_ok=True), f"{PREDICT} --output a"),
            (FINETUNE.replace("--output out", "--output model") + " {0}", f"{PREDICT} --output a"),
        ),
        lambda at: damage(at / "model" / "weights.safetensors"),
    ),
    "a GPU that is not there": Row(
        PREDICT.replace("cpu", "cuda"), "use (--device cpu) or auto", (f"{PREDICT} {{0}} --output a",)
    ),
    "a sample submission for tables": Row(
        f"{PREDICT} --sample-submission sample.npy --output a",
        r"e\.g\. `(--output submission\.npy)`",
        (f"{PREDICT} --sample-submission sample.npy {{0}}",),
    ),
    "predictions of another model": Row(
        f"{PREDICT} --videos video001 --overwrite",
        r"of videos (video000); predict these videos too, or choose another --output",
        (f"{PREDICT} --videos video001 {{0}} --overwrite", f"{PREDICT} --videos video001 --output a"),
        lambda at: damage(at / "predictions" / "written.yaml", "model: another\n"),
    ),
    "a review that a person edited": Row(
        f"{PREDICT} --overwrite",
        r"found (video000\.boris) in (\S+) edited since; move these elsewhere to keep them, or choose another --output",
        (
            (lambda at: (at / "predictions/review/video000.boris").rename(at / "mine.boris"), f"{PREDICT} --overwrite"),
            f"{PREDICT} --output a",
        ),
        lambda at: damage(at / "predictions" / "review" / "video000.boris"),
    ),
    "unknown keypoints": Row(
        PREDICT + " --output a",
        r"(--skeleton) FILE, of lines such as '(\w+: nose)'",
        ((lambda at: damage(at / "names.yaml", "k1: nose\nk2: tail base\n"), PREDICT + " --output a {0} names.yaml"),),
        lambda at: renamed_keypoints(at, "k1", "k2"),
    ),
    "two keypoints of one meaning": Row(
        PREDICT + " --output a",
        r"(--skeleton) FILE, whose line is '(\w+: other)'",
        ((lambda at: damage(at / "names.yaml", "snout: other\n"), PREDICT + " --output a {0} names.yaml"),),
        lambda at: renamed_keypoints(at, "nose", "snout", "tail base"),
    ),
    "keypoints without a direction": Row(
        PREDICT + " --output a",
        r"say which with (--skeleton) FILE",
        ((lambda at: damage(at / "names.yaml", "rump: tail base\n"), PREDICT + " --output a {0} names.yaml"),),
        lambda at: renamed_keypoints(at, "nose", "rump"),
    ),
    "clips longer than a recording": Row(
        f"{PRETRAIN} --clip-seconds 60", r"give (--clip-seconds [\d.]+) or less", (f"{PRETRAIN} {{0}}",)
    ),
    "clips longer than a labelled recording": Row(
        f"{FINETUNE} --supervision.clip-seconds 60",
        r"give (--supervision\.clip-seconds [\d.]+) or less",
        (f"{FINETUNE} {{0}}",),
    ),
    "one recording shorter than a clip": Row(
        PRETRAIN,
        r"give (--clip-seconds [\d.]+) or less, or leave it out \((--skip-bad-files)\)",
        (f"{PRETRAIN} {{0}}", f"{PRETRAIN} {{1}}"),
        lambda at: native.write(at / "tracks", [record("short", 40)]),
    ),
    "every recording shorter than a clip": Row(
        f"{PRETRAIN} --clip-seconds 60 --skip-bad-files",
        r"give (--clip-seconds [\d.]+) or less",
        (f"{PRETRAIN} {{0}} --skip-bad-files",),
    ),
    "clips of no frame": Row(
        f"{PRETRAIN} --clip-seconds 0.001", "set (--clip-seconds) to a longer time", (f"{PRETRAIN} {{0}} 1",)
    ),
    "nothing to learn": Row(
        f"{PRETRAIN} --objective.masked-weight 0 --objective.summaries-weight 0",
        r"give e\.g\. (--objective\.masked-weight 1)",
        (f"{PRETRAIN} --objective.summaries-weight 0 {{0}}",),
    ),
    "a transformer's settings for a tcn": Row(
        f"{PRETRAIN} --architecture.heads 2",
        "add (--architecture.kind transformer), or leave them out",
        (f"{PRETRAIN} --architecture.heads 2 {{0}}", PRETRAIN),
    ),
    "channels that heads do not divide": Row(
        f"{PRETRAIN} --architecture.kind transformer --architecture.channels 10",
        "multiple of twice the heads",
        (f"{PRETRAIN} --architecture.kind transformer --architecture.channels 8",),
    ),
    "more training videos than there are": Row(
        f"{FINETUNE} --train-videos 9", r"give e\.g\. (--train-videos 2)", (f"{FINETUNE} {{0}}",)
    ),
    "a single behaviour": Row(
        f"{FINETUNE} --unscored other", "check --channel, (--unscored) and --videos", (FINETUNE,)
    ),
    "unknown variants": Row(
        f"{CURVE} --variants best", r"names among pretrained, from-scratch, ([\w-]+)", (f"{CURVE} --variants {{0}}",)
    ),
    "trees that are none": Row(
        f"{CURVE} --supervision.trees 0", r"give e\.g\. (--supervision\.trees \d+)", (f"{CURVE} {{0}}",)
    ),
    "sizes above the number of videos": Row(f"{CURVE} --sizes 9", r"expected 1 to (\d)", (f"{CURVE} --sizes {{0}}",)),
    "unknown test videos": Row(
        f"{CURVE} --test-videos nobody", r"(video000), (video001)", (f"{CURVE} --test-videos {{0}} {{1}}",)
    ),
    "one test video": Row(
        f"{CURVE} --test-videos video000",
        "expected at least 2 of the 5",
        (f"{CURVE} --test-videos video000 video001",),
    ),
    "two videos with the same tracks": Row(
        CURVE,
        r"videos (\w+) and \w+: .* leave one of them out, with a (--videos) that names all others",
        (f"{CURVE} {{1}} {{0}} video001 video002 video003",),
        lambda at: native.write(at / "many", [replace(native.read(at / "many/video000.safetensors")[0], id="twin")]),
    ),
    "points of another run": Row(
        f"{CURVE} --seed 1",
        r"another --seed; restore these inputs to add points, give another --output, or (--overwrite)",
        (CURVE, f"{CURVE} --seed 1 --output a", f"{CURVE} --seed 1 {{0}}"),
        CURVE,
    ),
    "predictions that are not there": Row(
        EVALUATE.replace("predictions --", "nowhere --"), "give the --output of ssl-behavior predict", (EVALUATE,)
    ),
    "one file of predictions": Row(
        EVALUATE.replace("predictions --", "predictions/video000.csv --"),
        r"give the --output of ssl-behavior predict, or a submission \.npy \((--videos)",
        (f"{EVALUATE} {{0}} video000",),
    ),
    "annotations of other videos": Row(
        EVALUATE,
        r"name the files of annotations after these videos, as in (video000_annot\.txt)",
        (
            (
                lambda at: (at / "annotations/x_annot.txt").rename(at / "annotations/video000_annot.txt"),
                EVALUATE,
            ),
        ),
        lambda at: (at / "annotations/video000_annot.txt").rename(at / "annotations/x_annot.txt"),
    ),
    "a behaviour that is not predicted": Row(
        EVALUATE,
        r"add (--unscored 'sleep or rest') if those frames are not to be scored$",
        (f"{EVALUATE} {{0}}",),
        lambda at: annotate(at, "video000", "attack", "sleep or rest"),
    ),
    "no scored frames": Row(
        f"{EVALUATE} --unscored attack mount other", "check --channel and --unscored", (f"{EVALUATE} --unscored other",)
    ),
    "scores with other settings": Row(
        f"{EVALUATE} --unscored other",
        r"another --unscored: choose a new folder for these with (--output), or replace those with (--overwrite)",
        (f"{EVALUATE} --unscored other {{0}} a", f"{EVALUATE} --unscored other {{1}}"),
        EVALUATE,
    ),
    "scores that are damaged": Row(
        EVALUATE,
        r"choose a new folder with (--output), or pass (--overwrite)",
        (f"{EVALUATE} {{0}} a", f"{EVALUATE} {{1}}"),
        lambda at: ((at / "predictions/scores").mkdir(), damage(at / "predictions/scores/scores.json")),
    ),
    "another table among the predictions": Row(
        EVALUATE,
        "or move the file elsewhere if ssl-behavior predict did not write it",
        ((lambda at: (at / "predictions/notes.csv").rename(at / "notes.csv"), EVALUATE),),
        lambda at: damage(at / "predictions" / "notes.csv", "date,note\n"),
    ),
    "predictions of two models": Row(
        EVALUATE,
        "move the files of one of them elsewhere, or predict its videos again",
        ((lambda at: (at / "predictions/video001.csv").rename(at / "a.csv"), EVALUATE),),
        lambda at: tables.write(
            at / "predictions",
            tables.Prediction("video001", ("rest",), np.ones((9, 1)), np.zeros(9), 30.0, np.ones(9)),
        ),
    ),
    "an atlas of another encoder": Row(
        EMBED,
        "choose another --output, or pass (--overwrite)",
        (EMBED.replace("--output atlas", "--output a"), f"{EMBED} {{0}}"),
        lambda at: of_another_encoder(at / "atlas"),
    ),
    "an atlas of another precision": Row(
        f"{EMBED} --precision bfloat16 --half",
        r"give (--precision float32) and leave out --half to add to it, choose another --output, or pass (--overwrite)",
        (f"{EMBED} {{0}}", f"{EMBED} --half {{1}}"),
    ),
    "an atlas with damaged metadata": Row(
        f"{SEARCH} --frames 0:60",
        "recreate the atlas with (ssl-behavior embed --overwrite)",
        ((EMBED + " --overwrite", f"{SEARCH} --frames 0:60"),),
        lambda at: damage(at / "atlas" / "atlas.yaml"),
    ),
    "an atlas of a newer version": Row(
        f"{SEARCH} --frames 0:60",
        "or create the file again with this version",
        ((EMBED + " --overwrite", f"{SEARCH} --frames 0:60"),),
        lambda at: damage(
            at / "atlas/atlas.yaml", (at / "atlas/atlas.yaml").read_text().replace(": 0.1.0", ": 77.0.0")
        ),
    ),
    "other tracks of the same name": Row(
        EMBED,
        r"choose another --output, or pass (--overwrite) to replace the whole atlas",
        (EMBED.replace("--output atlas", "--output a"), f"{EMBED} {{0}}"),
        lambda at: native.write(at / "tracks", [record("video000", 240, seed=77)]),
    ),
    "a damaged video of an atlas": Row(
        f"{SEARCH} --frames 0:60",
        "delete the file, and embed the recording again",
        ((lambda at: (at / "atlas/videos/video000.safetensors").unlink(), EMBED, f"{SEARCH} --frames 0:60"),),
        lambda at: damage(at / "atlas" / "videos" / "video000.safetensors"),
    ),
    "a folder that is no atlas": Row(
        "cluster --atlas tracks", "give the --output of ssl-behavior embed", ((EMBED, SEARCH + " --frames 0:60"),)
    ),
    "clusters that exist": Row(
        CLUSTER,
        r"pass (--overwrite) to fit new ones, or run (ssl-behavior cluster .*) to assign",
        (f"{CLUSTER} {{0}}", "{1}"),
    ),
    "clusters that are not there": Row(
        f"{CLUSTER} --apply 'other atlas'",
        r"run (ssl-behavior cluster .*)$",
        (("{0}", f"{CLUSTER} --apply 'other atlas' --overwrite"),),
        lambda at: shutil.rmtree(at / "atlas" / "clusters"),
    ),
    "other clusters in the other atlas": Row(
        f"{CLUSTER} --apply 'other atlas'",
        r"pass (--overwrite) to replace them",
        (f"{CLUSTER} --apply 'other atlas' {{0}}",),
        lambda at: damage(at / "other atlas" / "clusters" / "fitted.safetensors"),
    ),
    "clusters of another encoder": Row(
        f"{CLUSTER} --apply 'other atlas'",
        r"run (ssl-behavior cluster .*)$",
        ("{0}",),
        lambda at: of_another_encoder(at / "atlas"),
    ),
    "damaged clusters": Row(
        f"{CLUSTER} --apply atlas",
        "recreate them with ssl-behavior cluster (--overwrite)",
        (f"{CLUSTER} {{0}}",),
        lambda at: damage(at / "atlas" / "clusters" / "fitted.safetensors"),
    ),
    "sizes between which no cluster fits": Row(
        f"{CLUSTER} --overwrite --clustering.smallest 0.7",
        r"give e\.g\. (--clustering\.smallest [\d.]+)",
        (f"{CLUSTER} --overwrite {{0}}",),
    ),
    "groups of unknown videos": Row(
        f"{CLUSTER} --overwrite --groups groups.csv",
        "videos of the atlas (video000)",
        (
            (
                lambda at: damage(at / "groups.csv", "video,group\nvideo000,a\n"),
                f"{CLUSTER} --overwrite --groups groups.csv",
            ),
        ),
        lambda at: damage(at / "groups.csv", "video,group\nnobody,a\n"),
    ),
    "groups without columns": Row(
        f"{CLUSTER} --overwrite --groups groups.csv",
        "first line is (video,group) and whose others",
        (
            (
                lambda at: damage(at / "groups.csv", "video,group\nvideo000,a\n"),
                f"{CLUSTER} --overwrite --groups groups.csv",
            ),
        ),
        lambda at: damage(at / "groups.csv", "a,b\n1,2\n"),
    ),
    "an unknown video": Row(
        "search --atlas atlas --video nobody --frames 0:60",
        r"one of its videos (\w+)",
        ("search --atlas atlas --video {0} --frames 0:60",),
    ),
    "frames past the end": Row(f"{SEARCH} --frames 9:9999", r"such as (0:\d+)", (f"{SEARCH} --frames {{0}}",)),
    "an unknown individual": Row(
        f"{SEARCH} --frames 0:60 --agent nobody", r"one of (\w+)", (f"{SEARCH} --frames 0:60 --agent {{0}}",)
    ),
    "an animal with itself": Row(
        f"{SEARCH} --frames 0:60 --agent intruder --target intruder",
        "choose another",
        (f"{SEARCH} --frames 0:60 --agent intruder --target resident",),
    ),
    "hits in a file of another kind": Row(
        f"{SEARCH} --frames 0:60 --output a.txt",
        r"expected a name that ends in (\.csv): add it",
        (f"{SEARCH} --frames 0:60 --output a.txt{{0}}",),
    ),
    "clips that are too long": Row(f"{SUGGEST} --seconds 999", "lower (--seconds), or add", (f"{SUGGEST} {{0}} 1",)),
    "an atlas that is labelled": Row(
        SUGGEST,
        "found none: add unlabelled recordings to the atlas with ssl-behavior embed",
        ((EMBED.replace("tracks", "free"), SUGGEST),),
        lambda at: ((at / "atlas/videos/video009.safetensors").unlink(), run(EMBED)),
    ),
    "predictions of other videos": Row(
        f"{SUGGEST} --predictions predictions",
        "run ssl-behavior predict with the recordings that were embedded",
        ((f"{PREDICT} free --output a", f"{SUGGEST} --predictions a"),),
        lambda at: [
            path.rename(path.with_name(path.name.replace("000", "999"))) for path in (at / "predictions").glob("v*")
        ],
    ),
    "predictions of labelled videos": Row(
        f"{SUGGEST} --predictions predictions",
        "predict the other videos of the atlas with ssl-behavior predict",
        (
            (
                PREDICT.replace("tracks", "free") + " --output predictions --overwrite",
                f"{SUGGEST} --predictions predictions",
            ),
        ),
        PREDICT + " --overwrite",
    ),
    "predictions of other frames": Row(
        f"{SUGGEST} --predictions predictions",
        "run ssl-behavior predict with the recordings that were embedded",
        ((f"{PREDICT} free --overwrite", f"{SUGGEST} --predictions predictions"),),
        lambda at: tables.write(
            at / "predictions",
            tables.Prediction("video000", ("rest",), np.ones((9, 1)), np.zeros(9), 30.0, np.ones(9)),
        ),
    ),
    "a filler that is a behaviour": Row(
        f"{SUGGEST} --predictions a --unscored other",
        r"such as (--unscored [\w-]+)",
        (f"{SUGGEST} --predictions a {{0}}",),
        f"{PREDICT} free --output a",
    ),
    "labels of other videos": Row(
        f"{SUGGEST} --annotations annotations --channel S1",
        "give annotations of the former, or add their recordings to the atlas with ssl-behavior embed",
        ((EMBED.replace("tracks", "many"), f"{SUGGEST} --annotations annotations --channel S1"),),
        lambda at: (at / "annotations/video000_annot.txt").rename(at / "annotations/video004_annot.txt"),
    ),
    "a channel that is not labelled": Row(
        f"{SUGGEST} --annotations annotations --channel S9",
        r"found (S1), behaviour: choose one",
        (f"{SUGGEST} --annotations annotations --channel {{0}}",),
    ),
    "neither encoder nor embeddings": Row(PROBE, "--encoder or --embeddings", (f"{PROBE} --encoder encoder",)),
    "a pair without annotations": Row(
        f"{PROBE} --encoder encoder --agent resident --target intruder",
        "or leave both out",
        (f"{PROBE} --encoder encoder",),
    ),
    "labels that do not vary": Row(
        f"{PROBE} --encoder encoder --annotations annotations",
        "give other --annotations",
        (f"{PROBE} --encoder encoder",),
    ),
    "a shortest video above the longest": Row(
        "simulate --output a --min-frames 99 --max-frames 50 --train-videos 1 --test-videos 1 --unlabelled-videos 0",
        "lower it, or raise (--max-frames)",
        ("simulate --output a --min-frames 99 {0} 99 --train-videos 1 --test-videos 1 --unlabelled-videos 0",),
    ),
}


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, row in ROWS.items() for way in range(len(row.then))], ids=str
)
def test_advice_that_is_followed_leads_on(name: str, way: int, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = ROWS[name]
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
