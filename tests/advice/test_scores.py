"""Advice of messages of evaluate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.predictions import tables
from tests.advice.rows import (
    EVALUATE,
    Row,
    annotate,
    damage,
    follow,
    renamed_keypoints,
    ways,
)

TRACKS = "evaluate --tracks tracks --truth tracks"


def _damage_scores(at: Path) -> None:
    (at / "predictions/scores").mkdir()
    damage(at / "predictions/scores/scores.json")


ROWS = {
    "predictions that are not there": Row(
        EVALUATE.replace("predictions --", "nowhere --"), "give the --output of ssl-behavior predict", (EVALUATE,)
    ),
    "one file of predictions": Row(
        EVALUATE.replace("predictions --", "predictions/video000.csv --"),
        r"give the --output of ssl-behavior predict, or a submission, \.npy or \.csv \((--videos)",
        (f"{EVALUATE} {{0}} video000",),
    ),
    "annotations of other videos": Row(
        EVALUATE,
        r"rename them, as in (video000_annot\.txt)",
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
        r"add (--unscored 'sleep or rest' eat) if those frames are not to be scored$",
        (f"{EVALUATE} {{0}}",),
        lambda at: annotate(at, "video000", "attack", "sleep or rest", "eat"),
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
        _damage_scores,
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
}

ROWS |= {
    "nothing to score": Row(
        "evaluate --annotations annotations",
        "expected (--predictions) with --annotations, or (--tracks) with (--truth)",
        ("evaluate --annotations annotations {0} predictions --bootstrap 0", "evaluate {1} tracks {2} tracks"),
    ),
    "a setting of predictions beside tracks": Row(f"{TRACKS} --seed 3", "leave it out", (TRACKS,)),
    "tracks given as a pattern": Row(
        TRACKS.replace("tracks --", "'tracks/*' --"), "expected (--output) for the scores", (f"{TRACKS} {{0}} a",)
    ),
    "tracks of one keypoint": Row(
        TRACKS,
        "give the distance with (--match-within)",
        (f"{TRACKS} {{0}} 5",),
        lambda at: renamed_keypoints(at, "nose"),
    ),
    "tracks of other videos": Row(
        "evaluate --tracks free --truth tracks",
        "give files of one video the same name",
        ("evaluate --tracks free --truth free",),
    ),
}


@pytest.mark.parametrize(("name", "way"), ways(ROWS), ids=str)
def test_advice_that_is_followed_leads_on(name: str, way: int, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow(ROWS[name], way, at, capsys)
