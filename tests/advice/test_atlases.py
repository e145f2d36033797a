"""Advice of messages about atlases, clusters, search, suggestions and probes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import ssl_behavior
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.predictions import tables
from tests.advice.rows import (
    CLUSTER,
    EMBED,
    PREDICT,
    SEARCH,
    SUGGEST,
    Row,
    damage,
    follow,
    of_another_encoder,
    record,
    run,
    ways,
)

ROWS = {
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
            at / "atlas/atlas.yaml", (at / "atlas/atlas.yaml").read_text().replace(ssl_behavior.__version__, "77.0.0")
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
        "recreate them with (ssl-behavior cluster .* --overwrite)$",
        ("{0}",),
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
        f"{EMBED} --overwrite",
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
        "or add their recordings to the atlas with ssl-behavior embed",
        ((EMBED.replace("tracks", "many"), f"{SUGGEST} --annotations annotations --channel S1"),),
        lambda at: (at / "annotations/video000_annot.txt").rename(at / "annotations/video004_annot.txt"),
    ),
    "a channel that is not labelled": Row(
        f"{SUGGEST} --annotations annotations --channel S9",
        r"found (S1), behaviour: choose one",
        (f"{SUGGEST} --annotations annotations --channel {{0}}",),
    ),
}


@pytest.mark.parametrize(("name", "way"), ways(ROWS), ids=str)
def test_advice_that_is_followed_leads_on(name: str, way: int, at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow(ROWS[name], way, at, capsys)


@pytest.mark.parametrize("is_missing", [True, False])
def test_lost_bouts_come_back_as_the_message_says(is_missing: bool, at: Path) -> None:
    file = at / "atlas/clusters/bouts/video000.parquet"
    clustered = ClusteredAtlas("atlas")
    assert run("cluster --atlas atlas --apply atlas") == 0
    bouts = clustered.bouts()
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)  # the pages, and not the metadata at the end
    file.write_bytes(content)
    if is_missing:
        file.unlink()
    with pytest.raises(InputError, match=r"run ssl-behavior cluster --atlas atlas --apply atlas$") as told:
        clustered.bouts()
    if "delete it" in str(told.value):
        file.unlink()
    assert run(str(told.value).rpartition("run ")[2]) == 0
    assert clustered.bouts().equals(bouts)
