"""The points of a curve: what is advised where a size cannot be fitted works."""

import re
from unittest.mock import Mock

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.learning_curve.study import Study


def study(counts: list[list[int]]) -> Study:
    """A study of videos with these scored frames (video, behaviour), the last of which is tested on."""
    videos = [Mock(poses=Mock(id=f"v{i}"), labels=np.repeat(np.arange(len(row)), row)) for i, row in enumerate(counts)]
    return Study(videos, {}, ("rest", "groom"), "S1", [len(counts) - 1], Mock(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("counts", [[[9, 0], [9, 0], [0, 9], [5, 5]], [[9, 0], [0, 9], [9, 0], [9, 0], [5, 5]]])
@pytest.mark.parametrize("draws", [1, 3, 20])
def test_a_size_that_shows_one_behaviour_is_answered_with_sizes_that_show_two(
    counts: list[list[int]], draws: int
) -> None:
    with pytest.raises(InputError, match=r"--sizes 1: .* a single one in v\d: give --sizes of \d or more") as told:
        study(counts).tasks((1,), draws, ("pretrained",), seed=0)
    size = int(re.findall(r"sizes of (\d)", str(told.value))[0])
    assert len(study(counts).tasks((size,), draws, ("pretrained",), seed=0)) == draws


def test_no_size_is_advised_where_the_videos_to_train_on_show_one_behaviour() -> None:
    with pytest.raises(InputError, match="choose others to test on with --test-videos"):
        study([[9, 0], [9, 0], [5, 5]]).tasks((1,), 1, ("pretrained",), seed=0)
