"""Preparation of recordings: ``Recording`` -> ``Poses``.

Recordings become comparable: the same landmarks and frame rate, without outliers and short gaps, in body lengths, and
with the centre and heading of every animal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from ssl_behavior.cli.validators import AtLeast, AtMost, FrameRate
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError
from ssl_behavior.poses.cleaning import body_frames, body_length, fill_gaps, remove_outliers, resample
from ssl_behavior.poses.landmarks import as_landmarks, coverage_notice
from ssl_behavior.poses.poses import Poses, pack, unpack
from ssl_behavior.recordings.individuals import select_individuals
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import cache
from ssl_behavior.storage.paths import with_skip_hint


class UnseenAnimals(InputError):
    """Animals that are never seen with enough confidence.

    Attributes:
        seen: the names of the others, in their order.
        unseen: their names.
    """

    def __init__(self, message: str, seen: Sequence[str], unseen: Sequence[str]) -> None:
        super().__init__(message)
        self.seen, self.unseen = tuple(seen), tuple(unseen)


@dataclass(frozen=True)
class Preparation:
    """How recordings are made comparable.

    Attributes:
        frame_rate: Hz to which recordings are resampled.
        min_confidence: keypoints with a lower confidence count as unseen.
        max_gap: longest gap, in seconds, over which an unseen keypoint is interpolated.
    """

    frame_rate: FrameRate = 15.0
    min_confidence: Annotated[float, AtLeast(0), AtMost(1)] = 0.1
    max_gap: Annotated[float, AtLeast(0)] = 0.5


_LARGEST_COORDINATE = 1e9
"""In any unit: a kilometre in micrometres. Files write larger numbers for unseen keypoints, if for anything."""
_ROUNDING = 1e-3
_SAME_RATE = 1e-3
"""Relative difference below which two frame rates are the same: 29.97 Hz video is treated as 30 Hz."""


def prepare(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> Poses:
    """Make a recording comparable with others.

    Args:
        recording: recording with positions in the plane and at least one of the landmarks.
        landmarks: names of the landmarks, in the order that the encoder takes.
        settings: frame rate, confidence and gaps.

    Raises:
        InputError: the positions are not in the plane, a coordinate or a confidence cannot be, the recording has none
            of the landmarks, an individual is never seen, or no frame shows the front and the rear of an animal.

    Examples:
        >>> poses = prepare(recording, ("nose", "centre", "tail base"), Preparation(frame_rate=30.0))
    """
    where = recording.source or recording.id
    positions = _landmark_positions(recording, landmarks, settings.min_confidence, where)
    length = body_length(positions, landmarks)
    positions = remove_outliers(positions / length)
    frame_rate = settings.frame_rate
    is_same_rate = abs(recording.frame_rate - frame_rate) < _SAME_RATE * frame_rate
    native_rate = frame_rate if is_same_rate else recording.frame_rate
    seen = ~np.isnan(positions[..., 0])
    # Gaps are filled before resampling, which would otherwise ignore points that lie between the new frames.
    positions = fill_gaps(positions, round(settings.max_gap * native_rate))
    positions, seen, native_frames = resample(positions, seen, native_rate, frame_rate)
    centre, heading = body_frames(positions, landmarks, frame_rate)
    if np.isnan(heading).all():
        raise InputError(
            f"{where}: expected a keypoint at the front of the body and one at its rear, both seen in some frame; "
            f"found {', '.join(recording.skeleton.keypoints)} in {recording.id!r}: if these are among "
            "them, say which with --skeleton FILE; if not, leave out the recording"
        )
    return Poses(
        recording.id,
        positions,
        seen,
        centre,
        heading,
        frame_rate,
        native_rate,
        length,
        native_frames,
        tuple(landmarks),
        recording.individuals,
        recording.frames,
    )


def _landmark_positions(
    recording: Recording, landmarks: Sequence[str], min_confidence: float, where: str
) -> np.ndarray:
    """Return positions (time, individual, landmark, 2), NaN where confidence is too low or a coordinate not finite.

    Raises:
        InputError: as ``prepare``, ``where`` named first.
    """
    if recording.positions.shape[-1] != 2:
        raise InputError(
            f"{where}: expected positions in the plane; found {recording.positions.shape[-1]} coordinates in "
            f"{recording.id!r}: project them to the floor of the arena first"
        )
    _require_possible(recording, where)
    positions = recording.positions.copy()
    if recording.confidence is not None:
        positions[recording.confidence < min_confidence] = np.nan
    positions[~np.isfinite(positions).all(-1)] = np.nan
    try:
        positions = as_landmarks(recording.skeleton, landmarks, positions)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if (unseen := np.isnan(positions[..., 0]).all((0, 2))).any():
        never = [name for name, is_unseen in zip(recording.individuals, unseen, strict=True) if is_unseen]
        seen = [name for name in recording.individuals if name not in never]
        advice = f"choose the others with --individuals {','.join(seen)}" if seen else "leave out the recording"
        raise UnseenAnimals(
            f"{where}: expected keypoints of every animal; found none of {', '.join(never)} in any frame of "
            f"{recording.id!r} (with a confidence of at least {min_confidence:g}): {advice}",
            seen,
            never,
        )
    return positions


def _require_possible(recording: Recording, where: str) -> None:
    """Make sure that coordinates and confidences are numbers that a tracker can give.

    Raises:
        InputError: one of them is not; ``where`` is named first.
    """
    largest = np.abs(recording.positions).max(initial=0, where=np.isfinite(recording.positions))
    if largest > _LARGEST_COORDINATE:
        raise InputError(
            f"{where}: expected coordinates of at most {_LARGEST_COORDINATE:g}; found {largest:g} in {recording.id!r}: "
            "if this stands for an unseen keypoint, replace it by NaN or an empty cell"
        )
    if (confidence := recording.confidence) is not None:
        lowest, highest = np.fmin.reduce(confidence, None, initial=0), np.fmax.reduce(confidence, None, initial=0)
        if lowest < 0 or highest > 1 + _ROUNDING:
            raise InputError(
                f"{where}: expected confidences from 0 to 1; found {lowest:g} to {highest:g} in {recording.id!r}: "
                "divide them by their largest possible value"
            )


def prepare_cached(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> Poses:
    """Prepare a recording, or take it from the cache if the same tracks were prepared with the same settings.

    The arrays of poses from the cache are memory maps.

    Raises:
        InputError: as ``prepare``.
    """
    skeleton = recording.skeleton
    names = (skeleton.keypoints, dict(skeleton.landmarks), tuple(landmarks))
    poses = cache.cached(
        "poses",
        lambda: (recording.fingerprint(), names, recording.frame_rate, settings),
        lambda: prepare(recording, landmarks, settings),
        pack,
        unpack,
    )
    # The key of the cache is the tracks, which may have been cached under another id and other names.
    return replace(poses, id=recording.id, individuals=recording.individuals)


def _prepare_seen(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> tuple[Recording, Poses]:
    """Prepare a recording without the animals that are never seen, and print their names.

    Raises:
        InputError: as ``prepare``, if no animal is seen too.
    """
    try:
        return recording, prepare_cached(recording, landmarks, settings)
    except UnseenAnimals as error:
        kept = select_individuals(recording, error.seen) if error.seen else None
        # Labels of a pair say nothing about the animals that remain.
        if kept is None or len(kept.labels) < len(recording.labels):
            raise
        print(
            f"{recording.id}: {', '.join(error.unseen)} is never seen with a confidence of at least "
            f"{settings.min_confidence:g}, and left out"
        )
        return kept, prepare_cached(kept, landmarks, settings)


def prepare_all(
    recordings: Sequence[Recording], landmarks: Sequence[str], settings: Preparation, skip_bad: bool | None = None
) -> list[Poses]:
    """Prepare recordings.

    Args:
        recordings: recordings in any order.
        landmarks: names of the landmarks, in the order that the encoder takes.
        settings: settings of the preparation.
        skip_bad: print why a recording cannot be used and go on without it; None if the caller has no option for that.

    Raises:
        InputError: a recording cannot be used, or with ``skip_bad`` none of them can.
    """
    return [poses for _, poses in prepare_each(recordings, landmarks, settings, skip_bad)]


def prepare_each(
    recordings: Sequence[Recording],
    landmarks: Sequence[str],
    settings: Preparation,
    skip_bad: bool | None = None,
    doing: str = "preparing",
) -> Iterator[tuple[Recording, Poses]]:
    """Prepare one recording after the other under a progress bar, so that one alone is in memory.

    Args:
        recordings: recordings in any order.
        landmarks: names of the landmarks, in the order that the encoder takes.
        settings: settings of the preparation.
        skip_bad: print why a recording cannot be used and go on without it; None if the caller has no option for that.
        doing: description of the progress bar.

    Yields:
        Each usable recording and its poses.

    Raises:
        InputError: a recording cannot be used, or with ``skip_bad`` none of them can.
    """
    for notice in dict.fromkeys(coverage_notice(recording.skeleton, landmarks) for recording in recordings):
        print(notice, end="\n" if notice else "")
    usable = 0
    for recording in progress(recordings, doing, unit="video", leave=False, shown=len(recordings) > 1):
        try:
            recording, poses = _prepare_seen(recording, landmarks, settings)
        except InputError as error:
            if not skip_bad:
                raise (error if skip_bad is None else with_skip_hint(error, len(recordings))) from None
            print(f"skipped: {error}")
            continue
        usable += 1
        yield recording, poses
    if not usable:
        raise InputError(f"none of {len(recordings)} recordings can be used; see the reasons above")
