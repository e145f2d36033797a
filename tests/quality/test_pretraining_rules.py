"""One new recording is compared with what its encoder was pretrained on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import yaml

from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoint_config import vitals_from_config, vitals_to_config
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.pace import NUMBER, Pace, Speeds
from ssl_behavior.quality.pretraining_rules import check_against_pretraining, not_compared
from ssl_behavior.quality.vitals import Vitals, measure_vitals, typical_vitals
from ssl_behavior.recordings.recording import Recording

LANDMARKS = shared_landmarks([SKELETON])
SPEEDS = Speeds((0.3, *(0.0,) * (NUMBER - 1)), (1.0,) * NUMBER)
PACE = Pace((1.0, *(0.0,) * (NUMBER - 1)), 0.0, 0.15)


@pytest.fixture(scope="module")
def pretraining(twelve: list[Recording]) -> Vitals:
    return typical_vitals([prepare(one, LANDMARKS, Preparation()) for one in twelve[1:]], LANDMARKS)


def kinds(recording: Recording, pretraining: Vitals) -> set[str]:
    vitals = measure_vitals(prepare(recording, LANDMARKS, Preparation()), LANDMARKS)
    return {one.kind for one in check_against_pretraining("a", vitals, pretraining, recording.unit)}


def moved(recording: Recording, positions: np.ndarray) -> Recording:
    return replace(recording, positions=positions, content_hash=None)


def alone(recording: Recording) -> Recording:
    return Recording("a", recording.positions[:, :1], recording.individuals[:1], recording.skeleton, 30.0)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (lambda one: one, set()),
        (lambda one: moved(one, one.positions + np.float32([500, 200])), set()),
        (lambda one: moved(one, one.positions * np.float32(2)), set()),
        (lambda one: moved(one, one.positions[..., ::-1]), {"turned", "mirrored"}),
        (lambda one: moved(one, one.positions * np.float32([1, -1])), {"mirrored"}),
        (lambda one: moved(one, one.positions * np.float32(10)), {"size"}),
        (lambda one: moved(one, one.positions * np.float32(0.1)), {"size"}),
        (lambda one: replace(moved(one, one.positions * np.float32(0.1)), unit="cm"), set()),
        (lambda one: replace(one, frame_rate=10.0), {"frame rate"}),
        (alone, {"strange to the encoder"}),
    ],
)
def test_an_error_of_one_new_recording_is_named(
    fault: Callable[[Recording], Recording], expected: set[str], twelve: list[Recording], pretraining: Vitals
) -> None:
    assert kinds(fault(twelve[0]), pretraining) - ({"strange to the encoder"} - expected) == expected


@pytest.mark.parametrize(
    ("estimate", "rate", "is_suspicious"),
    [(0.3, 30.0, False), (0.5, 30.0, True), (-0.5, 30.0, True), (0.3, 45.0, True), (-0.3, 45.0, False)],
)
def test_another_frame_rate_needs_less_of_a_pace_that_agrees_with_it(
    estimate: float, rate: float, is_suspicious: bool, pretraining: Vitals
) -> None:
    vitals = replace(
        pretraining, frame_rates=(rate,), individuals=(2,), speeds=replace(SPEEDS, logs=(estimate, *SPEEDS.logs[1:]))
    )
    suspicions = [*check_against_pretraining("a", vitals, replace(pretraining, pace=PACE), "px")]
    assert [one.kind for one in suspicions] == ["frame rate"] * is_suspicious
    assert all(f"{rate:g} Hz, and in pretraining 30 Hz" in one.evidence for one in suspicions)


def test_an_older_encoder_says_what_is_not_compared(twelve: list[Recording], pretraining: Vitals) -> None:
    older = replace(pretraining, individuals=(), frame_rates=(), pace=None)
    assert not_compared(pretraining) == []
    assert not_compared(older) == ["number of individuals", "frame rate", "pace"]
    assert kinds(alone(twelve[0]), older) == set()


def test_a_checkpoint_keeps_what_is_compared_and_refuses_another_number_of_speeds(pretraining: Vitals) -> None:
    plain = yaml.safe_load(yaml.safe_dump(vitals_to_config(pretraining)))
    assert vitals_from_config(plain) == replace(pretraining, speeds=None)
    plain["usual"]["pace"]["weights"].pop()
    with pytest.raises(ValueError, match=f"a pace of other than {NUMBER} speeds"):
        vitals_from_config(plain)
