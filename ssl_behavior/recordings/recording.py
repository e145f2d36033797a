"""Recording: the one container that every format yields and every later step takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.labels import Labels, read_only
from ssl_behavior.storage.digests import digest

ASSUMED_FRAME_RATE = 30.0
"""Hz, where neither a file nor the user states a frame rate."""


@dataclass(frozen=True)
class Skeleton:
    """The tracked keypoints of one individual, in the order of the keypoint dimension.

    Attributes:
        keypoints: names as the file has them.
        edges: pairs of names that are drawn as lines.
        landmarks: anatomical meaning of a name where it is not plain from the name itself (see ``poses.landmarks``).
    """

    keypoints: tuple[str, ...]
    edges: tuple[tuple[str, str], ...] = ()
    landmarks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.keypoints)) != len(self.keypoints):
            raise InputError(f"keypoint names must differ from each other; got {list(self.keypoints)}")
        unknown = {name for edge in self.edges for name in edge} | set(self.landmarks)
        if unknown := unknown - set(self.keypoints):
            raise InputError(f"skeleton names {sorted(unknown)} are no keypoints of {list(self.keypoints)}")
        object.__setattr__(self, "landmarks", MappingProxyType(dict(self.landmarks)))


class ContentHash(NamedTuple):
    """A digest as a file states it, and the very arrays that it is of, so that they need not be read to be told apart.

    Attributes:
        digest: what ``fingerprint`` gave for the arrays when they were written.
        arrays: as they were read; other arrays in their place are not spoken of.
    """

    digest: str
    arrays: tuple[np.ndarray | None, ...]


def fingerprint(arrays: Sequence[np.ndarray | None], stated: ContentHash | None = None) -> str:
    """32 characters that only equal arrays share: those stated of the very same arrays, or computed from all values."""
    if stated is not None and all(one is other for one, other in zip(arrays, stated.arrays, strict=True)):
        return stated.digest
    parts: list[str | np.ndarray] = []
    for array in arrays:
        parts += [repr(None)] if array is None else [repr((array.shape, array.dtype.str)), array]
    return digest(*parts, length=32)


@dataclass(frozen=True, eq=False)
class Recording:
    """The tracks of one video, with what is known of it. Every change makes a new recording.

    Arrays are read-only views of those that are given, not copies: do not write to these afterwards.

    Attributes:
        id: the video id that tracks, annotations and predictions are matched by.
        positions: (time, individual, keypoint, space) float32, NaN where unseen, in ``unit``.
        individuals: one name per individual.
        skeleton: the keypoints' names.
        frame_rate: Hz.
        confidence: (time, individual, keypoint) float32 in 0..1, or None.
        labels: channel name -> Labels of the same length.
        series: other time series by name, each (time, ...): precomputed features, running speed, pupil.
        unit: of the positions.
        source: the file it came from.
        metadata: what else the file says (lab, annotator, ...).
        stated: the fingerprint of positions and confidence, where their file states it.
        needs_frame_rate: the file does not state the frame rate, and ``ASSUMED_FRAME_RATE`` stands in for it; only
            readers of one format give such recordings, and ``read_recordings`` settles the rate.
    """

    id: str
    positions: np.ndarray
    individuals: tuple[str, ...]
    skeleton: Skeleton
    frame_rate: float
    confidence: np.ndarray | None = None
    labels: Mapping[str, Labels] = field(default_factory=dict)
    series: Mapping[str, np.ndarray] = field(default_factory=dict)
    unit: str = "px"
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    stated: ContentHash | None = field(default=None, repr=False)
    needs_frame_rate: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        where = f"{self.source or 'recording'} ({self.id})"
        positions = read_only(self.positions, np.float32)
        if positions.ndim != 4:
            raise InputError(
                f"{where}: positions must be (time, individual, keypoint, space); got shape {positions.shape}"
            )
        expected = (len(self.individuals), len(self.skeleton.keypoints))
        if positions.shape[1:3] != expected or positions.shape[3] not in (2, 3):
            raise InputError(
                f"{where}: expected positions of {expected[0]} individuals, {expected[1]} keypoints and 2 or 3 "
                f"coordinates; got shape {positions.shape}"
            )
        if len(set(self.individuals)) != len(self.individuals):
            raise InputError(f"{where}: individuals' names must differ from each other; got {list(self.individuals)}")
        object.__setattr__(self, "positions", positions)
        if self.confidence is not None:
            confidence = read_only(self.confidence, np.float32)
            if confidence.shape != positions.shape[:3]:
                raise InputError(f"{where}: confidence has shape {confidence.shape}, not {positions.shape[:3]}")
            object.__setattr__(self, "confidence", confidence)
        if not (np.isfinite(self.frame_rate) and self.frame_rate > 0):
            raise InputError(f"{where}: frame rate must be a positive number of Hz; got {self.frame_rate}")
        series = {name: read_only(values) for name, values in self.series.items()}
        lengths = {name: len(labels.values) for name, labels in self.labels.items()}
        lengths |= {name: len(values) for name, values in series.items()}
        for name, length in lengths.items():
            if length != len(positions):
                raise InputError(f"{where}: {name!r} has {length} frames and the tracks have {len(positions)}")
        object.__setattr__(self, "series", MappingProxyType(series))
        object.__setattr__(self, "labels", MappingProxyType(dict(self.labels)))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    def fingerprint(self) -> str:
        """Of the tracks, positions and confidence, whatever they are called (see ``fingerprint``)."""
        return fingerprint((self.positions, self.confidence), self.stated)

    def with_labels(self, labels: Mapping[str, Labels]) -> Recording:
        """The recording with these channels added or replaced."""
        return replace(self, labels={**self.labels, **labels})
