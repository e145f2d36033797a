"""The rate at which seconds become frames, decided from what tracks and annotations say."""

import re

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.coverage import compare_with_tracks
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.time_base import frame_scale_of, time_base_of
from ssl_behavior.recordings.videos import Video


@pytest.mark.parametrize(
    ("tracks", "stated", "duration", "rate", "words"),
    [
        # The tracks know their rate.
        (30.0, None, None, 30.0, []),
        (30.0, 30.0, 23.333, 30.0, []),
        (30.0, 25.0, None, 30.0, ["25 Hz", "30 Hz", "140 frames"]),
        (30.0, 15.0, 23.333, 30.0, ["15 Hz", "tracks' rate holds"]),
        (30.0, 30.0, 40.0, 30.0, ["40 s", "23.333 s"]),
        (30.0, 29.97, 23.357, 30.0, []),
        # The tracks do not know it, and 30 Hz stands in.
        (None, None, None, 30.0, ["30 Hz is assumed", "--frame-rate"]),
        (None, 25.0, None, 25.0, ["give --frame-rate 25 to every command"]),
        (None, 25.0, 28.0, 25.0, ["give --frame-rate 25 to every command"]),
        (None, 15.0, 23.333, 30.0, ["15 Hz", "agree at 30 Hz"]),
        (None, None, 28.0, 30.0, ["28 s", "give --frame-rate 25"]),
        (None, 30.0, 23.333, 30.0, []),
    ],
)
def test_the_rate_that_agrees_with_the_lengths_holds(
    tracks: float | None, stated: float | None, duration: float | None, rate: float, words: list[str]
) -> None:
    base = time_base_of(Video("m", tracks, 700), "m.csv", stated, duration)
    assert base.frame_rate == rate
    assert bool(base.notices) == bool(words)
    assert all(word in " ".join(base.notices) for word in words)


def test_tracks_whose_rate_contradicts_the_length_of_the_video_are_refused_and_the_advice_works() -> None:
    with pytest.raises(InputError, match=r"46\.667 s at 15 Hz.*23\.333 s by its tracks.*--frame-rate 15$"):
        time_base_of(Video("m", 30.0, 700), "m.csv", 15.0, 46.667)
    assert time_base_of(Video("m", 15.0, 700), "m.csv", 15.0, 46.667).notices == ()


def test_a_small_difference_matters_in_a_long_video() -> None:
    """An hour at 29.97 Hz that is said to have 30 Hz: three and a half seconds by the end."""
    frames = round(3600 * 29.97)
    base = time_base_of(Video("m", 30.0, frames), "m.csv", 29.97, 3600.0)
    assert base.frame_rate == 29.97
    assert "29.97 Hz, not 30 Hz" in base.notices[0]
    (notice,) = time_base_of(Video("m", 30.0, frames), "m.csv", 29.97).notices
    assert "108 frames" in notice


def test_where_annotations_end_decides_only_what_nothing_else_says() -> None:
    assert time_base_of(Video("m", None, 700), "m.csv", 15.0, reaches=23.333).frame_rate == 30.0
    assert time_base_of(Video("m", None, 700), "m.csv", 15.0, reaches=20.0).frame_rate == 15.0
    assert time_base_of(Video("m", 24.0, 700), "m.csv", 30.0, reaches=23.333).frame_rate == 24.0


@pytest.mark.parametrize("stated", [0.0, -25.0, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(stated: float) -> None:
    with pytest.raises(InputError, match=r"m\.csv: frame rate of 'm': expected a positive number"):
        time_base_of(Video("m", 30.0, 700), "m.csv", stated)


@pytest.mark.parametrize(
    ("tracks", "stated", "last", "scale", "words"),
    [
        (30.0, 30.0, 350, 1.0, ""),
        (30.0, None, 350, 1.0, ""),
        (30.0, 15.0, 350, 2.0, "converted"),
        (None, 15.0, 350, 2.0, "converted"),
        (30.0, 15.0, 700, 1.0, "as they are"),
        (30.0, 15.0, 200, 1.0, "as they are"),
        (None, 15.0, 700, 1.0, "--frame-rate 15"),
    ],
)
def test_frame_numbers_are_converted_only_if_lengths_prove_another_rate(
    tracks: float | None, stated: float | None, last: int, scale: float, words: str
) -> None:
    found, notices = frame_scale_of(Video("m", tracks, 700), stated, last)
    assert found == scale
    assert words in " ".join(notices)
    assert bool(notices) == bool(words)


def annotated(stop: int, background: str | None, frames: int | None = None) -> Annotations:
    return Annotations("m", {"S1": (Bout(stop - 10, stop, "a"),)}, background, "m.csv", frames)


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        (annotated(700, None), ""),
        (annotated(690, "other"), ""),
        (annotated(350, None), "end at frame 350 of 700: later frames are unscored"),
        (annotated(350, "other", 400), "end at frame 400 of 700: later frames are unscored"),
        (annotated(720, None), ""),
        (Annotations("m", {"S1": (Bout(5, 1400, "a"),)}, None, "m.csv"), "reach frame 1,400, and the tracks have 700"),
        (annotated(300, "other"), "no bout after frame 300 of 700.*add --unscored other"),
    ],
)
def test_frames_that_nobody_may_have_looked_at_are_named(annotations: Annotations, words: str) -> None:
    found = " ".join(compare_with_tracks(annotations, 700).notices)
    assert re.search(words, found)
    assert bool(found) == bool(words)


def test_bouts_that_all_lie_past_the_end_are_refused() -> None:
    with pytest.raises(InputError, match=r"m\.csv: expected bouts within the 700 frames.*the first at frame 900"):
        compare_with_tracks(annotated(910, "other"), 700)
    assert compare_with_tracks(annotated(910, "other"), None).notices == ()


def test_a_rate_that_is_stated_is_compared_with_tracks_only() -> None:
    assert time_base_of(Video("x", 30.0), "x.csv", 25.0).notices == ()
