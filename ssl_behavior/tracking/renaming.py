"""Renaming: the names that animals most probably have, by their motion, and by their shapes where these differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ssl_behavior.tracking.memory import MotionScale
from ssl_behavior.tracking.pair_chain import PairChain
from ssl_behavior.tracking.permutations import likeliest_permutations

_MOST_ANIMALS = 10
"""Shapes are compared pair by pair, and hardly tell one animal from a crowd."""


def likeliest_names(
    tracks: np.ndarray, penalty: float, scale: MotionScale, drift: np.ndarray | None = None
) -> np.ndarray:
    """Return which track most probably holds which animal, in every frame.

    Args:
        tracks: (time, track, keypoint, space) in any unit, NaN where unseen.
        penalty: cost of a departure from the tracks in nats; larger values trust the tracks more.
        scale: how far the animals move (``motion_scale``).
        drift: of the tracks' last poses, if the flow of the video is known (``associate_by_flow``).

    Returns:
        (time, animal) int64, the track of each animal; the animals are those of the tracks' first frames.
    """
    names = likeliest_permutations(tracks, np.full(len(tracks), penalty), scale, drift)
    number = names.shape[1]
    for pair in combinations(range(number if number <= _MOST_ANIMALS else 0), 2):
        chain = pair_chain(tracks, names, pair, penalty, scale, drift)
        if chain.evidence.any():
            is_exchanged = chain.likeliest()
            names[:, pair] = np.where(is_exchanged[:, None], names[:, pair[::-1]], names[:, pair])
    return names


def pair_chain(
    tracks: np.ndarray,
    names: np.ndarray,
    pair: tuple[int, int],
    penalty: float,
    scale: MotionScale,
    drift: np.ndarray | None = None,
) -> PairChain:
    """Return the chain of two animals under these names, in which a departure from the tracks costs the penalty.

    Args:
        tracks: (time, track, keypoint, space), NaN where unseen.
        names: (time, animal) int64, the track of each animal.
        pair: two animals.
        penalty: nats.
        scale: how far the animals move.
        drift: as for ``likeliest_names``.
    """
    own_drift = None if drift is None else poses_of(drift, names, pair)
    return PairChain.of(poses_of(tracks, names, pair), scale, price_of(names, pair, penalty), own_drift)


def poses_of(tracks: np.ndarray, names: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """Return the poses (time, 2, keypoint, space) of two animals under these names."""
    return np.take_along_axis(tracks, names[:, pair][:, :, None, None], 1)


def price_of(names: np.ndarray, pair: tuple[int, int], penalty: float) -> np.ndarray:
    """Return the price (time,) of an exchange of two named animals: the penalty, gained where it undoes a departure."""
    of_pair = names[:, pair]
    departs = np.zeros(len(names), bool)
    departs[1:] = (of_pair[1:] != of_pair[:-1]).any(1)
    return np.where(departs, -penalty, penalty)
