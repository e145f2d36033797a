"""Similarities of true and tracked poses: what scores of identities are made of.

The similarity of two poses is 1 if they are equal and falls in a line with their distance. Pairs that are too far apart
for any similarity are not stored, so that many animals take little memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from ssl_behavior.recordings.individuals import NOBODY

MATCH = 0.5
"""Similarity from which a tracked pose can be that of a true animal."""

_SAME = 1e-3
"""Distance of equal poses, as a part of that within which poses match: tables round coordinates."""

_CHUNK_VALUES = 4_000_000
"""Numbers that the distances of some frames take at a time."""


@dataclass(frozen=True, eq=False)
class Similarities:
    """How similar the animals and the tracks of one recording are in each frame.

    Attributes:
        truth: (time, animal) bool, whether the animal is in the frame.
        tracked: (time, track) bool, whether the track has a pose in the frame.
        frames: (pair,) int64, rising: the frame of an animal and a track that are similar.
        animals: (pair,) int64, rising within a frame.
        tracks: (pair,) int64.
        values: (pair,) float64, above 0 and up to 1; the similarity of all other pairs is 0.
    """

    truth: np.ndarray
    tracked: np.ndarray
    frames: np.ndarray
    animals: np.ndarray
    tracks: np.ndarray
    values: np.ndarray

    def matches(self) -> Similarities:
        """Return only the pairs that can be the same animal (``MATCH``)."""
        kept = self.values >= MATCH
        return Similarities(
            self.truth, self.tracked, self.frames[kept], self.animals[kept], self.tracks[kept], self.values[kept]
        )

    def are_plain(self) -> np.ndarray:
        """Return (pair,) bool, whether the pair is in a frame in which no animal and no track is in two pairs."""
        (frames, animals), tracks = self.truth.shape, self.tracked.shape[1]
        of_animal, of_track = self.frames * animals + self.animals, self.frames * tracks + self.tracks
        crowded = (np.bincount(of_animal)[of_animal] > 1) | (np.bincount(of_track)[of_track] > 1)
        is_crowded = np.zeros(frames, bool)
        is_crowded[self.frames[crowded]] = True
        return ~is_crowded[self.frames]

    def crowded_frames(self) -> Iterator[slice]:
        """Yield the pairs of each frame that is not plain."""
        is_plain = self.are_plain()
        starts = np.flatnonzero(np.diff(self.frames, prepend=-1))
        for start, stop in pairwise([*starts.tolist(), len(self.frames)]):
            if not is_plain[start]:
                yield slice(start, stop)

    def assign(self, of_frame: slice | np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Choose pairs of one frame so that no animal and no track is chosen twice and the sum of weights is largest.

        Args:
            of_frame: pairs of one frame.
            weights: (pair,) of these pairs, above 0.

        Returns:
            (pair,) bool, whether the pair is chosen.
        """
        animals, tracks = self.animals[of_frame], self.tracks[of_frame]
        table = np.zeros((self.truth.shape[1], self.tracked.shape[1]))
        table[animals, tracks] = weights
        chosen = np.zeros(table.shape, bool)
        chosen[linear_sum_assignment(table, maximize=True)] = True
        return np.asarray(chosen[animals, tracks])

    def count_together(self) -> np.ndarray:
        """Count the pairs of each animal and track: (animal, track) int64."""
        together = np.zeros((self.truth.shape[1], self.tracked.shape[1]), np.int64)
        np.add.at(together, (self.animals, self.tracks), 1)
        return together


def similarities_of_detections(truth: np.ndarray, tracks: np.ndarray) -> Similarities:
    """Compare identities of the same detections: 1 for the two of a detection, and 0 for all others.

    Args:
        truth: (time, detection) int, the animal of each detection; ``NOBODY`` where there is no animal.
        tracks: (time, detection) int, the track of each detection; ``NOBODY`` where it has none.

    Raises:
        ValueError: the shapes differ, or a frame has an animal or a track twice.
    """
    if truth.shape != tracks.shape or truth.ndim != 2:
        raise ValueError(f"truth and tracks must both be (time, detection); got {truth.shape} and {tracks.shape}")
    frames, places = np.nonzero((truth != NOBODY) & (tracks != NOBODY))
    order = np.lexsort((truth[frames, places], frames))
    frames, places = frames[order], places[order]
    animals, own_tracks = truth[frames, places], tracks[frames, places]
    return Similarities(
        _presence(truth, "animal"), _presence(tracks, "track"), frames, animals, own_tracks, np.ones(len(frames))
    )


def _presence(identities: np.ndarray, what: str) -> np.ndarray:
    """Return (time, identity) bool of identities (time, detection)."""
    ordered = np.sort(identities, axis=1)
    repeated = ((np.diff(ordered, axis=1) == 0) & (ordered[:, 1:] != NOBODY)).any(1)
    if repeated.any():
        raise ValueError(f"expected each {what} once per frame; frame {int(np.argmax(repeated))} has one twice")
    present = np.zeros((len(identities), identities.max(initial=NOBODY) + 1), bool)
    frames, places = np.nonzero(identities != NOBODY)
    present[frames, identities[frames, places]] = True
    return present


def similarities_of_poses(truth: np.ndarray, tracked: np.ndarray, match_within: float) -> Similarities:
    """Compare true and tracked poses by distance.

    The distance of two poses is the mean over the keypoints that both have, or that of their centroids if they share
    none. It gives a similarity of 1 - distance / (2 * ``match_within``), or 0 if that is negative. Poses that are equal
    are of the same detection, so neither is similar to any other pose: tracks of the detections of the truth are scored
    as given detections, also where animals lie on each other.

    Args:
        truth: (time, animal, keypoint, space), NaN where unseen.
        tracked: (time, track, keypoint, space), NaN where unseen, in the same unit.
        match_within: distance at which the similarity is ``MATCH``.

    Raises:
        ValueError: the shapes do not fit each other, or the distance is not above 0.

    Examples:
        >>> here = np.zeros((1, 1, 1, 2))
        >>> similarities_of_poses(here, here + [3, 4], match_within=10).values
        array([0.75])
    """
    if (
        truth.ndim != 4
        or tracked.ndim != 4
        or (truth.shape[::2], truth.shape[3]) != (tracked.shape[::2], tracked.shape[3])
    ):
        raise ValueError(
            "truth and tracked must be (time, individual, keypoint, space) of the same frames and keypoints; got "
            f"{truth.shape} and {tracked.shape}"
        )
    if not match_within > 0:
        raise ValueError(f"expected a distance above 0 to match within; got {match_within}")
    per_frame = truth.shape[1] * tracked.shape[1] * truth.shape[2] * truth.shape[3]
    step = max(1, _CHUNK_VALUES // max(per_frame, 1))
    parts = []
    for start in range(0, max(len(truth), 1), step):
        distances = _distances(truth[start : start + step], tracked[start : start + step])
        values = np.nan_to_num(1 - distances / (2 * match_within), nan=0.0)
        same = distances <= _SAME * match_within
        values[(same.any(1, keepdims=True) | same.any(2, keepdims=True)) & ~same] = 0
        frames, animals, tracks = np.nonzero(values > 0)
        parts.append((frames + start, animals, tracks, values[frames, animals, tracks]))
    frames, animals, tracks, of_pairs = (np.concatenate(values) for values in zip(*parts, strict=True))
    present, followed = (np.asarray(_seen(poses).any(2)) for poses in (truth, tracked))
    return Similarities(present, followed, frames, animals, tracks, of_pairs)


def _seen(poses: np.ndarray) -> np.ndarray:
    """Return (time, individual, keypoint) bool."""
    return np.asarray(np.isfinite(poses).all(-1))


def _distances(truth: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """Return the distances (time, animal, track) of poses (time, individual, keypoint, space), NaN of unseen ones."""
    own, other = truth.astype(float)[:, :, None], tracked.astype(float)[:, None]
    steps = np.sqrt(((own - other) ** 2).sum(-1))
    shared = np.isfinite(steps).sum(-1)
    mean = np.nansum(steps, -1) / np.maximum(shared, 1)
    apart = np.sqrt(((_centroids(truth)[:, :, None] - _centroids(tracked)[:, None]) ** 2).sum(-1))
    return np.asarray(np.where(shared > 0, mean, apart))


def _centroids(poses: np.ndarray) -> np.ndarray:
    """Return (time, individual, space) of poses (time, individual, keypoint, space); NaN where nothing is seen."""
    seen = _seen(poses)[..., None]
    number = seen.sum(2)
    total = np.where(seen, poses, 0).sum(2, dtype=float)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
