"""Poses: a recording made comparable with others, as encoders and feature functions take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from ssl_behavior.poses.cleaning import nearest
from ssl_behavior.recordings.content_hash import ContentHash
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.names import require_names, require_usable_ids


@dataclass(frozen=True, eq=False)
class Poses:
    """A recording in the form that the encoder takes (see ``prepare``).

    Attributes:
        id: the recording's id.
        positions: (time, individual, landmark, 2) float32 in body lengths, short gaps filled, NaN where unknown.
        seen: (time, individual, landmark) bool, True where the tracker saw the landmark, False where it was filled in.
        centre: (time, individual, 2) float32 in body lengths, NaN where the animal is unknown.
        heading: (time, individual, 2) float32 unit vectors from rear to front, NaN where unknown.
        frame_rate: Hz.
        native_rate: frame rate of the recording in Hz, before resampling.
        body_length: body length of the group, in the recording's own unit.
        native_frames: (time,) int64, the frame of the recording that is nearest to each frame.
        landmarks: names of the landmarks, in order.
        individuals: names of the individuals, in order.
        frames: number of frames of the recording, before resampling.
        content_hash: hash of the positions, where the file that they were read from stores it.
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
    landmarks: tuple[str, ...]
    individuals: tuple[str, ...]
    frames: int
    content_hash: ContentHash | None = field(default=None, repr=False)

    def pairs(self) -> list[tuple[int, int]]:
        """Return ordered pairs (agent, target) of individuals; a lone animal is paired with itself."""
        n = len(self.individuals)
        return [(0, 0)] if n == 1 else [(i, j) for i in range(n) for j in range(n) if i != j]

    def fingerprint(self) -> str:
        """Return 16 characters that two poses share only if their positions are equal; ids and names do not count."""
        # Hashing reads every value. The hash from the file makes that unnecessary if the array is still the file's.
        if self.content_hash is not None and self.positions is self.content_hash.arrays[0]:
            return self.content_hash.digest
        return digest(self.positions)

    def between(self, start: int, stop: int) -> Poses:
        """Return the poses of the frames from ``start`` up to, but not including, ``stop``."""
        return replace(self, **{name: getattr(self, name)[start:stop] for name in ARRAYS}, content_hash=None)

    def to_native(self, values: np.ndarray) -> np.ndarray:
        """Resample values (time, ...) to the frames of the recording.

        Returns:
            (``frames``, ...): floats are interpolated linearly, integers are those of the nearest frame.
        """
        at = np.minimum(np.arange(self.frames) * (self.frame_rate / self.native_rate), len(values) - 1)
        if values.dtype.kind in "iu":
            return values[nearest(at, len(values))]
        low = np.floor(at).astype(int)
        weight = (at - low).reshape(-1, *([1] * (values.ndim - 1))).astype(np.float32)
        high = np.minimum(low + 1, len(values) - 1)
        return values[low] * (1 - weight) + values[high] * weight


ARRAYS = tuple(entry.name for entry in fields(Poses) if entry.type == "np.ndarray")
"""Fields of ``Poses`` that are arrays over time."""
PLAIN = tuple(entry.name for entry in fields(Poses) if entry.name not in (*ARRAYS, "content_hash"))
"""Fields of ``Poses`` that are plain values."""


def pack(poses: Poses) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Take poses apart for ``storage.array_files.write_arrays``.

    Returns:
        Arrays by name, and plain values by name, with the fingerprint of the positions.
    """
    plain = {name: getattr(poses, name) for name in PLAIN} | {"fingerprint": poses.fingerprint()}
    return {name: getattr(poses, name) for name in ARRAYS}, plain


def unpack(arrays: Mapping[str, np.ndarray], plain: Any) -> Poses:
    """Put the poses together that ``pack`` took apart.

    Raises:
        KeyError, TypeError, ValueError: a value is missing, of another type, or cannot be.
    """
    values: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | {name: plain[name] for name in PLAIN}
    for name in ("landmarks", "individuals"):
        values[name] = tuple(plain[name])
        require_names(values[name], f"{name[:-1]}'s name")
    require_usable_ids([plain["id"]], "poses")
    for name in ("frame_rate", "native_rate"):
        require_frame_rate(plain[name], name)
    if len(values["landmarks"]) != arrays["positions"].shape[2]:
        raise ValueError(f"{len(values['landmarks'])} names of landmarks")
    if not 0 < plain["body_length"] < np.inf or len({len(arrays[name]) for name in ARRAYS}) > 1:
        raise ValueError(f"a body length of {plain['body_length']}, or arrays of several lengths")
    if not 0 <= arrays["native_frames"].min(initial=0) <= arrays["native_frames"].max(initial=0) < plain["frames"]:
        raise ValueError("frames beyond those of the recording")
    return Poses(**values, content_hash=ContentHash(str(plain["fingerprint"]), (arrays["positions"],)))
