"""Scores of the atlas experiment, on atlases whose embeddings do or do not depend on the labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.atlas import run
from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.clusters import Clustering
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
SHAPES = 6 * np.eye(8, dtype=np.float32)[[0, 3, 6]]


def make_atlas(folder: Path, wander: Callable[..., Recording], informative: bool) -> Atlas:
    """Two labels and unscored frames, in stretches of two seconds, that embeddings tell or that are all noise."""
    atlas = Atlas.create(folder, AtlasMeta("abc", MICE, 15.0, 8, "float32"))
    for seed in range(3):
        poses = prepare(wander(seed, frames=1200, id=f"v{seed}", gaps=0.0), MICE, Preparation())
        rng = np.random.default_rng(seed)
        acts = np.repeat(rng.choice(3, 20, p=[0.6, 0.2, 0.2]), 30)
        values = {
            pair: (SHAPES[acts] if informative else 0) + rng.normal(size=(len(acts), 8)).astype(np.float32) * 0.3
            for pair in poses.pairs()
        }
        atlas.add(
            EmbeddedVideo(poses, values, {"S1": Labels(("rest", "fight"), np.where(acts == 2, -1, acts))}, "px", "")
        )
    return atlas


def test_search_finds_the_behaviour_of_informative_embeddings_and_is_at_chance_on_others(
    wander: Callable[..., Recording], tmp_path: Path
) -> None:
    precision, chance = run.search_scores(make_atlas(tmp_path / "tells", wander, True), wanted=6, top=4)
    assert set(precision) == {"rest", "fight"}
    assert sum(chance.values()) == pytest.approx(1)
    assert all(values.mean() > 0.9 for values in precision.values())
    precision, chance = run.search_scores(make_atlas(tmp_path / "noise", wander, False), wanted=6, top=4)
    assert precision["fight"].mean() < 0.7
    assert chance["fight"] < chance["rest"]


def test_clusters_of_informative_embeddings_agree_with_the_labels(
    wander: Callable[..., Recording], tmp_path: Path
) -> None:
    settings = Clustering(anchors=600, seconds=0, neighbours=12, smallest=0.1, largest=0.7, refits=0)
    scores_by_method = run.cluster_scores(make_atlas(tmp_path, wander, True), 1, settings)
    assert set(scores_by_method) == {"UMAP and HDBSCAN", "k-means"}
    for scores in scores_by_method.values():
        assert scores[0]["NMI"] > 0.8
