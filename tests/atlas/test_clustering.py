"""Fitting clusters: what an atlas that is too small is told works for it."""

import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from ssl_behavior.atlas.clustering import _require_enough
from ssl_behavior.atlas.clusters import Clustering
from ssl_behavior.cli.settings import parse
from ssl_behavior.cluster import ClusterConfig
from ssl_behavior.errors import InputError


@pytest.mark.parametrize("frames", [20, 21, 33, 50, 99, 101, 1001])
@pytest.mark.parametrize("wrong", [{}, {"smallest": 0.001}, {"neighbours": 500}, {"smallest": 0.002, "largest": 0.01}])
def test_a_small_atlas_is_told_settings_that_suit_it(frames: int, wrong: dict[str, float]) -> None:
    settings = Clustering(**wrong)  # type: ignore[arg-type]
    atlas = Mock(folder=Path("atlas"), rows=frames)
    try:
        _require_enough(atlas, frames, settings)
    except InputError as error:
        options = re.findall(r"--clustering\.\w+ [\d.]+", str(error))
        assert options
        words = " ".join([*(f"--clustering.{name} {value}" for name, value in wrong.items()), *options]).split()
        advised = parse(ClusterConfig, ["--atlas", "atlas", *words]).clustering
        _require_enough(atlas, frames, advised)
        assert advised.largest >= 2 * advised.smallest
    else:
        assert frames >= 200


def test_a_tiny_atlas_is_told_to_embed_more_and_a_small_sample_to_draw_more() -> None:
    with pytest.raises(InputError, match=r"anchors drawn: add recordings to the atlas with ssl-behavior embed$"):
        _require_enough(Mock(folder=Path("atlas"), rows=19), 19, Clustering())
    with pytest.raises(InputError, match=r"drawn: raise --clustering\.anchors$"):
        _require_enough(Mock(folder=Path("atlas"), rows=10_000), 50, Clustering(anchors=50))
