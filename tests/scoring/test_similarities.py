"""Similarities of poses: answers on paper."""

import numpy as np
import pytest

from ssl_behavior.scoring import similarities as module
from ssl_behavior.scoring.similarities import Similarities, similarities_of_poses

NONE = [np.nan, np.nan]


def poses(*of_individuals: list[list[float]]) -> np.ndarray:
    """One frame of poses, (1, individual, keypoint, space)."""
    return np.array([of_individuals])


def listed(found: Similarities) -> list[tuple[int, int, float]]:
    return list(zip(found.animals.tolist(), found.tracks.tolist(), found.values.tolist(), strict=True))


def test_similarity_falls_in_a_line_with_the_mean_distance_of_keypoints() -> None:
    truth, tracked = poses([[0, 0], [10, 0]]), poses([[3, 4], [10, 0]], [[6, 8], [10, 0]], [[20, 0], [30, 0]])
    assert listed(similarities_of_poses(truth, tracked, match_within=5)) == [(0, 0, 0.75), (0, 1, 0.5)]


def test_only_keypoints_that_both_poses_have_count() -> None:
    found = similarities_of_poses(poses([[0, 0], [10, 0]]), poses([[0, 5], NONE]), match_within=5)
    assert listed(found) == [(0, 0, 0.5)]


def test_poses_without_a_common_keypoint_are_compared_by_their_centroids() -> None:
    found = similarities_of_poses(poses([[0, 0], NONE, NONE]), poses([NONE, [0, 0], [0, 10]]), match_within=5)
    assert listed(found) == [(0, 0, 0.5)]


def test_an_unseen_individual_is_like_nobody() -> None:
    found = similarities_of_poses(poses([NONE], [[1, 1]]), poses([[1, 1]], [NONE]), match_within=5)
    assert listed(found) == [(1, 0, 1.0)]
    assert (found.truth.tolist(), found.tracked.tolist()) == ([[False, True]], [[True, False]])


def test_equal_poses_are_similar_to_no_other_pose() -> None:
    truth, tracked = poses([[0, 0]], [[1, 0]], [[4, 0]]), poses([[1, 0]], [[4, 1]])
    found = similarities_of_poses(truth, tracked, match_within=5)
    assert [pair[:2] for pair in listed(found)] == [(0, 1), (1, 0), (2, 1)]


def test_frames_are_compared_in_parts_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth, tracked = rng.normal(0, 1, (50, 3, 4, 2)), rng.normal(0, 1, (50, 2, 4, 2))
    whole = similarities_of_poses(truth, tracked, 2.0)
    monkeypatch.setattr(module, "_CHUNK_VALUES", 100)
    parts = similarities_of_poses(truth, tracked, 2.0)
    for name in ("truth", "tracked", "frames", "animals", "tracks", "values"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="same frames and keypoints"):
        similarities_of_poses(np.zeros((3, 1, 2, 2)), np.zeros((3, 1, 3, 2)), 1.0)
    with pytest.raises(ValueError, match="above 0"):
        similarities_of_poses(np.zeros((3, 1, 2, 2)), np.zeros((3, 1, 2, 2)), 0.0)
