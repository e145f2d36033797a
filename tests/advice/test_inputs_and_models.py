"""Advice of messages about words, outputs, recordings and checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.advice.rows import (
    CHECK,
    CONVERT,
    FINETUNE,
    PREDICT,
    PRETRAIN,
    PROBE,
    SEARCH,
    WRITTEN,
    Row,
    damage,
    follow,
    leave_unfinished,
    renamed_keypoints,
    ways,
)

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
        lambda at: leave_unfinished(at / "half"),
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
        lambda at: leave_unfinished(at / "out", "pretrain"),
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
    "a submission of a model without a behaviour": Row(
        "predict --device cpu --model out --recordings test.npy --output a.npy",
        "run ssl-behavior finetune without --unscored",
        ((f"{FINETUNE} --output m", "predict --device cpu --model m --recordings test.npy --output a.npy"),),
        f"{FINETUNE} --unscored mount",
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


@pytest.mark.parametrize(("name", "way"), ways(ROWS), ids=str)
def test_advice_that_is_followed_leads_on(name: str, way: int, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow(ROWS[name], way, at, capsys)
