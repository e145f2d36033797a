"""Advice of messages of pretrain, finetune and label_curve."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ssl_behavior.cli.settings import parse
from ssl_behavior.formats.tracks import native
from ssl_behavior.pretrain import PretrainConfig
from tests.advice.rows import (
    CURVE,
    FINETUNE,
    PRETRAIN,
    Row,
    follow,
    record,
    run,
    ways,
)

ROWS = {
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
        f"{FINETUNE} --unscored other mount", "check --channel, (--unscored) and --videos", (FINETUNE,)
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
}


@pytest.mark.parametrize(("name", "way"), ways(ROWS), ids=str)
def test_advice_that_is_followed_leads_on(name: str, way: int, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow(ROWS[name], way, at, capsys)


@pytest.mark.parametrize("way", ["the same run", "another run"])
def test_an_interrupted_run_goes_on_as_its_message_says(
    way: str, at: Path, interrupt: Callable[[PretrainConfig], None], capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"{PRETRAIN} --steps 8".replace("--output out", "--output 'my run'")
    interrupt(parse(PretrainConfig, shlex.split(line)[1:]))
    assert run(f"{line} --seed 1") == 2
    message = capsys.readouterr().err.splitlines()[-1]
    advice = re.search(r"by (ssl-behavior pretrain --config .*) alone, or replace it with (--overwrite)", message)
    assert advice is not None, message
    assert run(advice[1] if way == "the same run" else f"{line} --seed 1 {advice[2]}") == 0
    assert ("going on from step 4" in capsys.readouterr().out) == (way == "the same run")
