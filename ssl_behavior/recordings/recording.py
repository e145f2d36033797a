"""Recording: the one container that every format yields and every later step takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_in_order
from ssl_behavior.recordings.content_hash import ContentHash, fingerprint
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.recordings.labels import Labels, read_only_view
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.names import require_names

ASSUMED_FRAME_RATE = 30.0
"""Hz, used where neither the file nor the user gives a frame rate."""

_MAX_NAMES = 8
"""Names of each kind that ``repr`` lists: enough for most skeletons, few enough for two lines."""


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """The tracks of one video, with its labels and metadata. Every change makes a new recording.

    Arrays become read-only views, not copies: do not write to the originals afterwards.

    Attributes:
        id: the video id that matches tracks with annotations and predictions.
        positions: (time, individual, keypoint, space) float32 in ``unit``, NaN where unseen.
        individuals: one name per individual.
        skeleton: the keypoints.
        frame_rate: Hz.
        confidence: (time, individual, keypoint) float32 in 0..1, or None.
        labels: channel -> Labels of the same length.
        series: name -> other time series (time, ...): precomputed features, running speed, pupil size.
        unit: unit of the positions.
        source: the file that the recording was read from.
        metadata: further facts from the file (lab, annotator, ...).
        content_hash: the fingerprint of positions and confidence, if the file stores it.
        frame_rate_is_assumed: neither the file nor the user gives a frame rate, so ``ASSUMED_FRAME_RATE`` stands in
            for it.
        notices: what a reader assumed or left out, a sentence each, without the file's name. ``read_recordings``
            prints and drops them.

    Raises:
        InputError: shapes or lengths disagree, individuals share a name, a name is endless or holds control characters,
            or no video has such a frame rate.

    Examples:
        >>> Recording("a", np.zeros((90, 1, 2, 2)), ("mouse",), Skeleton(("nose", "tail")), 30.0)
        Recording 'a': 90 frames at 30 Hz; individuals: mouse
          keypoints: nose, tail; labels: none; source: none
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
    content_hash: ContentHash | None = None
    frame_rate_is_assumed: bool = False
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"{self.source or 'recording'} ({self.id})"
        object.__setattr__(self, "positions", self._checked_positions(where))
        if self.confidence is not None:
            confidence = read_only_view(self.confidence, np.float32)
            if confidence.shape != self.positions.shape[:3]:
                raise InputError(f"{where}: confidence has shape {confidence.shape}, not {self.positions.shape[:3]}")
            object.__setattr__(self, "confidence", confidence)
        require_frame_rate(self.frame_rate, where)
        _require_names(self, where)
        series = {name: read_only_view(values) for name, values in self.series.items()}
        lengths = {name: len(labels.values) for name, labels in self.labels.items()}
        lengths |= {name: len(values) for name, values in series.items()}
        for name, length in lengths.items():
            if length != self.frames:
                raise InputError(f"{where}: {name!r} has {length} frames and the tracks have {self.frames}")
        object.__setattr__(self, "series", MappingProxyType(series))
        object.__setattr__(self, "labels", MappingProxyType(dict(self.labels)))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def _checked_positions(self, where: str) -> np.ndarray:
        """Return the positions as read-only float32, once individuals and keypoints fit their shape."""
        positions = read_only_view(self.positions, np.float32)
        if positions.ndim != 4:
            raise InputError(
                f"{where}: positions must be (time, individual, keypoint, space); got shape {positions.shape}"
            )
        if not isinstance(self.skeleton, Skeleton):
            raise InputError(f"{where}: expected a Skeleton; found {self.skeleton!r:.60}")
        expected = (len(self.individuals), len(self.skeleton.keypoints))
        if positions.shape[1:3] != expected or positions.shape[3] not in (2, 3):
            raise InputError(
                f"{where}: expected positions of {expected[0]} individuals, {expected[1]} keypoints and 2 or 3 "
                f"coordinates; got shape {positions.shape}"
            )
        if len(set(self.individuals)) != len(self.individuals):
            raise InputError(f"{where}: individuals' names must differ from each other; got {list(self.individuals)}")
        return positions

    def __repr__(self) -> str:
        """Describe the recording in two lines: arrays would fill a notebook's screen."""
        return (
            f"Recording {self.id!r}: {count_of(self.frames, 'frame')} at {self.frame_rate:g} Hz; "
            f"individuals: {_listed(self.individuals)}\n"
            f"  keypoints: {_listed(self.skeleton.keypoints)}; labels: {_listed(self.labels)}; "
            f"source: {self.source or 'none'}"
        )

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    def fingerprint(self) -> str:
        """Hash positions and confidence; names and labels do not count (see ``fingerprint``)."""
        return fingerprint((self.positions, self.confidence), self.content_hash)

    def with_labels(self, labels: Mapping[str, Labels]) -> Recording:
        """Return the recording with these channels added or replaced."""
        return replace(self, labels={**self.labels, **labels})

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only views of mappings cannot be pickled.
        values = {attribute.name: getattr(self, attribute.name) for attribute in fields(self)}
        plain = {name: dict(values[name]) for name in ("labels", "series", "metadata")}
        return partial(Recording, **(values | plain)), ()


LAB, LISTED = "lab", "listed"
"""Keys of a recording's metadata: the name of its laboratory, and what was to be looked for in which pair."""


def lab_of(recording: Recording) -> str:
    """Return the name of the laboratory of a recording; empty if it is unknown."""
    return str(recording.metadata.get(LAB) or "")


def listed_behaviours(recording: Recording) -> dict[tuple[str, str], tuple[str, ...]] | None:
    """Return pair -> behaviours to look for, as the metadata of a recording list them; None if they list nothing.

    The metadata hold a list of (agent, target, behaviour). What an animal does by itself has the same name twice.
    """
    if not (entries := recording.metadata.get(LISTED)):
        return None
    listed: dict[tuple[str, str], tuple[str, ...]] = {}
    for agent, target, behaviour in entries:
        listed[str(agent), str(target)] = (*listed.get((str(agent), str(target)), ()), str(behaviour))
    return listed


def _require_names(recording: Recording, where: str) -> None:
    try:
        require_names(recording.individuals, "individual's name")
        require_names(recording.labels, "channel's name")
        require_names(recording.series, "time series' name")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return list_in_order(names, _MAX_NAMES)
