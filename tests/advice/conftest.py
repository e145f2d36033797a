"""Good input of every command, to be made bad by the tables of advice."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.atlas.clusters import Clusters
from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.calms21.submissions import write_submission
from ssl_behavior.recordings.labels import Labels
from tests.advice.rows import EMBED, WRITTEN, annotate, record, run


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good input of every command, in a folder whose name has blanks."""
    folder = Path(shutil.copytree(WRITTEN, tmp_path_factory.mktemp("advice") / "my data"))
    shutil.rmtree(folder / "tracks")
    labels = np.arange(240, dtype=np.int16) // 40 % 3
    tracks = [record(f"video{i:03d}", 240, 5 + i) for i in range(5)]
    tracks = [one.with_labels({"behaviour": Labels(("attack", "mount", "other"), labels)}) for one in tracks]
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
