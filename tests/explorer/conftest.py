"""A small atlas with clusters at fixed places on the map, labels and predictions."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas
from ssl_behavior.atlas.clusters import Clustering, Clusters, directions
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
EVIL = "<img src=x onerror=window.hacked=1>"
"""A video id that a page must not run."""
CLUSTERS, FRAMES, CHANNELS = 3, 600, 8
MIDDLES = np.array([[0, 0], [10, 0], [0, 10]], np.float32)


@pytest.fixture(scope="session")
def make_atlas(wander: Callable[..., Recording]) -> Callable[[Path], Path]:
    """``make_atlas(folder)`` writes an atlas of two videos at 30 Hz, embedded at 15, with three clusters in turn."""

    def make(folder: Path) -> Path:
        rng = np.random.default_rng(0)
        centres = np.eye(CLUSTERS, CHANNELS, dtype=np.float32) * 5
        atlas = Atlas.create(folder, AtlasMeta("abc", MICE, 15.0, CHANNELS, "float32"))
        for seed, name in enumerate(("a", EVIL)):
            poses = prepare(wander(seed, frames=FRAMES, id=name), MICE, Preparation())
            code = np.arange(len(poses.positions)) // 25 % CLUSTERS
            embeddings = {
                pair: centres[code] + rng.normal(0, 0.5, (len(code), CHANNELS)).astype(np.float32)
                for pair in poses.pairs()
            }
            labels = {"S1": Labels(("attack", "sniff"), np.where(code == 2, -1, code))} if name == "a" else {}
            atlas.add(EmbeddedVideo(poses, embeddings, labels, "px", ""))
        labels_of_anchors = np.repeat(np.arange(CLUSTERS), 100)
        raw = centres[labels_of_anchors] + rng.normal(0, 0.5, (len(labels_of_anchors), CHANNELS)).astype(np.float32)
        centre = raw.mean(0)
        positions = MIDDLES[labels_of_anchors] + rng.normal(0, 0.6, (len(labels_of_anchors), 2)).astype(np.float32)
        joins = np.full((CLUSTERS, CLUSTERS), 5.0)
        fitted = Clusters(
            "abc",
            centre,
            directions(raw, centre),
            positions,
            labels_of_anchors.astype(np.int16),
            joins,
            0.0,
            15.0,
            Clustering(seconds=0),
        )
        ClusteredAtlas.create(atlas, fitted)
        return folder

    return make


@pytest.fixture
def atlas(make_atlas: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The folder of an atlas that a test may change."""
    return make_atlas(tmp_path / "atlas")


@pytest.fixture(scope="session")
def shared_atlas(make_atlas: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an atlas that no test changes."""
    return make_atlas(tmp_path_factory.mktemp("explorer") / "atlas")


@pytest.fixture
def unclustered(atlas: Path) -> Path:
    """The folder of an atlas that ``cluster`` was not run on."""
    shutil.rmtree(atlas / "clusters")
    return atlas


HOSTILE = {
    "folder": "<img src=x onerror=window.hacked=1>",
    "video": "</script><script>window.hacked=1</script>",
    "other video": "$$\\bad$$ \"'`${window.hacked=1}",
    "agent": '" onmouseover=window.hacked=1 x="',
    "target": "<svg onload=window.hacked=1>",
    "channel": "{{7*7}}<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "behaviour": "<b onclick=window.hacked=1>&amp;$$x$$",
    "other behaviour": "<style>*{background:url(http://evil.example)}</style>",
    "cluster": "<%= window.hacked=1 %><img src=http://evil.example/x>",
    "predicted": "<script src=http://evil.example></script>",
    "unit": "<object data=http://evil.example>",
    "group": "<details open ontoggle=window.hacked=1>",
}
"""Names in an atlas that was made to do harm."""


class Hostile(NamedTuple):
    """An atlas, predictions of it, and the names in both."""

    atlas: Path
    predicted: Path
    names: dict[str, str]


@pytest.fixture(scope="session")
def hostile(make_atlas: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """An atlas in which everything has a hostile name."""
    parent = tmp_path_factory.mktemp("hostile")
    atlas = Atlas(make_atlas(parent / HOSTILE["folder"]))
    fitted = ClusteredAtlas(atlas).clusters
    for old, new in zip(atlas.ids, (HOSTILE["video"], HOSTILE["other video"]), strict=True):
        video = atlas.video(old)
        poses = replace(video.poses, id=new, individuals=(HOSTILE["agent"], HOSTILE["target"]))
        names = (HOSTILE["behaviour"], HOSTILE["other behaviour"])
        values = np.arange(len(poses.positions)) // 40 % 2
        labels = {HOSTILE["channel"]: Labels(names, values)}
        atlas.path(old).unlink()
        atlas.add(EmbeddedVideo(poses, video.embeddings, labels, HOSTILE["unit"], HOSTILE["video"]))
    ClusteredAtlas.create(atlas, fitted).rename(0, HOSTILE["cluster"])
    labels_of = (np.arange(FRAMES) >= FRAMES // 2).astype(np.int16)
    behaviours, even, seen = (HOSTILE["predicted"], "rest"), np.full((FRAMES, 2), 0.5), np.full(FRAMES, 2)
    tables.write(parent / "said", Prediction(HOSTILE["video"], behaviours, even, labels_of, 30.0, seen))
    return Hostile(atlas.folder, parent / "said", HOSTILE)


@pytest.fixture(scope="session")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of the first video: first all ``run``, then all ``rest``."""
    folder = tmp_path_factory.mktemp("predicted")
    labels = (np.arange(FRAMES) >= FRAMES // 2).astype(np.int16)
    tables.write(folder, Prediction("a", ("run", "rest"), np.full((FRAMES, 2), 0.5), labels, 30.0, np.full(FRAMES, 2)))
    return folder


@pytest.fixture(scope="session")
def running() -> Callable[..., AbstractContextManager[str]]:
    """``with running(atlas, *words) as address`` is the explorer in a process of its own, stopped as by Ctrl-C."""
    package = str(Path(__file__).resolve().parent.parent.parent)
    paths = [package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    @contextmanager
    def run(atlas: Path, *words: str) -> Iterator[str]:
        command = [sys.executable, "-m", "ssl_behavior.explore", "--atlas", str(atlas), "--port", "0", *words]
        command += ["--browser", "false"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        assert process.stdout is not None
        try:
            address = next((match for line in process.stdout if (match := re.search(r"http://\S+", line))), None)
            assert address is not None, "the explorer did not start"
            yield address[0]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
            process.stdout.close()

    return run
