"""Recordings made comparable: clean, same landmarks, same frame rate, in body lengths, with a frame on every body."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ssl_behavior.errors import InputError
from ssl_behavior.poses.landmarks import as_landmarks, coverage
from ssl_behavior.recordings import Recording

# Distances that measure a body, with their length relative to head to tail base (medians of CalMS21's mice).
_BODY_LENGTHS = (("head", "tail base", 1.0), ("neck", "tail base", 0.9), ("nose", "tail base", 1.35))
_FRONT = (("head",), ("neck",), ("left ear", "right ear"), ("nose",), ("front spine",), ("centre",))
_REAR = (("tail base",), ("left hip", "right hip"), ("rear spine",), ("centre",))
_CENTRE = (
    ("centre",),
    ("neck", "tail base"),
    ("head", "tail base"),
    ("left hip", "right hip"),
    ("tail base",),
    ("head",),
)


@dataclass(frozen=True)
class Preparation:
    """How recordings are made comparable.

    Attributes:
        frame_rate: Hz that they are resampled to.
        min_confidence: keypoints the tracker was less sure of count as unseen.
        max_gap: seconds up to which an unseen keypoint is filled in.
    """

    frame_rate: float = 15.0
    min_confidence: float = 0.1
    max_gap: float = 0.5


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

    def pairs(self) -> list[tuple[int, int]]:
        """Ordered pairs (agent, target) of individuals; a lone animal is paired with itself."""
        n = len(self.individuals)
        return [(0, 0)] if n == 1 else [(i, j) for i in range(n) for j in range(n) if i != j]

    def fingerprint(self) -> str:
        """16 characters that only the same tracks share, whatever they are called."""
        return hashlib.sha256(np.ascontiguousarray(self.positions).tobytes()).hexdigest()[:16]

    def to_native(self, values: np.ndarray) -> np.ndarray:
        """Values (time, ...) at the recording's own frames: linearly interpolated, or, of integers, the nearest."""
        at = np.minimum(np.arange(self.frames) * (self.frame_rate / self.native_rate), len(values) - 1)
        if values.dtype.kind in "iu":
            return values[np.rint(at).astype(int)]
        low = np.floor(at).astype(int)
        weight = (at - low).reshape(-1, *([1] * (values.ndim - 1))).astype(np.float32)
        high = np.minimum(low + 1, len(values) - 1)
        return values[low] * (1 - weight) + values[high] * weight


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
    native_rate = recording.frame_rate or frame_rate
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


def prepare_all(
    recordings: Sequence[Recording], landmarks: Sequence[str], settings: Preparation, skip_bad: bool = False
) -> list[Poses]:
    """``prepare`` for each recording; with ``skip_bad``, one that cannot be used is reported and left out."""
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
    for recording in tqdm(recordings, doing, unit="video", leave=False, disable=len(recordings) < 2):
        try:
            poses = prepare(recording, landmarks, settings)
        except InputError as error:
            if not skip_bad:
                raise
            print(f"skipped: {error}")
            continue
        usable += 1
        yield recording, poses
    if not usable:
        raise InputError(f"none of {len(recordings)} recordings can be used")


def body_length(positions: np.ndarray, landmarks: Sequence[str]) -> float:
    """Median head to tail base distance over frames and individuals, or what comes nearest to it, in the same unit.

    One length for the group, so that who is larger stays visible.
    """
    index = {name: i for i, name in enumerate(landmarks)}
    for front, rear, relative in _BODY_LENGTHS:
        if front in index and rear in index:
            distance = np.linalg.norm(positions[:, :, index[front]] - positions[:, :, index[rear]], axis=-1)
            if np.isfinite(distance).any():
                return float(max(np.nanmedian(distance) / relative, 1e-6))
    low, high = (_quiet(reduce, positions, 2) for reduce in (np.nanmin, np.nanmax))
    extent = np.linalg.norm(high - low, axis=-1)
    return float(_quiet(np.nanmedian, extent[extent > 0], None)) if (extent > 0).any() else 1.0


def without_outliers(positions: np.ndarray, reach: float = 2.0, jump: float = 0.5) -> np.ndarray:
    """Points in body lengths that no body can reach become NaN.

    A point goes if it lies more than ``reach`` from the median of its animal's points, or if it leaves by more than
    ``jump`` within one frame and is back within half of that the frame after.
    """
    out = positions.copy()
    if positions.shape[2] > 2:
        out[np.linalg.norm(positions - _medians(positions), axis=-1) > reach] = np.nan
    step = np.linalg.norm(np.diff(out, axis=0), axis=-1)
    back = np.linalg.norm(out[2:] - out[:-2], axis=-1)
    out[1:-1][(step[:-1] > jump) & (step[1:] > jump) & (back < jump / 2)] = np.nan
    return out


def _medians(positions: np.ndarray) -> np.ndarray:
    """(time, individual, 1, space) of the known landmarks, NaN where there are none; three times faster than numpy's."""
    ordered, known = np.sort(positions, axis=2), (~np.isnan(positions)).sum(2, keepdims=True)  # NaN comes last
    low, high = (np.take_along_axis(ordered, at, 2) for at in (np.maximum(known - 1, 0) // 2, known // 2))
    return (low + high) / 2


def resample(positions: np.ndarray, rate: float, to_rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear interpolation in time.

    Returns:
        positions at ``to_rate``, which of them are seen (both neighbours were), and each frame's nearest old frame.
    """
    frames = len(positions)
    if rate == to_rate or frames < 2:
        return positions, ~np.isnan(positions[..., 0]), np.arange(frames)
    at = np.arange(int((frames - 1) * to_rate / rate + 1e-6) + 1) * (rate / to_rate)
    low = np.minimum(np.floor(at + 1e-6).astype(int), frames - 1)
    weight = np.clip(at - low, 0, 1)[:, None, None, None].astype(np.float32)
    after = positions[np.minimum(low + 1, frames - 1)]
    # A frame that falls on an old one does not need the next.
    between = np.where(weight < 1e-5, positions[low], positions[low] * (1 - weight) + after * weight)
    return between, ~np.isnan(between[..., 0]), np.rint(at).astype(int)


def fill_gaps(values: np.ndarray, longest: int) -> np.ndarray:
    """Fill runs of NaN of at most ``longest`` frames between known values (time, ..., space), linearly."""
    frames = len(values)
    known = ~np.isnan(values[..., 0])
    time = np.arange(frames).reshape(-1, *([1] * (known.ndim - 1)))
    before = np.maximum.accumulate(np.where(known, time, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, time, frames)[::-1], axis=0)[::-1]
    gap = ~known & (before >= 0) & (after < frames) & (after - before - 1 <= longest)
    at = np.nonzero(gap)
    rest, start, stop = at[1:], before[at], after[at]
    weight = ((at[0] - start) / np.maximum(stop - start, 1)).astype(np.float32)[:, None]
    out = values.copy()
    out[at] = values[(start, *rest)] * (1 - weight) + values[(stop, *rest)] * weight
    return out


def body_frames(positions: np.ndarray, landmarks: Sequence[str], frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Every animal's centre (time, individual, 2) and unit heading from rear to front, NaN where it is unknown.

    Each frame takes the best landmarks that are known in it; gaps of up to two seconds are bridged.
    """
    front = _first_known(positions, landmarks, _FRONT)
    rear = _first_known(positions, landmarks, _REAR)
    centre = _first_known(positions, landmarks, _CENTRE)
    lost = np.isnan(centre)
    centre[lost] = _quiet(np.nanmean, positions, 2)[lost]
    axis = front - rear
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    heading = np.where(length > 1e-3, axis / np.maximum(length, 1e-3), np.nan).astype(np.float32)
    bridge = max(1, round(2 * frame_rate))
    centre, heading = fill_gaps(centre, bridge), fill_gaps(heading, bridge)
    heading /= np.maximum(np.linalg.norm(heading, axis=-1, keepdims=True), 1e-3)
    unknown = np.isnan(centre) | np.isnan(heading)
    centre[unknown.any(-1)] = np.nan
    heading[unknown.any(-1)] = np.nan
    return centre, heading


def _first_known(positions: np.ndarray, landmarks: Sequence[str], choices: Sequence[Sequence[str]]) -> np.ndarray:
    index = {name: i for i, name in enumerate(landmarks)}
    out = np.full((*positions.shape[:2], 2), np.nan, np.float32)
    for names in choices:
        if all(name in index for name in names):
            point = positions[:, :, [index[name] for name in names]].mean(2)
            out = np.where(np.isnan(out), point, out)
    return out


def _quiet(reduce: Callable[..., np.ndarray], values: np.ndarray, axis: int | None) -> np.ndarray:
    """A nan-aware reduction in which an empty slice is NaN without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return reduce(values, axis=axis)
