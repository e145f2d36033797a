"""The explorer shows who does what to whom: one row for all pairs, and laboratories on the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.explorer.map_sample import colourings, draw_sample
from ssl_behavior.explorer.scene import LABEL, OF_PAIRS, PREDICTED, Scene
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
BEHAVIOURS = ("rear", "sniff", "other")
FIRST, SECOND = "mouse0", "mouse1"
ACTS = {(FIRST, FIRST): [0, 0, 2, 2], (FIRST, SECOND): [2, 1, 2, 1], (SECOND, FIRST): [2, 2, 2, 2]}
"""Pair -> labels of four spans of the video."""


@pytest.fixture
def scene(tmp_path: Path, wander: Callable[..., Recording]) -> Scene:
    atlas = Atlas.create(tmp_path / "atlas", AtlasMeta("abc", MICE, 15.0, 4, "float32"))
    for name, lab in (("v", "Adams"), ("w", "")):
        recording = wander(frames=200, id=name)
        poses = prepare(recording, MICE, Preparation())
        labels = {
            "-".join(pair): Labels(BEHAVIOURS, np.repeat(acts, 50)[poses.native_frames], pair)
            for pair, acts in ACTS.items()
        }
        rng = np.random.default_rng(0)
        embeddings = {pair: rng.normal(size=(len(poses.positions), 4)).astype(np.float32) for pair in poses.pairs()}
        atlas.add(EmbeddedVideo(poses, embeddings, labels, "px", "", lab))
    even, tracked = np.full((200, 3), 1 / 3), np.full(200, 2)
    of_pairs = [
        Prediction("v", BEHAVIOURS, even, np.repeat(acts, 50), 30.0, tracked, pair) for pair, acts in ACTS.items()
    ]
    tables.write(tmp_path / "predictions", of_pairs)
    return Scene.open(tmp_path / "atlas", tmp_path / "predictions", notify=lambda _: None)


@pytest.mark.parametrize("row", [f"{LABEL}{OF_PAIRS}", PREDICTED])
def test_a_row_shows_what_the_agent_does_to_its_target_or_else_by_itself(scene: Scene, row: str) -> None:
    video, names = scene.atlas.video("v"), scene.names(row)
    middles = [12, 37, 62, 87]
    shown = [[names[code] for code in scene.codes(video, pair)[row][middles]] for pair in ((0, 1), (1, 0))]
    assert shown == [["rear", "sniff", "other", "sniff"], ["other"] * 4]
    assert scene.rows == [f"{LABEL}{OF_PAIRS}", PREDICTED]


def test_the_map_can_be_coloured_and_filtered_by_laboratory_pair_and_action(scene: Scene) -> None:
    sample = draw_sample(scene, 50)
    titles = {colouring.title for colouring in colourings(scene, sample) if colouring.is_categories}
    assert titles >= {"lab", "pair", f"labels {OF_PAIRS}", PREDICTED}
    assert set(sample.labs) == {"Adams", "unknown"}
    videos = np.array(sample.videos)[sample.columns["video"]]
    assert (np.array(sample.labs)[sample.columns["lab"]] == np.where(videos == "v", "Adams", "unknown")).all()
