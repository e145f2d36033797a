"""Recordings made comparable: clean, same landmarks, same frame rate, in body lengths, with a frame on every body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any

import numpy as np

from ssl_behavior.cli.validators import Above, AtLeast
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError
from ssl_behavior.poses.cleaning import body_frames, body_length, fill_gaps, resample, without_outliers
from ssl_behavior.poses.landmarks import as_landmarks, coverage
from ssl_behavior.recordings.recording import ContentHash, Recording
from ssl_behavior.storage import cache
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.paths import skippable


@dataclass(frozen=True)
class Preparation:
    """How recordings are made comparable.

    Attributes:
        frame_rate: Hz that they are resampled to.
        min_confidence: keypoints the tracker was less sure of count as unseen.
        max_gap: seconds up to which an unseen keypoint is filled in.
    """

    frame_rate: Annotated[float, Above(0)] = 15.0
    min_confidence: Annotated[float, AtLeast(0)] = 0.1
    max_gap: Annotated[float, AtLeast(0)] = 0.5


@dataclass(frozen=True, eq=False)
class Poses:
    """A recording as the encoder takes it.

    Attributes:
        id: the recording's id.
        positions: (time, individual, landmark, 2) float32 in body lengths, short gaps filled, NaN where unknown.
        seen: (time, individual, landmark) bool, True where tracked (and not filled).
        centre: (time, individual, 2) float32 in body lengths, NaN where the animal is unknown.
        heading: (time, individual, 2) float32 unit vectors from rear to front, NaN where unknown.
        frame_rate: Hz.
        native_rate: Hz of the recording itself.
        body_length: of the group in the recording's own unit.
        native_frames: (time,) int64, the recording's frame nearest to each.
        individuals: names, in order.
        frames: number of frames of the recording before resampling.
        stated: the fingerprint of the positions, where their file states it.
    """

    id: str
    positions: np.ndarray
    seen: np.ndarray
    centre: np.ndarray
    heading: np.ndarray
    frame_rate: float
    native_rate: float
    body_length: float
    native_frames: np.ndarray
    individuals: tuple[str, ...]
    frames: int
    content_hash: ContentHash | None = field(default=None, repr=False)

    def pairs(self) -> list[tuple[int, int]]:
        """Ordered pairs (agent, target) of individuals; a lone animal is paired with itself."""
        n = len(self.individuals)
        return [(0, 0)] if n == 1 else [(i, j) for i in range(n) for j in range(n) if i != j]

    def fingerprint(self) -> str:
        """16 characters that only the same tracks share, whatever they are called."""
        if self.content_hash is not None and self.positions is self.content_hash.arrays[0]:
            return self.content_hash.digest
        return digest(self.positions)

    def between(self, start: int, stop: int) -> Poses:
        """Frames ``start`` to ``stop``."""
        return replace(self, **{name: getattr(self, name)[start:stop] for name in ARRAYS}, content_hash=None)

    def to_native(self, values: np.ndarray) -> np.ndarray:
        """Values (time, ...) at the recording's own frames: linearly interpolated, or, of integers, the nearest."""
        at = np.minimum(np.arange(self.frames) * (self.frame_rate / self.native_rate), len(values) - 1)
        if values.dtype.kind in "iu":
            return values[np.rint(at).astype(int)]
        low = np.floor(at).astype(int)
        weight = (at - low).reshape(-1, *([1] * (values.ndim - 1))).astype(np.float32)
        high = np.minimum(low + 1, len(values) - 1)
        return values[low] * (1 - weight) + values[high] * weight


ARRAYS = tuple(one.name for one in fields(Poses) if one.type == "np.ndarray")
PLAIN = tuple(one.name for one in fields(Poses) if one.name not in (*ARRAYS, "content_hash"))


def pack(poses: Poses) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Poses as ``formats.mapped.write_arrays`` takes them: their arrays by name, and all else."""
    about = {name: getattr(poses, name) for name in PLAIN} | {"fingerprint": poses.fingerprint()}
    return {name: getattr(poses, name) for name in ARRAYS}, about


def unpack(arrays: Mapping[str, np.ndarray], about: Any) -> Poses:
    """The poses that ``pack`` took apart.

    Raises:
        KeyError, TypeError: something is missing or of another kind.
    """
    known: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | {name: about[name] for name in PLAIN}
    known["individuals"] = tuple(about["individuals"])
    return Poses(**known, content_hash=ContentHash(str(about["fingerprint"]), (arrays["positions"],)))


def prepare(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> Poses:
    """Make a recording comparable with others.

    Args:
        recording: with at least one of the landmarks.
        landmarks: names, in the order the encoder takes them.
        settings: how.

    Raises:
        InputError: if an individual is never seen, or where its front and rear are is never known.
    """
    where = recording.source or recording.id
    if recording.positions.shape[-1] != 2:
        raise InputError(
            f"{where}: expected positions in the plane; {recording.id!r} has {recording.positions.shape[-1]} "
            "coordinates: project them to the arena's floor first"
        )
    positions = recording.positions.copy()
    if recording.confidence is not None:
        positions[recording.confidence < settings.min_confidence] = np.nan
    positions[~np.isfinite(positions).all(-1)] = np.nan
    positions = as_landmarks(recording, landmarks, positions)
    if (unseen := np.isnan(positions[..., 0]).all((0, 2))).any():
        names = ", ".join(name for name, never in zip(recording.individuals, unseen, strict=True) if never)
        raise InputError(
            f"{where}: expected keypoints of every animal; {recording.id!r} has none of {names} in any frame "
            f"(confidence of at least {settings.min_confidence:g}): leave out the recording or the animal"
        )
    length = body_length(positions, landmarks)
    positions = without_outliers(positions / length)
    frame_rate = settings.frame_rate
    native_rate = recording.frame_rate
    if abs(native_rate - frame_rate) < 1e-3 * frame_rate:
        native_rate = frame_rate  # 29.97 Hz is taken for 30
    positions, seen, native_frames = resample(positions, native_rate, frame_rate)
    positions = fill_gaps(positions, round(settings.max_gap * frame_rate))
    centre, heading = body_frames(positions, landmarks, frame_rate)
    if np.isnan(heading).all():
        raise InputError(
            f"{where}: expected a keypoint at the body's front and one at its rear, seen together; "
            f"{recording.id!r} has {', '.join(recording.skeleton.keypoints)}: say what they mean with --skeleton FILE"
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
        recording.individuals,
        recording.frames,
    )


def prepare_kept(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> Poses:
    """``prepare``, from the cache where the same tracks were prepared so before; its arrays are memory maps.

    Raises:
        InputError: as ``prepare``.
    """
    skeleton = recording.skeleton
    names = (skeleton.keypoints, dict(skeleton.landmarks), tuple(landmarks))
    poses = cache.kept(
        "poses",
        lambda: (recording.fingerprint(), names, recording.frame_rate, settings),
        lambda: prepare(recording, landmarks, settings),
        pack,
        unpack,
    )
    return replace(poses, id=recording.id, individuals=recording.individuals)


def prepare_all(
    recordings: Sequence[Recording], landmarks: Sequence[str], settings: Preparation, skip_bad: bool = False
) -> list[Poses]:
    """``prepare_kept`` for each recording; with ``skip_bad``, one that cannot be used is reported and left out."""
    return [poses for _, poses in prepare_each(recordings, landmarks, settings, skip_bad)]


def prepare_each(
    recordings: Sequence[Recording],
    landmarks: Sequence[str],
    settings: Preparation,
    skip_bad: bool = False,
    doing: str = "preparing",
) -> Iterator[tuple[Recording, Poses]]:
    """``prepare_all`` one recording after the other, each with its poses, under a progress bar.

    Raises:
        InputError: a recording cannot be used, or with ``skip_bad`` none of them can.
    """
    for notice in dict.fromkeys(coverage(recording.skeleton, landmarks) for recording in recordings):
        print(notice, end="\n" if notice else "")
    usable = 0
    for recording in progress(recordings, doing, unit="video", leave=False, shown=len(recordings) > 1):
        try:
            poses = prepare_kept(recording, landmarks, settings)
        except InputError as error:
            if not skip_bad:
                raise skippable(error, len(recordings)) from None
            print(f"skipped: {error}")
            continue
        usable += 1
        yield recording, poses
    if not usable:
        raise InputError(f"none of {len(recordings)} recordings can be used")
