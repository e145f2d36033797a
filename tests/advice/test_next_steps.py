"""What commands print as the next step can be typed as it stands, also where names have blanks and quotes."""

from __future__ import annotations

import importlib
import shlex
import shutil
from pathlib import Path

import pytest

from ssl_behavior.cli.settings import parse
from tests.advice.rows import (
    CONVERT,
    CURVE,
    EMBED,
    FINETUNE,
    PREDICT,
    PRETRAIN,
    run,
)

NEXT = {
    "simulate": "simulate --output '{out}' --min-frames 60 --max-frames 60 --train-videos 1 --test-videos 1 "
    "--unlabelled-videos 0",
    "convert": f"{CONVERT} --output '{{out}}'",
    "pretrain": PRETRAIN.replace("--output out", "--output '{out}'"),
    "finetune": FINETUNE.replace("--output out", "--output '{out}'"),
    "finetune without a behaviour": FINETUNE.replace("--output out", "--output '{out}'") + " --unscored other",
    "predict": f"{PREDICT} --output '{{out}}'",
    "embed": EMBED.replace("--output atlas", "--output '{out}'"),
    "cluster": "cluster --atlas '{out}'",
    "suggest": "suggest --atlas atlas --seconds 1 --top 2 --output '{out}' --unscored 'not judged'",
    "label_curve": CURVE.replace("--output out", "--output '{out}'"),
}


@pytest.mark.parametrize("name", NEXT)
def test_what_to_run_next_can_be_typed(name: str, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "cluster":
        shutil.copytree(at / "other atlas", at / "it's new")
        shutil.rmtree(at / "it's new" / "clusters")
    assert run(NEXT[name].replace("'{out}'", shlex.quote("it's new"))) == 0
    printed = capsys.readouterr().out.replace("\\\n", " ")
    lines = [line[line.index("ssl-behavior") :] for line in printed.splitlines() if "ssl-behavior " in line]
    assert lines
    read = []
    for line in lines:
        command, *words = shlex.split(line)[1:]
        settings = parse(importlib.import_module(f"ssl_behavior.{command}").main.settings_class, words)
        read.append(repr(settings))
    assert "it's new" in "".join(read) or name == "label_curve"
    if name == "finetune without a behaviour":  # a submission needs a model of all behaviours
        assert "submission.npy" not in "".join(read)
    if name == "embed":
        assert run(lines[-1]) == 0
