from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.label_notices import label_notices

NAMES = ("base", "sniff")
Labelled = Callable[..., LabelledPoses]


@pytest.fixture
def labelled(wander: Callable[..., Recording]) -> Labelled:
    def make(labels: str, unseen: int = 0) -> LabelledPoses:
        """A video whose labels are digits, ``.`` where unscored; the second animal is unseen in its last frames."""
        values = np.array([-1 if letter == "." else int(letter) for letter in labels])
        recording = wander(gaps=0.0)
        poses = prepare(recording, recording.skeleton.keypoints, Preparation(recording.frame_rate)).between(
            0, len(values)
        )
        seen = poses.seen.copy()
        seen[len(values) - unseen :, 1] = False
        return LabelledPoses(replace(poses, seen=seen), values, ((0, 1),))

    return make


def test_a_behaviour_at_both_ends_of_every_video_and_nowhere_between_is_named(labelled: Labelled) -> None:
    (notice,) = label_notices([labelled("0011100"), labelled(".0110.")], NAMES)
    assert "--unscored base" in notice


@pytest.mark.parametrize(
    "others",
    [
        ["0011011", "0111100"],  # once between
        ["0011111", "0111100"],  # not at the end
        ["0011100"],  # a single video shows no habit
        ["0000000", "0111100"],
    ],
)
def test_other_behaviours_are_not(others: list[str], labelled: Labelled) -> None:
    assert not list(label_notices([labelled(labels) for labels in others], NAMES))


def test_scored_frames_with_an_animal_missing_are_counted(labelled: Labelled) -> None:
    (notice,) = label_notices([labelled("0101010101", unseen=3), labelled("010101....", unseen=4)], NAMES)
    assert "fewer than two animals are tracked in 19% of the scored frames" in notice  # 3 of 16


def test_an_animal_alone_is_not_missing_another(labelled: Labelled) -> None:
    video = labelled("0101010101")
    alone = replace(video.poses, individuals=("a",), seen=video.poses.seen[:, :1])
    assert not list(label_notices([replace(video, poses=alone)], NAMES))
