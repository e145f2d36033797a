"""Observations of BORIS, from a table or a project, as bouts in frames of their videos.

BORIS adds an observation's time offset to the times of its events. The observed interval is in the video's own time.
Events on pictures have no time; the index of a picture is its frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.boris_events import NO_SUBJECT, Event, Moment, Observation, Observations
from ssl_behavior.formats.annotations.boris_media import videos_of
from ssl_behavior.formats.annotations.values import bout_from_frames, occurring_behaviours
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout
from ssl_behavior.recordings.pairs import Pair, pair_channel
from ssl_behavior.recordings.time_base import time_base_of
from ssl_behavior.recordings.videos import Video, Videos

_CLOCK = 1e8
"""Seconds; three years. Larger times of a video are times of a clock."""
_ROUNDING = 0.05
"""Seconds before the start of a video that rounding explains."""
_IMAGE_TOLERANCE = 2
"""Frames that the index of an image may differ from its time: the players of videos round in different ways."""


def read_each(path: Path, parsers: Observations, videos: Videos) -> list[Annotations]:
    """Return the annotations of every observation that can be read; a notice names the others.

    Args:
        path: the file.
        parsers: its observations.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: no observation can be read, or the rates of tracks and annotations contradict each other.
    """
    observations: list[tuple[Observation, Video]] = []
    errors: list[InputError] = []
    # With one observation, the name of the file may be that of the video.
    own_name = [Path(path)] if len(parsers) == 1 else []
    for parse in parsers.values():
        try:
            observation = parse()
            _use_images_for_clock_times(path, observation)
            _require_times_after_offset(path, observation)
            observations += videos_of(path, observation, videos, own_name)
        except InputError as error:
            errors.append(error)
    if not observations:
        raise errors[0] if errors else InputError(f"{path}: expected observations with events; found none")
    _require_one_observation_of_each(path, observations)
    annotations = [_to_annotations(path, observation, video) for observation, video in observations]
    left_out = tuple(f"observation left out: {str(error).removeprefix(f'{path}: ')}" for error in errors)
    return [replace(annotations[0], notices=(*annotations[0].notices, *left_out)), *annotations[1:]]


def _use_images_for_clock_times(path: Path, observation: Observation) -> None:
    """Replace clock times whose origin the file does not give by the indices of images.

    Raises:
        InputError: not every event has the index of an image.
    """
    shifted = [moment.seconds - observation.offset for moment in observation.moments if moment.seconds is not None]
    if not shifted or max(shifted) < _CLOCK:
        return
    if any(moment.image is None for moment in observation.moments):
        raise InputError(
            f"{path}: {observation.name!r}: expected times from the start of the video, or a time offset that says "
            f"when it starts; found {max(shifted):.0f} s, a time of a clock: give the project (.boris), or set the "
            "time offset of the observation in BORIS and export again"
        )
    observation.events = [
        replace(event, start=Moment(None, event.start.image), stop=Moment(None, event.stop.image))
        for event in observation.events
    ]
    observation.notices.append("event times are of a clock, so the indices of images hold")


def _require_times_after_offset(path: Path, observation: Observation) -> None:
    times = [moment.seconds for moment in observation.moments if moment.seconds is not None]
    if times and min(times) - observation.offset < -_ROUNDING:
        raise InputError(
            f"{path}: {observation.name!r}: expected event times that contain the time offset of "
            f"{observation.offset:.10g} s; found an event at {min(times):.10g} s, before the video starts: correct the "
            "offset in BORIS and export again"
        )
    if times and observation.offset:
        observation.notices.append(
            f"event times contain a time offset of {observation.offset:.10g} s, which is subtracted"
        )


def _require_one_observation_of_each(path: Path, observations: Sequence[tuple[Observation, Video]]) -> None:
    """Make sure that no video is observed twice.

    Raises:
        InputError: two observations are of one video, such as those of two observers.
    """
    names: dict[str, list[str]] = {}
    for observation, video in observations:
        names.setdefault(video.id, []).append(observation.name)
    for video_id, of_video in names.items():
        if len(of_video) > 1:
            raise InputError(
                f"{path}: expected one observation of {video_id!r}; found {', '.join(map(repr, of_video))}: delete all "
                "but one of them in BORIS (Observations, Delete observations), or export the events of one alone"
            )


def _channel(observation: Observation, event: Event) -> tuple[str, Pair | None]:
    """Return the channel of an event and its agent and target; a modifier that is an animal's name is the target."""
    if event.subject == NO_SUBJECT:
        return event.subject, None
    animals = _animals(observation)
    target = next((name for name in event.modifiers if name in animals and name != event.subject), event.subject)
    return pair_channel((event.subject, target)), (event.subject, target)


def _animals(observation: Observation) -> set[str]:
    return {*observation.subjects, *(event.subject for event in observation.events)} - {NO_SUBJECT}


def _about_modifiers(observation: Observation, pairs: Mapping[str, Pair]) -> Iterator[str]:
    if any(agent != target for agent, target in pairs.values()):
        yield "modifiers that are names of animals are the targets of behaviours"
    if {name for event in observation.events for name in event.modifiers} - _animals(observation):
        yield "modifiers of behaviours are not used"


def _to_annotations(path: Path, observation: Observation, video: Video) -> Annotations:
    rate, notices = _frame_rate(path, observation, video)
    notices = (*notices, *_follow_images(observation, rate))
    channels: dict[str, list[Bout]] = {}
    pairs: dict[str, Pair] = {}
    for event in observation.events:
        start, stop = (_frame(moment, observation.offset, rate) for moment in (event.start, event.stop))
        channel, pair = _channel(observation, event)
        channels.setdefault(channel, []).append(bout_from_frames(start, stop, event.behaviour))
        if pair is not None:
            pairs[channel] = pair
    last_stop = max(bout.stop for bouts in channels.values() for bout in bouts)
    return Annotations(
        video.id,
        {subject: tuple(bouts) for subject, bouts in channels.items()},
        background=OTHER,
        source=str(path),
        frames=_last_frame(observation, video, rate, last_stop),
        first_frame=max(0, round((observation.interval or (0.0, None))[0] * rate)),
        vocabulary={name: occurring_behaviours(observation.behaviours, bouts) for name, bouts in channels.items()},
        notices=(*observation.notices, *_about_modifiers(observation, pairs), *notices),
        pairs=pairs,
    )


def _frame(moment: Moment, offset: float, rate: float) -> int:
    return round((moment.seconds - offset) * rate) if moment.seconds is not None else moment.image or 0


def _frame_rate(path: Path, observation: Observation, video: Video) -> tuple[float, tuple[str, ...]]:
    stated, of_images = observation.rate, _rate_of_images(observation)
    notices: list[str] = []
    if of_images is not None:
        if stated:
            notices.append(f"it states {stated:g} Hz, but its images count {of_images:g} per second, which holds")
        stated = of_images
    base = time_base_of(video, path, stated, observation.duration)
    # Without times, no rate is needed.
    has_times = any(moment.seconds is not None for moment in observation.moments) or observation.interval is not None
    return base.frame_rate, (*notices, *base.notices) if has_times else ()


def _with_both(observation: Observation) -> list[tuple[float, int]]:
    """Return the times in s of the video, and the images, of moments that have both; none if files count images."""
    if len(observation.media) > 1:
        return []
    return [
        (moment.seconds - observation.offset, moment.image)
        for moment in observation.moments
        if moment.seconds is not None and moment.image is not None
    ]


def _rate_of_images(observation: Observation) -> float | None:
    """Return the frame rate at which event times give the indices of images, if the stated one does not."""
    pairs = _with_both(observation)
    seconds, image = max(pairs, default=(0.0, 0))
    if seconds < 1 or image <= 0:
        return None
    rate = round(image / seconds, 2)
    if any(abs(time * rate - number) > _IMAGE_TOLERANCE for time, number in pairs):
        return None
    stated_fits = observation.rate and abs(seconds * observation.rate - image) <= _IMAGE_TOLERANCE
    return None if stated_fits else rate


def _follow_images(observation: Observation, rate: float) -> Iterator[str]:
    """Yield a notice if images contradict the times. A shift that all moments have is taken from the times."""
    pairs = _with_both(observation)
    # The file's own rate counts its images, even if the tracks have another one.
    if observation.rate and all(
        abs(seconds * observation.rate - image) <= _IMAGE_TOLERANCE for seconds, image in pairs
    ):
        return
    shifts = [round(seconds * rate) - image for seconds, image in pairs]
    if not shifts or max(map(abs, shifts)) <= _IMAGE_TOLERANCE:
        return
    lowest, highest = min(shifts), max(shifts)
    if highest - lowest <= _IMAGE_TOLERANCE:
        shift = sorted(shifts)[len(shifts) // 2]
        observation.offset += shift / rate
        yield f"event times lie {shift} frames from the images that they name, so the images hold"
    else:
        yield (
            f"event times and the images that they name disagree by {lowest} to {highest} frames at {rate:g} Hz: times "
            "hold; check --frame-rate and the time offset"
        )


def _last_frame(observation: Observation, video: Video, rate: float, last_stop: int) -> int | None:
    """Return the frame at which observation ends; None if that is not before the end of the tracks."""
    if end := (observation.interval or (0.0, None))[1]:
        return round(end * rate)
    if not observation.duration:
        return None
    frames = max(round(observation.duration * rate), last_stop)
    # Lengths that programs give differ by some frames, which somebody has still looked at.
    return None if video.frames and frames > video.frames - max(2, rate) else frames
