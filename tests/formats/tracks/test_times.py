"""Frames of rows that state their times, on paper."""

import re

import numpy as np
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.times import at_frames, frames_of_times

GRID = np.arange(12) / 25
"""s; twelve frames at 25 Hz"""


@pytest.mark.parametrize(
    ("times", "stated", "frames", "rate", "notice"),
    [
        (GRID, 25, range(12), 25, None),
        (GRID, None, range(12), 25, None),
        (GRID + 4, 25, range(100, 112), 25, "at 4 s: nothing is seen in the 100 frames before"),
        (GRID[::2], 25, range(6), 12.5, r"0\.08 s apart, where 0\.04 s are stated: the frame rate is 12\.5 Hz"),
        (GRID[::3] + 6 / 25, 25, range(2, 6), 8.333, "at 0.24 s"),
        (np.delete(GRID, [3, 4, 8]), 25, [0, 1, 2, 5, 6, 7, 9, 10, 11], 25, "leave out 3 frames"),
        (np.delete(GRID, [3, 4, 8]), None, [0, 1, 2, 5, 6, 7, 9, 10, 11], 25, "leave out 3 frames"),
        (GRID[[0, 1, 3, 4, 6, 7, 9]], None, [0, 1, 3, 4, 6, 7, 9], 25, "leave out 3 frames"),
        (GRID + 0.008 * np.tile([1, -1], 6), 25, range(12), 25, None),
        (np.arange(9000) / 29.97, 30, range(9000), 29.97, r"the frame rate is 29\.97 Hz"),
        (np.round(np.arange(9000) / 30, 3), 30, range(9000), 30, None),
        (GRID, 30, range(12), 25, r"the frame rate is 25 Hz"),
        (GRID, 1000, range(12), 25, r"the frame rate is 25 Hz"),
        (GRID + 1.7e9, 25, range(12), 25, "as on a clock"),
        (GRID - 2, 25, range(12), 25, "before the video"),
        ([0, 0.01, 0.09, 0.1, 0.155, 0.2], 25, range(6), 25, "irregular, 0.01 to 0.08 s apart"),
        ([0.48], 25, [12], 25, "at 0.48 s"),
        ([0.48], None, [0], None, None),
    ],
)
def test_times_in_seconds(times, stated, frames, rate, notice):
    found = frames_of_times(np.asarray(times, float), stated, "a.nc")
    assert found.frames.tolist() == list(frames)
    assert found.frame_rate == rate
    if notice is None:
        assert found.notices == ()
    else:
        assert re.search(notice, " ".join(found.notices))


@pytest.mark.parametrize(
    ("times", "stated", "frames", "rate"),
    [
        ([100, 101, 102], 50, [100, 101, 102], 50),
        ([100, 101, 104], None, [100, 101, 104], None),
        ([100, 102, 104], 50, [50, 51, 52], 25),
    ],
)
def test_times_in_frames(times, stated, frames, rate):
    found = frames_of_times(np.asarray(times, float), stated, "a.nc", in_frames=True)
    assert (found.frames.tolist(), found.frame_rate) == (frames, rate)


def test_a_video_may_begin_with_its_first_row():
    found = frames_of_times(GRID + 731.2, None, "a.nwb", from_zero=False)
    assert (found.frames.tolist(), found.frame_rate, found.notices) == (list(range(12)), 25, ())


@pytest.mark.parametrize("times", [[0, 1, 1], [2, 1, 0], [0, float("nan"), 2], [float("inf")]])
def test_times_that_do_not_rise_are_refused(times):
    with pytest.raises(InputError, match=r"a\.nc: expected times that rise"):
        frames_of_times(np.asarray(times, float), 25, "a.nc")


@pytest.mark.parametrize("times", [[0, 1, 1e9], [0, 1, 2, 1e300], [1e12, 1e12 + 1], [1e300, 2e300]])
def test_frames_far_apart_are_refused_and_take_no_memory(times):
    found = frames_of_times(np.asarray(times, float), 25, "a.nc", in_frames=True)
    with pytest.raises(InputError, match="frames: cut the recording"):
        at_frames(np.zeros((len(times), 100), np.float32), found.frames, "a.nc")


def test_frames_without_a_row_are_nan():
    filled = at_frames(np.array([[1.0], [2.0]]), np.array([1, 3]), "a.nc")
    np.testing.assert_array_equal(filled, [[np.nan], [1], [np.nan], [2]])
