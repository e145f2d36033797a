"""Jumps of all animals at once, as where two videos were joined or frames are missing."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from ssl_behavior.quality.fast_arrays import length, middle

_HOLD_S, _LASTING_S, _AROUND_S = 0.2, 0.12, 0.5
"""Times: over which an unseen keypoint counts as where it was, over which a jump must last, and from which the usual
steps are taken."""
_LEAST_JUMP = 0.15
"""Shortest jump in body lengths that is looked at."""
_FLOOR = 0.05
"""Body lengths that are added to the usual step, so that the noise of a tracker on still animals makes no jump."""
_APART = 0.05
"""Body lengths between two animals below which they are in one place."""
_MOST_INDIVIDUALS = 4
"""The animals are matched in every order, which takes too long for more of them."""


def find_jumps(tracks: np.ndarray, frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Score how abruptly all animals move between two frames.

    Animals are matched with the nearest ones before, so that exchanged animals make no jump.

    Args:
        tracks: (keypoint, time, individual, 2) in body lengths, NaN where unseen; at most three keypoints.
        frame_rate: Hz.

    Returns:
        Frames that begin after a possible jump, and for each of them the step of the animal that moves least, relative
        to the usual steps half a second before and after.
    """
    _, time, individuals, _ = tracks.shape
    reach = max(2, round(_AROUND_S * frame_rate))
    if time <= 2 * reach or individuals > _MOST_INDIVIDUALS:
        return np.zeros(0, int), np.zeros(0)
    hold, width = max(1, round(_HOLD_S * frame_rate)), max(2, round(_LASTING_S * frame_rate))
    frames = _candidates(middle(tracks), hold)
    frames = frames[(frames >= reach) & (frames <= time - reach)]
    # (keypoint, jump, time, individual, 2), backwards in time before the jump and forwards after it.
    before, after = tracks[:, frames[:, None] - 1 - np.arange(reach)], tracks[:, frames[:, None] + np.arange(reach)]
    before, after = _hold(before), _hold(after)
    first = _matched(_distances(before[:, :, 0], after[:, :, 0]))
    old, new = (np.median(part[:, :, :width], axis=2) for part in (before, after))
    lasting = _matched(_distances(old, new))
    sizes = np.nan_to_num(np.minimum(first.min(1), lasting.min(1)))
    sizes[_are_together(old) | _are_together(new)] = 0.0
    return frames, sizes / (_FLOOR + _usual_steps(before, after))


def _candidates(centre: np.ndarray, hold: int) -> np.ndarray:
    """Frames at which each animal is elsewhere than when it was last seen, at most ``hold`` frames before."""
    is_possible = np.ones(len(centre), dtype=bool)
    for animal in range(centre.shape[1]):
        known = np.flatnonzero(~np.isnan(centre[:, animal, 0]))
        last, following = known[:-1], known[1:]
        change = centre[following, animal] - centre[last, animal]
        is_far = (length(change) > _LEAST_JUMP) & (following - last <= hold)
        # The jump may be at any frame of the gap.
        edges = np.zeros(len(centre) + 1, int)
        np.add.at(edges, last[is_far] + 1, 1)
        np.add.at(edges, following[is_far] + 1, -1)
        is_possible &= edges.cumsum()[:-1] > 0
    return np.flatnonzero(is_possible)


def _usual_steps(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The step that is exceeded in a tenth of the frames around each jump, by the animal that moves most."""
    steps = np.concatenate([length(middle(np.diff(part, axis=2))) for part in (before, after)], axis=1)
    longest = np.sort(np.nan_to_num(steps).max(-1), axis=1)
    return np.asarray(longest[:, int(0.9 * longest.shape[1])])


def _hold(part: np.ndarray) -> np.ndarray:
    """Fill gaps of (keypoint, jump, time, ...) with the next known position, away from the jump."""
    held = part.copy()
    for at in range(part.shape[2] - 2, -1, -1):
        held[:, :, at] = np.where(np.isnan(part[:, :, at]), held[:, :, at + 1], part[:, :, at])
    return held


def _are_together(positions: np.ndarray) -> np.ndarray:
    """Tell whether two animals are in one place, so that the tracker may have put both on one of them: (jump,)."""
    distances = _distances(positions, positions)
    distances[:, np.arange(distances.shape[1]), np.arange(distances.shape[1])] = np.inf
    return np.asarray((distances < _APART).any((1, 2)))


def _distances(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Median distance over the keypoints seen in both, from each old to each new animal: (jump, old, new).

    NaN where a single one of several keypoints is seen in both: it may be the tracker's error.
    """
    distances = length(new[:, :, None] - old[:, :, :, None])
    shared = (~np.isnan(distances)).sum(0)
    return np.where(shared >= min(2, len(distances)), middle(distances), np.nan)


def _matched(distances: np.ndarray) -> np.ndarray:
    """Distance (jump, animal) of each old animal to its new one, in the order that makes their sum least.

    NaN where an animal is unseen.
    """
    animals = np.arange(distances.shape[1])
    orders = np.stack([distances[:, animals, list(order)] for order in permutations(animals)])
    best = np.where(np.isnan(orders), np.inf, orders).sum(-1).argmin(0)
    return orders[best, np.arange(len(distances))]
