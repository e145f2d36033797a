"""Skeleton: the keypoints of one individual, and their anatomical meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ssl_behavior.errors import InputError
from ssl_behavior.storage.names import require_names


@dataclass(frozen=True)
class Skeleton:
    """The tracked keypoints of one individual, in the order of the keypoint dimension.

    Attributes:
        keypoints: names as they appear in the file.
        edges: pairs of keypoints that pictures connect by a line.
        landmarks: keypoint -> anatomical meaning, where the name alone does not give it (see ``poses.landmarks``).

    Raises:
        InputError: two keypoints share a name, a name is endless or holds control
            characters, or an edge or landmark names no keypoint.
    """

    keypoints: tuple[str, ...]
    edges: tuple[tuple[str, str], ...] = ()
    landmarks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_names(self.keypoints, "keypoint's name")
        if len(set(self.keypoints)) != len(self.keypoints):
            raise InputError(f"keypoint names must differ from each other; got {list(self.keypoints)}")
        referenced = {name for edge in self.edges for name in edge} | set(self.landmarks)
        if unknown := referenced - set(self.keypoints):
            raise InputError(f"skeleton names {sorted(unknown)} are no keypoints of {list(self.keypoints)}")
        object.__setattr__(self, "landmarks", MappingProxyType(dict(self.landmarks)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Skeleton, (self.keypoints, self.edges, dict(self.landmarks))  # read-only mappings cannot be pickled
