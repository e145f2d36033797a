"""Files of peaks: what somebody writes in five lines, and what they may get wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats import peaks
from ssl_behavior.recordings.skeleton import Skeleton

SKELETON = Skeleton(("nose", "neck", "tail"), (("nose", "neck"), ("neck", "tail")))
GOOD: dict[str, Any] = {
    "keypoints": ["tail", "nose", "neck"],  # another order than that of the skeleton
    "frame": [0, 0, 0, 2],
    "keypoint": [1, 2, 0, 1],
    "x": [5.0, 6.0, 7.0, 8.0],
    "y": [1.0, 1.0, 2.0, 3.0],
    "score": [0.9, 0.8, 0.7, 0.6],
    "source": [0, 2],
    "target": [1, 1],  # the second limb runs from the tail to the neck, against the skeleton's edge
    "affinity": [0.75, 0.5],
    "frame_rate": 25,
    "frames": 10,
}


def written(tmp_path: Path, **changed: Any) -> Path:
    arrays = {name: values for name, values in (GOOD | changed).items() if values is not None}
    np.savez(tmp_path / "day1.npz", **arrays)
    return tmp_path / "day1.npz"


def test_peaks_and_limbs_follow_the_skeleton(tmp_path: Path) -> None:
    found, limbs = peaks.read(written(tmp_path), SKELETON)
    assert (found.id, found.frames, found.frame_rate) == ("day1", 10, 25.0)
    assert found.keypoint.tolist() == [0, 1, 2, 0]
    assert found.positions.tolist() == [[5, 1], [6, 1], [7, 2], [8, 3]]
    np.testing.assert_allclose(found.confidence, GOOD["score"])
    assert limbs is not None
    assert (limbs.edge.tolist(), limbs.source.tolist(), limbs.target.tolist()) == ([0, 1], [0, 1], [1, 2])
    assert limbs.affinity.tolist() == [0.75, 0.5]


def test_scores_affinities_rate_and_length_may_be_missing(tmp_path: Path) -> None:
    absent = dict.fromkeys(("score", "source", "target", "affinity", "frame_rate", "frames"))
    found, limbs = peaks.read(written(tmp_path, **absent), SKELETON)
    assert (found.confidence, found.frame_rate, found.frames, limbs) == (None, None, 3, None)


def test_peaks_without_a_position_are_none_and_neither_are_their_limbs(tmp_path: Path) -> None:
    found, limbs = peaks.read(written(tmp_path, x=[np.nan, 6, 7, 0], y=[1, 1, 2, 0]), SKELETON)
    assert found.is_found.tolist() == [False, True, True, False]
    assert limbs is not None
    assert limbs.affinity.tolist() == [0.5]


def test_scores_in_percent_are_said(tmp_path: Path) -> None:
    found, _ = peaks.read(written(tmp_path, score=[90, 80, 70, 60]), SKELETON)
    np.testing.assert_allclose(found.confidence, [0.9, 0.8, 0.7, 0.6])
    assert "percentages" in found.notices[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": None, "frame": None}, "found none called frame, x"),
        ({"keypoints": ["nose", "neck"]}, "expected the keypoints of the skeleton, neck, nose, tail; found neck, nose"),
        ({"keypoints": ["nose", "neck", "paw"]}, "give --skeleton the file of this network"),
        ({"keypoints": [1, 2, 3]}, "expected a list of names"),
        ({"keypoints": "nose"}, "expected a list of names"),
        ({"keypoint": [1, 2, 0, 3]}, "whole numbers from 0 to 2 as 'keypoint'"),
        ({"keypoint": [1, 2, 0]}, "one value a row"),
        ({"frame": [0, 0, 0, -1]}, "whole numbers from 0 as 'frame'"),
        ({"frame": [0, 0, 0, 0.5]}, "whole numbers from 0 as 'frame'"),
        ({"frame": [0, 0, 0, np.inf]}, "whole numbers from 0 as 'frame'"),
        ({"frame": ["0", "0", "0", "1"]}, "whole numbers from 0 as 'frame'"),
        ({"frame": [0, 0, 0, 10**12], "frames": None}, "correct the frame numbers"),
        ({"frames": 2}, "a number of frames above that of every peak, 2"),
        ({"frames": 10**12}, "correct the frame numbers"),
        ({"x": [1e20, 0, 0, 0]}, "pixels of at most 1e"),
        ({"x": ["5", "6", "7", "8"]}, "expected numbers as 'x'"),
        ({"score": [0.5, 0.5]}, "one value a row"),
        ({"score": [0.5, 0.5, -0.5, 0.5]}, "expected confidences from 0 to 1"),
        ({"affinity": None}, "found source, target alone"),
        ({"affinity": [0.5]}, "one value a row"),
        ({"source": [0, 4]}, "whole numbers from 0 to 3 as 'source'"),
        ({"source": [0, 3]}, "frames 2 and 0 in row 1"),
        ({"source": [0, 0], "target": [1, 2]}, "found one from 'nose' to 'tail'"),
        ({"source": [0, 1], "target": [1, 0]}, "found a pair of peaks twice"),
        ({"frame_rate": -3}, "positive number of Hz"),
        ({"frame_rate": [25, 30]}, "positive number of Hz"),
    ],
)
def test_other_content_is_refused_in_a_sentence(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = written(tmp_path, **changed)
    with pytest.raises(InputError, match=message) as error:
        peaks.read(path, SKELETON)
    assert str(path) in str(error.value)


def test_a_crowd_of_peaks_in_one_frame_is_refused(tmp_path: Path) -> None:
    many = {"frame": np.zeros(1001), "keypoint": np.zeros(1001), "x": np.arange(1001), "y": np.ones(1001)}
    absent = dict.fromkeys(("score", "source", "target", "affinity"))
    with pytest.raises(InputError, match="at most 1,000 peaks of a keypoint in a frame; found 1,001"):
        peaks.read(written(tmp_path, **many, **absent), SKELETON)
