"""The pace rises with the frame rate that a recording is believed to have."""

from dataclasses import replace

import numpy as np
import pytest

from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.quality.pace import NUMBER, Pace, Speeds, fit_pace, measure_speeds
from ssl_behavior.recordings.recording import Recording

LANDMARKS = shared_landmarks([SKELETON])


def speeds_of(recording: Recording) -> Speeds:
    speeds = measure_speeds(prepare(recording, LANDMARKS, Preparation()))
    assert speeds is not None
    return speeds


def test_a_wrong_frame_rate_is_estimated_and_a_lower_one_is_not_suspicious(twelve: list[Recording]) -> None:
    pace = fit_pace([speeds_of(recording) for recording in twelve[1:]])
    assert pace is not None
    new = twelve[0]
    usual, half = (pace.of(speeds_of(replace(new, frame_rate=new.frame_rate * factor))) for factor in (1, 0.5))
    every_second = replace(
        new, positions=new.positions[::2], confidence=None, labels={}, frame_rate=15.0, content_hash=None
    )
    assert half < -3 * pace.deviation < usual < 3 * pace.deviation
    assert pace.of(speeds_of(every_second)) == pytest.approx(usual, abs=0.1)


def test_one_speed_that_varies_little_outweighs_others() -> None:
    rng = np.random.default_rng(0)
    logs = rng.normal(0, 1, (40, 2)) * [0.01, 1.0]
    pace = fit_pace([Speeds(tuple(row), (1.0, 1.0)) for row in logs.tolist()])
    assert pace is not None
    assert sum(pace.weights) == pytest.approx(1.0)
    assert pace.weights[0] > 0.98
    assert pace.deviation == 0.07  # the least that is believed
    assert pace.of(Speeds((0.3, 0.0), (1.0, 1.0))) == pytest.approx(0.3, abs=0.02)


def test_few_or_short_recordings_give_no_pace(twelve: list[Recording]) -> None:
    some = [speeds_of(twelve[0])] * 9
    assert fit_pace([*some, None]) is None
    short = replace(twelve[0], positions=twelve[0].positions[:900], confidence=None, labels={}, content_hash=None)
    assert measure_speeds(prepare(short, LANDMARKS, Preparation())) is None
    assert len(some[0].logs) == len(some[0].slopes) == NUMBER
    assert Pace((0.0,) * NUMBER, 0.0, 0.1).of(some[0]) == 0
