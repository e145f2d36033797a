"""Compare what annotations say about time with the tracks: the rate at which seconds become frames."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import Video

_TOLERANCE = 0.02
"""Share of a length that two lengths of one video may differ by: programs round, and drop frames at the end."""

_TOLERANCE_S = 1.0
"""Seconds that two lengths of one video may differ by, however long it is."""

_SAME_RATE = 0.0005
"""Relative difference of two roundings of one rate. 29.97 and 30 Hz differ by 0.001."""

_USUAL_RATES = (10, 12, 12.5, 15, 20, 23.976, 24, 25, 29.97, 30, 40, 48, 50, 59.94, 60, 80, 90, 100, 120, 150, 200, 240)


@dataclass(frozen=True)
class TimeBase:
    """The clock that turns times of annotations into frames of a video.

    Attributes:
        frame_rate: frames per second of the annotations' time, in Hz.
        notices: what was assumed or disagrees, a sentence each.
    """

    frame_rate: float
    notices: tuple[str, ...] = ()


def time_base_of(
    video: Video,
    path: str | Path,
    stated: float | None = None,
    duration: float | None = None,
    reaches: float | None = None,
) -> TimeBase:
    """Return the frame rate at which seconds become frames of a video.

    The tracks' own rate holds, unless the lengths prove it wrong. If the tracks have none, the annotations' rate holds,
    unless the lengths prove that wrong.

    Args:
        video: what is known of the video.
        path: the file of annotations, for the error.
        stated: the rate that the annotations state, in Hz.
        duration: length of the video that the annotations state, in s.
        reaches: where the annotations end, in s. They need not cover the whole video, so this counts only if the
            tracks' rate is unknown, and a rate agrees with it.

    Raises:
        InputError: the stated rate is not positive and finite, or the tracks' rate contradicts the length of the video
            while the stated rate agrees with it.
    """
    if stated is not None and not 0 < stated < inf:
        raise InputError(f"{path}: frame rate of {video.id!r}: expected a positive number of Hz; found {stated}")
    if not (duration or video.frame_rate) and reaches:
        candidates = (rate for rate in (ASSUMED_FRAME_RATE, stated) if rate)
        duration = reaches if any(_fits(rate, video.frames, reaches) for rate in candidates) else None
    if not duration or not video.frames:
        return _without_lengths(video, stated)
    if video.frame_rate:
        return _with_known_rate(video, path, stated, duration)
    if stated and _fits(stated, video.frames, duration):
        return TimeBase(stated, _stated_holds(stated))
    if _fits(ASSUMED_FRAME_RATE, video.frames, duration):
        return TimeBase(ASSUMED_FRAME_RATE, _assumed_holds(stated))
    chosen = stated or ASSUMED_FRAME_RATE
    return TimeBase(chosen, (_length_mismatch(video.frames, duration, chosen), *_stated_holds(chosen)))


def frame_scale_of(video: Video, stated: float | None, last: int) -> tuple[float, tuple[str, ...]]:
    """Return the factor from frames that annotations count to frames of the tracks, and notices.

    Frame numbers hold as they are, unless the annotations count at another rate and their length proves it.

    Args:
        video: what is known of the video.
        stated: the rate that the annotations state, in Hz.
        last: the number of frames that the annotations cover.
    """
    rate = video.frame_rate or ASSUMED_FRAME_RATE
    if not stated or _same(stated, rate):
        return 1.0, ()
    whose = "the tracks have" if video.frame_rate else "the tracks, which state no rate, are taken to have"
    rates = f"it counts frames at {stated:g} Hz, and {whose} {rate:g} Hz"
    if video.frames and not _near(last, video.frames) and _near(last / stated, video.frames / rate):
        return rate / stated, (f"{rates}: as both last equally long, frame numbers are converted",)
    if not video.frame_rate:
        advice = f"{rates}: frame numbers are taken as they are; give --frame-rate {stated:g} to every command"
        return 1.0, (advice,) if video.frames else ()
    return 1.0, (f"{rates}: frame numbers are taken as they are",)


def _without_lengths(video: Video, stated: float | None) -> TimeBase:
    if video.frame_rate:
        return TimeBase(video.frame_rate, _difference(video.frame_rate, stated, video.frames))
    if stated:
        return TimeBase(stated, _stated_holds(stated) if video.frames else ())
    return TimeBase(
        ASSUMED_FRAME_RATE,
        (
            f"its times are seconds, and neither it nor the tracks state a frame rate: {ASSUMED_FRAME_RATE:g} Hz is "
            "assumed; give the right one with --frame-rate",
        ),
    )


def _with_known_rate(video: Video, path: str | Path, stated: float | None, duration: float) -> TimeBase:
    rate, frames = video.frame_rate or ASSUMED_FRAME_RATE, video.frames or 0
    if _fits(rate, frames, duration):
        return TimeBase(rate, _difference(rate, stated, frames))
    if not stated or not _fits(stated, frames, duration):
        return TimeBase(rate, (_length_mismatch(frames, duration, rate), *_difference(rate, stated, frames)))
    if _near(rate, stated):
        return TimeBase(stated, (f"the video's length shows that its rate is {stated:g} Hz, not {rate:g} Hz",))
    raise InputError(
        f"{path}: {video.id!r} lasts {duration:g} s at {stated:g} Hz by its annotations, and {frames / rate:.3f} s by "
        f"its tracks, whose {frames} frames count {rate:g} per second: if the annotations are right, read "
        f"the tracks with --frame-rate {stated:g}"
    )


def _difference(rate: float, stated: float | None, frames: int | None) -> tuple[str, ...]:
    if not stated or not frames or _same(stated, rate):  # without tracks, there is nothing to compare
        return ()
    drift = abs(1 - rate / stated) * frames
    if drift < 1:
        return ()
    return (
        f"it states {stated:g} Hz, and the tracks have {rate:g} Hz, a difference of {drift:.0f} frames by the end: the "
        "tracks' rate holds",
    )


def _stated_holds(stated: float) -> tuple[str, ...]:
    if _same(stated, ASSUMED_FRAME_RATE):
        return ()
    return (
        f"the tracks state no frame rate, so the annotations' {stated:g} Hz holds for their times: give --frame-rate "
        f"{stated:g} to every command",
    )


def _assumed_holds(stated: float | None) -> tuple[str, ...]:
    if not stated or _same(stated, ASSUMED_FRAME_RATE):
        return ()
    return (
        f"it states {stated:g} Hz, but the lengths of video and tracks agree at {ASSUMED_FRAME_RATE:g} Hz, which holds",
    )


def _length_mismatch(frames: int, duration: float, rate: float) -> str:
    usual = next((other for other in _USUAL_RATES if abs(other - frames / duration) <= 0.003 * other), None)
    advice = (
        f"at {usual:g} Hz they agree; if that is the video's rate, give --frame-rate {usual:g}"
        if usual
        else "check that both are of the same video, and whole"
    )
    lengths = (
        f"the annotated video lasts {duration:g} s, and the {frames} frames of the tracks last {frames / rate:.3f} s"
    )
    return f"{lengths} at {rate:g} Hz: {advice}"


def _fits(rate: float, frames: int | None, duration: float) -> bool:
    """Return whether so many frames last that long at a rate; two frames more or less always fit."""
    if not frames:
        return False
    allowed = max(min(_TOLERANCE * duration, _TOLERANCE_S), 2 / rate)
    return abs(frames / rate - duration) <= allowed


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= _TOLERANCE * max(value, other)


def _same(rate: float, other: float) -> bool:
    return abs(rate - other) <= _SAME_RATE * other
