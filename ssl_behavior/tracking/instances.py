"""Instances: the assembled peaks of a video as a recording, and the numbers that tell how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_in_order
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.recordings.peaks import Limbs, Peaks
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.tracking.affinities import LimbLengths, limb_lengths, limbs_of_lengths
from ssl_behavior.tracking.assembly import best_limbs, join
from ssl_behavior.tracking.tracks import MOST_ANIMALS


@dataclass(frozen=True, eq=False)
class AssemblyResult:
    """Instances of one video.

    Attributes:
        recording: the individuals are instances in no order: ``instance1`` of two frames need not be one animal.
        peaks: number of peaks.
        instances: number of instances in the recording.
        alone: peaks without a limb, which are left out.
        dropped: candidate limbs below the threshold.
        crowded: instances that are left out, in frames with too many.
        split: frames in which a missing keypoint may have split an animal.
        unused: edges along which no frame has a limb.
        lengths: of the limbs, if the affinities were computed from them.
    """

    recording: Recording
    peaks: int
    instances: int
    alone: int
    dropped: int
    crowded: int
    split: int
    unused: tuple[tuple[str, str], ...]
    lengths: LimbLengths | None

    def describe(self) -> Iterator[str]:
        """Yield lines on what became of the peaks, and on what is left out or in doubt."""
        name, frames = self.recording.id, count_of(self.recording.frames, "frame")
        if self.lengths is not None:
            edges = zip(self.recording.skeleton.edges, self.lengths.typical, strict=True)
            listed = ", ".join(f"{a} to {b} {typical:.3g}" for (a, b), typical in edges if np.isfinite(typical))
            yield f"{name}: no affinities in the file, so lengths decide; typical ones are {listed} px"
        yield (
            f"{name}: {count_of(self.peaks, 'peak')} in {frames} made into {count_of(self.instances, 'instance')}; "
            f"{count_of(self.alone, 'peak')} left alone, {count_of(self.dropped, 'candidate limb')} dropped below the "
            "threshold"
        )
        if self.crowded:
            most = len(self.recording.individuals)
            yield f"{name}: {count_of(self.crowded, 'instance')} left out, in frames with more than {most}"
        if self.unused:
            listed = list_in_order([f"{a} to {b}" for a, b in self.unused], 5)
            yield f"{name}: no frame has a limb from {listed}: every animal is in two parts there"
        if self.split:
            yield (
                f"{name}: in {count_of(self.split, 'frame')} a missing keypoint may have split an animal: assembly "
                "assumes that every keypoint between two others was found"
            )


def assemble_peaks(
    peaks: Peaks, limbs: Limbs | None, individuals: int | None = None, threshold: float = 0.0
) -> AssemblyResult:
    """Assemble the peaks of a video.

    Args:
        peaks: of one video, whose skeleton is a tree.
        limbs: candidate limbs; without any, those that typical lengths make likely.
        individuals: most instances in a frame; those with the greatest sums of affinities are kept.
        threshold: candidate limbs with a lower affinity are dropped; 0 or more.

    Raises:
        InputError: no two peaks are joined.

    Examples:
        >>> peaks, limbs = read(Path("day1.npz"), skeleton)  # doctest: +SKIP
        >>> assemble_peaks(peaks, limbs, individuals=2).recording  # doctest: +SKIP
        Recording 'day1': 54,000 frames at 30 Hz; individuals: instance1, instance2
    """
    lengths = None
    if limbs is None:
        lengths = limb_lengths(peaks)
        limbs, dropped = limbs_of_lengths(peaks, lengths, threshold)
    else:
        is_kept = limbs.affinity >= threshold
        limbs, dropped = limbs.subset(is_kept), int((~is_kept).sum())
    chosen = best_limbs(peaks, limbs)
    found = int(peaks.is_found.sum())
    if not len(chosen):
        raise InputError(
            f"{peaks.source or peaks.id}: expected peaks that limbs join into instances; found none among "
            f"{count_of(found, 'peak')} ({count_of(dropped, 'limb')} dropped): lower --threshold, or correct the file"
        )
    groups = _Groups(peaks, chosen)
    is_used = groups.is_instance & (groups.rank < (individuals or MOST_ANIMALS))
    return AssemblyResult(
        recording=groups.recording(is_used),
        peaks=found,
        instances=int(is_used.sum()),
        alone=int((groups.size == 1).sum()),
        dropped=dropped,
        crowded=int((groups.is_instance & ~is_used).sum()),
        split=groups.split_frames(individuals),
        unused=tuple(edge for i, edge in enumerate(peaks.skeleton.edges) if i not in chosen.edge),
        lengths=lengths,
    )


def _require_memory(peaks: Peaks, shape: tuple[int, int, int]) -> None:
    """Make sure that instances (time, instance, keypoint) take memory in proportion to the peaks."""
    needed = 3 * np.dtype(np.float32).itemsize * math.prod(shape)
    if needed > most_bytes(peaks.frame.nbytes + peaks.positions.nbytes):
        frames, slots, _ = shape
        raise InputError(
            f"{peaks.source or peaks.id}: expected instances that fit into memory; found up to {slots} in one of "
            f"{count_of(frames, 'frame')}: state the number of animals with --individuals, or correct the frame numbers"
        )


class _Groups:
    """Peaks in groups that limbs join.

    Attributes:
        frame: (group,) of its peaks.
        size: (group,) number of peaks.
        is_instance: (group,) whether a limb joins two peaks of it.
        rank: (group,) place among the groups of its frame, from that with the greatest sum of affinities.
    """

    def __init__(self, peaks: Peaks, limbs: Limbs) -> None:
        self.peaks, self.group = peaks, join(peaks, limbs)
        number = int(self.group.max()) + 1
        self.frame = np.empty(number, np.int64)
        self.frame[self.group] = peaks.frame
        self.size = np.bincount(self.group[peaks.is_found], minlength=number)
        self.is_instance = self.size > 1
        total = np.bincount(self.group[limbs.source], limbs.affinity, number)
        order = np.lexsort([-total, ~self.is_instance, self.frame])
        starts = np.flatnonzero(np.diff(self.frame[order], prepend=-1))
        self.rank = np.empty(number, np.int64)
        self.rank[order] = np.arange(number) - np.repeat(starts, np.diff(starts, append=number))

    def recording(self, is_used: np.ndarray) -> Recording:
        """Return the recording of these groups (group,); each is the individual of its rank."""
        peaks, slots = self.peaks, int(self.rank[is_used].max()) + 1
        rows = np.flatnonzero(is_used[self.group])
        at = (peaks.frame[rows], self.rank[self.group[rows]], peaks.keypoint[rows])
        shape = (peaks.frames, slots, len(peaks.skeleton.keypoints))
        _require_memory(peaks, shape)
        positions = np.full((*shape, 2), np.nan, np.float32)
        positions[at] = peaks.positions[rows]
        confidence = None
        if peaks.confidence is not None:
            confidence = np.zeros(shape, np.float32)
            confidence[at] = peaks.confidence[rows]
        return Recording(
            id=peaks.id,
            positions=positions,
            individuals=tuple(f"instance{i + 1}" for i in range(slots)),
            skeleton=peaks.skeleton,
            frame_rate=peaks.frame_rate or ASSUMED_FRAME_RATE,
            confidence=confidence,
            source=peaks.source,
            frame_rate_is_assumed=peaks.frame_rate is None,
        )

    def split_frames(self, individuals: int | None) -> int:
        """Count the frames in which two groups may be one animal.

        They share no keypoint, and fewer animals than ``individuals`` are whole.
        """
        peaks, keypoints = self.peaks, len(self.peaks.skeleton.keypoints)
        has = np.zeros((len(self.size), keypoints), np.int64)
        has[self.group[peaks.is_found], peaks.keypoint[peaks.is_found]] = 1
        is_whole = self.size == keypoints
        whole = np.bincount(self.frame[is_whole], minlength=peaks.frames)
        is_part = (self.size > 0) & ~is_whole
        if individuals is not None:
            is_part &= whole[self.frame] < individuals
        parts = np.flatnonzero(is_part)
        parts = parts[np.argsort(self.frame[parts], kind="stable")]
        of_frames = np.split(has[parts], np.flatnonzero(np.diff(self.frame[parts])) + 1)
        return sum(bool((of_frame @ of_frame.T == 0).any()) for of_frame in of_frames)
