"""Labels of another video are told from those of this one, and from labels that are late."""

import numpy as np
import pytest

from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.kinematics import kinematics
from ssl_behavior.quality.label_fit import fit_of_labels
from ssl_behavior.quality.label_shifts import best_shift
from ssl_behavior.quality.suspicions import QualityInput, check_recordings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings

LANDMARKS = shared_landmarks([SKELETON])


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return simulate_recordings(2, seed=4, frames=9000)


def poses_of(recording: Recording) -> Poses:
    return prepare(recording, LANDMARKS, Preparation())


def labels_of(recording: Recording, poses: Poses) -> np.ndarray:
    return recording.labels[CHANNEL].values[poses.native_frames]


def test_own_labels_fit_and_those_of_another_video_do_not(recordings: list[Recording]) -> None:
    for i, recording in enumerate(recordings):
        poses = poses_of(recording)
        own, other = (fit_of_labels(poses, labels_of(one, poses)) for one in (recording, recordings[i - 1]))
        assert own is not None
        assert other is not None
        assert other < 3 < own


def test_late_labels_fit_all_the_same(recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    fit = fit_of_labels(poses, np.roll(labels_of(recordings[0], poses), 75))
    assert fit is not None
    assert fit > 3


def test_only_one_suspicion_says_that_labels_are_of_another_video(recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    quality_input = QualityInput(poses, recordings[0], labels_of(recordings[1], poses))
    ((_, suspicions),) = check_recordings([quality_input], LANDMARKS)
    (suspicion,) = [one for one in suspicions if one.kind != "exchanged"]
    assert suspicion.kind == "unrelated labels"
    assert "belong to this video" in suspicion.evidence


def test_few_scored_frames_or_changes_say_nothing(recordings: list[Recording]) -> None:
    poses = poses_of(recordings[0])
    labels = labels_of(recordings[0], poses)
    assert fit_of_labels(poses, np.where(np.arange(len(labels)) < 2000, labels, -1)) is None
    assert fit_of_labels(poses, (np.arange(len(labels)) // 1000 % 2).astype(int)) is None
    assert fit_of_labels(poses, np.full(len(labels), -1)) is None


def test_a_lone_animal_has_kinematics_that_labels_can_be_compared_with(recordings: list[Recording]) -> None:
    recording = recordings[0]
    alone = Recording(
        "alone", recording.positions[:, :1], recording.individuals[:1], recording.skeleton, recording.frame_rate
    )
    poses = poses_of(alone)
    speed = kinematics(poses)[:, 0]
    is_fast = (np.nan_to_num(speed) > 0.5).astype(int)
    fit = fit_of_labels(poses, is_fast)
    assert fit is not None
    assert fit > 10
    assert best_shift(poses, np.roll(is_fast, 30)) == pytest.approx(2.0, abs=0.1)
