"""Changes of recordings: what goes wrong between camera and file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

Change = Callable[[Recording, np.random.Generator, Sequence[Recording]], tuple[Recording, int | None]]
"""Recording, random numbers, other recordings of its kind -> the changed recording, and its first faulty frame (None:
all frames). It raises ``CannotBe`` if the recording cannot have the fault."""


class CannotBe(Exception):
    """A recording cannot have a fault."""


def with_tracks(recording: Recording, positions: np.ndarray, confidence: np.ndarray | None = None) -> Recording:
    """The recording with these tracks in place of its own."""
    confidence = recording.confidence if confidence is None else confidence
    return replace(recording, positions=positions, confidence=confidence, content_hash=None)


def with_frames(recording: Recording, frames: np.ndarray) -> Recording:
    """The recording with these of its frames, and its labels with them."""
    return replace(
        recording,
        positions=recording.positions[frames],
        confidence=None if recording.confidence is None else recording.confidence[frames],
        labels={
            name: Labels(labels.behaviours, labels.values[frames], labels.pair)
            for name, labels in recording.labels.items()
        },
        series={},
        content_hash=None,
    )


def moved(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    """A change of all positions."""
    return lambda recording, _, __: (with_tracks(recording, change(recording.positions)), None)


def mirrored(axis: int) -> Change:
    sign = np.where(np.arange(2) == axis, -1, 1).astype(np.float32)
    return moved(lambda positions: positions * sign + np.nanmax(positions, axis=(0, 1, 2)) * (sign < 0) * 1.02)


def normalized(positions: np.ndarray) -> np.ndarray:
    return np.asarray(positions / np.nanmax(positions, axis=(0, 1, 2)))


def at_rate(factor: float) -> Change:
    return lambda recording, _, __: (replace(recording, frame_rate=recording.frame_rate * factor), None)


def every_second_frame(recording: Recording, _: np.random.Generator, __: Sequence[Recording]) -> tuple[Recording, None]:
    """A sound recording of half the frame rate."""
    half = with_frames(recording, np.arange(0, recording.frames, 2))
    return replace(half, frame_rate=recording.frame_rate / 2), None


def exchange_animals(recording: Recording, rng: np.random.Generator, _: Sequence[Recording]) -> tuple[Recording, int]:
    """Exchange the first two individuals from a random frame of the middle half on, in which both are tracked."""
    both = np.isfinite(recording.positions[:, :2, :, 0]).any(2)
    if both.shape[1] < 2:
        raise CannotBe
    frames = np.flatnonzero(both.all(1))
    at = int(rng.choice(frames[(frames > recording.frames // 4) & (frames < 3 * recording.frames // 4)]))
    positions = recording.positions.copy()
    confidence = None if recording.confidence is None else recording.confidence.copy()
    for array in (positions, confidence):
        if array is not None:
            array[at:, [0, 1]] = array[at:, [1, 0]]
    return with_tracks(recording, positions, confidence), at


def exchange_roles(recording: Recording, _: np.random.Generator, __: Sequence[Recording]) -> tuple[Recording, None]:
    if len(recording.individuals) < 2:
        raise CannotBe
    return with_tracks(recording, recording.positions[:, ::-1]), None


def one_animal(recording: Recording, _: np.random.Generator, __: Sequence[Recording]) -> tuple[Recording, None]:
    if len(recording.individuals) < 2:
        raise CannotBe
    confidence = None if recording.confidence is None else recording.confidence[:, :1]
    return (
        replace(
            recording,
            positions=recording.positions[:, :1],
            confidence=confidence,
            individuals=recording.individuals[:1],
            labels={},
            content_hash=None,
        ),
        None,
    )


def same_track(share: float) -> Change:
    """The first individual's track in place of the second's, in the last part of the recording."""

    def apply(recording: Recording, _: np.random.Generator, __: Sequence[Recording]) -> tuple[Recording, int]:
        if len(recording.individuals) < 2:
            raise CannotBe
        at = round((1 - share) * recording.frames)
        positions = recording.positions.copy()
        positions[at:, 1] = positions[at:, 0]
        confidence = None if recording.confidence is None else recording.confidence.copy()
        if confidence is not None:
            confidence[at:, 1] = confidence[at:, 0]
        return with_tracks(recording, positions, confidence), at

    return apply


def frozen(seconds: float, *, individual: int | None = None) -> Change:
    """A random frame of the middle half, held for some seconds, by all animals or by one."""

    def apply(recording: Recording, rng: np.random.Generator, _: Sequence[Recording]) -> tuple[Recording, int]:
        length = round(seconds * recording.frame_rate)
        if length > recording.frames // 4 or (individual is not None and individual >= len(recording.individuals)):
            raise CannotBe
        who = slice(None) if individual is None else individual
        # A frame in which an animal is unseen cannot be held by it.
        is_seen = np.isfinite(recording.positions[:, who, :, 0]).reshape(recording.frames, -1).sum(1) >= 4
        frames = np.flatnonzero(is_seen)
        frames = frames[(frames > recording.frames // 4) & (frames < recording.frames - length)]
        if not len(frames):
            raise CannotBe
        at = int(rng.choice(frames))
        positions = recording.positions.copy()
        positions[at : at + length, who] = positions[at, who]
        confidence = None if recording.confidence is None else recording.confidence.copy()
        if confidence is not None:
            confidence[at : at + length, who] = confidence[at, who]
        return with_tracks(recording, positions, confidence), at

    return apply


def cut(seconds: float) -> Change:
    """Some seconds are missing from a random frame of the second quarter on."""

    def apply(recording: Recording, rng: np.random.Generator, _: Sequence[Recording]) -> tuple[Recording, int]:
        length = round(seconds * recording.frame_rate)
        if length > recording.frames // 4:
            raise CannotBe
        at = int(rng.integers(recording.frames // 4, recording.frames // 2))
        return with_frames(recording, np.delete(np.arange(recording.frames), slice(at, at + length))), at

    return apply


def join(recording: Recording, rng: np.random.Generator, others: Sequence[Recording]) -> tuple[Recording, int]:
    """The first half of a recording and the second of another one with the same animals."""
    fitting = [other for other in others if other.positions.shape[1:] == recording.positions.shape[1:]]
    if not fitting:
        raise CannotBe
    other = fitting[rng.integers(len(fitting))]
    at = min(recording.frames, other.frames) // 2
    confidence = (
        None
        if recording.confidence is None or other.confidence is None
        else np.concatenate([recording.confidence[:at], other.confidence[at:]])
    )
    positions = np.concatenate([recording.positions[:at], other.positions[at:]])
    return replace(recording, positions=positions, confidence=confidence, labels={}, content_hash=None), at


def drop_every(period: int) -> Change:
    return lambda recording, _, __: (
        with_frames(recording, np.flatnonzero(np.arange(recording.frames) % period != period - 1)),
        None,
    )


def double_every(period: int, noise: float = 0.0) -> Change:
    """Every so many frames one is there twice; ``noise`` in parts of the extent of the recording."""

    def apply(recording: Recording, rng: np.random.Generator, _: Sequence[Recording]) -> tuple[Recording, None]:
        times = np.where(np.arange(recording.frames) % period == period - 1, 2, 1)
        doubled = with_frames(recording, np.repeat(np.arange(recording.frames), times))
        extent = float(np.nanmax(recording.positions) - np.nanmin(recording.positions))
        errors = rng.normal(0, noise * extent, doubled.positions.shape).astype(np.float32)
        return with_tracks(doubled, doubled.positions + errors), None

    return apply


def drop_at_random(share: float) -> Change:
    return lambda recording, rng, _: (
        with_frames(recording, np.flatnonzero(rng.random(recording.frames) >= share)),
        None,
    )


def double_at_random(share: float) -> Change:
    return lambda recording, rng, _: (
        with_frames(
            recording,
            np.repeat(np.arange(recording.frames), np.where(rng.random(recording.frames) < share, 2, 1)),
        ),
        None,
    )


def rename(shift: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Change:
    def apply(recording: Recording, _: np.random.Generator, __: Sequence[Recording]) -> tuple[Recording, None]:
        names = shift(recording.skeleton.keypoints)
        if names == recording.skeleton.keypoints:
            raise CannotBe
        return replace(recording, skeleton=Skeleton(names, landmarks=recording.skeleton.landmarks)), None

    return apply


def nose_and_tail_exchanged(names: tuple[str, ...]) -> tuple[str, ...]:
    """Exchange the foremost keypoint and the base of the tail."""
    front = next((name for name in ("nose", "snout", "head", "top") if name in names), None)
    rear = next((name for name in ("tailbase", "tail_base", "tail base", "tail") if name in names), None)
    if front is None or rear is None:
        return names
    exchanged: dict[str, str] = {front: rear, rear: front}
    return tuple(exchanged.get(name, name) for name in names)


def sides_exchanged(names: tuple[str, ...]) -> tuple[str, ...]:
    words = (("left", "right"), ("Left", "Right"))
    for left, right in words:
        names = tuple(
            name.replace(left, "#").replace(right, left).replace("#", right) if left in name or right in name else name
            for name in names
        )
    return names


def late_by(seconds: float) -> Change:
    def apply(recording: Recording, _: np.random.Generator, __: Sequence[Recording]) -> tuple[Recording, None]:
        if not recording.labels:
            raise CannotBe
        frames = round(seconds * recording.frame_rate)
        ((channel, labels),) = recording.labels.items()
        values = np.concatenate([np.full(frames, UNSCORED), labels.values[: recording.frames - frames]])
        return recording.with_labels({channel: replace(labels, values=values)}), None

    return apply


def of_another_video(
    recording: Recording, rng: np.random.Generator, others: Sequence[Recording]
) -> tuple[Recording, None]:
    """The labels of another recording, cut or continued as unscored."""
    labelled = [other for other in others if other.labels]
    if not labelled:
        raise CannotBe
    ((channel, labels),) = labelled[rng.integers(len(labelled))].labels.items()
    values = np.full(recording.frames, UNSCORED)
    length = min(len(labels.values), recording.frames)
    values[:length] = labels.values[:length]
    return recording.with_labels({channel: replace(labels, values=values)}), None
