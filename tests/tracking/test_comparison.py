"""Tracked recordings and true ones: what is matched, what is left out, and what cannot be compared."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.association import typical_length
from ssl_behavior.tracking.comparison import match_with_truth, with_keypoints

NAMES = ("nose", "neck", "tail")


def walk(id: str, frames: int = 20, keypoints: tuple[str, ...] = NAMES, space: int = 2) -> Recording:
    positions = np.arange(1, frames * 2 * len(keypoints) * space + 1, dtype=np.float32)
    shape = (frames, 2, len(keypoints), space)
    return Recording(id, positions.reshape(shape), ("a", "b"), Skeleton(keypoints), 30.0, source=f"{id}.slp")


def test_recordings_are_matched_by_id_and_the_others_named() -> None:
    notices: list[str] = []
    matches = match_with_truth(
        [walk("m10"), walk("m2"), walk("x")], [walk("m2"), walk("m10"), walk("y")], (), notices.append
    )
    assert [match.id for match in matches] == ["m2", "m10"]
    assert any("without truth, left out: x" in line for line in notices)
    assert any("not tracked, left out: y" in line for line in notices)
    (chosen,) = match_with_truth([walk("m10"), walk("m2")], [walk("m2"), walk("m10")], ("m1*",), notices.append)
    assert chosen.id == "m10"


def test_keypoints_that_both_have_are_compared_whatever_their_order() -> None:
    notices: list[str] = []
    tracked = walk("m", keypoints=("tail", "ear", "nose"))
    (match,) = match_with_truth([tracked], [walk("m")], (), notices.append)
    assert match.truth.skeleton.keypoints == match.tracked.skeleton.keypoints == ("nose", "tail")
    np.testing.assert_array_equal(match.tracked.positions, tracked.positions[:, :, [2, 0]])
    assert notices == ["m: keypoints that tracks and truth do not share, left out: ear, neck"]


def test_other_facts_of_keypoints_follow_them() -> None:
    skeleton = Skeleton(NAMES, (("nose", "neck"), ("neck", "tail")), {"tail": "tail base", "nose": "nose"})
    recording = replace(walk("m"), skeleton=skeleton, confidence=np.ones((20, 2, 3)))
    part = with_keypoints(recording, ("neck", "tail"))
    assert part.skeleton.edges == (("neck", "tail"),)
    assert dict(part.skeleton.landmarks) == {"tail": "tail base"}
    assert part.confidence is not None
    assert part.confidence.shape == (20, 2, 2)


BAD: dict[str, tuple[Callable[[], Recording], str]] = {
    "nothing in common": (
        lambda: walk("other"),
        "expected recordings of one video .* found m in --tracks and other in --truth",
    ),
    "another length": (lambda: walk("m", frames=19), "expected 19 frames, as m.slp has; found 20"),
    "another skeleton": (lambda: walk("m", keypoints=("x", "y")), r"expected keypoints of m.slp \(x, y\); found nose"),
    "another dimension": (
        lambda: walk("m", space=3),
        "expected positions in 3 dimensions in px, .* found 2 dimensions",
    ),
    "another unit": (lambda: replace(walk("m"), unit="cm"), "in cm, .* found 2 dimensions in px"),
    "nothing seen": (
        lambda: replace(walk("m"), positions=np.full((20, 2, 3, 2), np.nan)),
        "expected a pose with one of nose, neck, tail",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_recordings_that_cannot_be_compared_are_refused_in_a_sentence(name: str) -> None:
    truth, says = BAD[name]
    with pytest.raises(InputError, match=says):
        match_with_truth([walk("m")], [truth()], notify=lambda _: None)


def test_the_typical_length_is_that_of_a_body() -> None:
    positions = np.zeros((3, 1, 3, 2)) + np.array([[0, 0], [3, 4], [6, 8]])
    positions[1] *= 10
    recording = replace(walk("m", frames=3), positions=positions, individuals=("a",))
    assert typical_length(recording.positions) == 10
    positions = np.array(positions)
    positions[:, :, 1:] = np.nan
    assert np.isnan(typical_length(positions))
