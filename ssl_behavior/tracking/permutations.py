"""The most probable permutation of a recording's names, frame by frame.

A hypothesis says, for each frame, which track holds which animal. It has a memory of each animal, as in
``tracking.association``: its cost is the sum of the negative log densities of all poses, plus a penalty each time it
exchanges two animals. The best hypotheses are carried from frame to frame (a beam search). Two of them that remember
the same poses under the same names have the same future, so only the better one is kept. With two animals that are both
seen no more than two hypotheses are different, and the search is exact but for their velocities.

A density is normalised, so that a lost animal, whose memory is vague, does not take every pose.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ssl_behavior.tracking.association import seen_instances
from ssl_behavior.tracking.memory import Memories, MotionScale, costs, record

_HYPOTHESES, _FOR_MANY = 16, 4
_MANY = 6
"""Animals above which fewer hypotheses are carried on, as each takes time with the square of their number."""
_GATE = 30.0
"""Hypotheses that cost this many nats more than the best one are given up."""


class _Beam(NamedTuple):
    """Hypotheses, the best one first.

    Attributes:
        names: (hypothesis, animal) the track of each animal.
        sources: (hypothesis, animal) which pose it remembers: frame times tracks, plus track; negative for none.
        totals: (hypothesis,) nats above the best one.
        pose: (hypothesis, animal, keypoint, space) as in ``Memories``, and so are the others.
        velocity: (hypothesis, animal, space).
        age: (hypothesis, animal).
        known: (hypothesis, animal).
    """

    names: np.ndarray
    sources: np.ndarray
    totals: np.ndarray
    pose: np.ndarray
    velocity: np.ndarray
    age: np.ndarray
    known: np.ndarray


def likeliest_permutations(
    tracks: np.ndarray, price: np.ndarray, scale: MotionScale, drift: np.ndarray | None = None
) -> np.ndarray:
    """Return which track holds which animal, in every frame.

    Args:
        tracks: (time, track, keypoint, space) in any unit, NaN where unseen.
        price: (time,) cost of an exchange of two animals at each frame in nats; larger values trust the tracks more.
        scale: how far the animals move (``motion_scale``).
        drift: of the tracks' last poses, if the flow of the video is known (``associate_by_flow``).

    Returns:
        (time, animal) int64, the track of each animal; the animals are those of the tracks' first frames.

    Raises:
        ValueError: a shape is another one.
    """
    if tracks.ndim != 4 or price.shape != tracks.shape[:1]:
        raise ValueError(
            "tracks must be (time, track, keypoint, space) and price (time,); got shapes "
            f"{tracks.shape} and {price.shape}"
        )
    frames, animals = tracks.shape[:2]
    hypotheses = _HYPOTHESES if animals <= _MANY else _FOR_MANY
    parents = np.zeros((frames, hypotheses), np.int16)
    permutations = np.zeros((frames, hypotheses, animals), np.int16)
    positions = np.ascontiguousarray(tracks, np.float64)
    drift = np.zeros((0, *positions.shape[1:])) if drift is None else drift
    _search(positions, seen_instances(positions), drift, price, scale, parents, permutations)
    best = 0
    path = np.empty((frames, animals), np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = permutations[frame, best]
        best = parents[frame, best]
    return path


@njit(cache=True)
def _search(
    positions: np.ndarray,
    is_seen: np.ndarray,
    drift: np.ndarray,
    price: np.ndarray,
    scale: MotionScale,
    parents: np.ndarray,
    permutations: np.ndarray,
) -> None:
    """Fill the parents (time, hypothesis) and permutations (time, hypothesis, animal); without flow, drift is empty."""
    most, n = permutations.shape[1:]
    keypoints, space = positions.shape[2:]
    beam, following = _empty(most, n, keypoints, space), _empty(most, n, keypoints, space)
    alive = 1
    room = most * (1 + n * (n - 1) // 2)
    # A candidate is a hypothesis to go on from, and two animals to exchange, or the same one twice for none.
    candidates, totals = np.empty((room, 3), np.int64), np.empty(room)
    newest = np.full(n, -1)
    for t in range(len(positions)):
        if len(drift):
            _carry(drift[t], newest, beam, alive)
        count = _find_candidates(positions[t], is_seen[t], scale, price[t], beam, alive, candidates, totals)
        order = np.argsort(totals[:count])
        alive = 0
        for c in order:
            above = totals[c] - totals[order[0]]
            if above > _GATE or alive == most:
                break
            _rename(t, is_seen[t], beam, candidates[c], following, alive)
            if not _is_double(following, alive):
                _remember(positions[t], is_seen[t], scale, beam, candidates[c, 0], following, alive)
                following.totals[alive] = above
                parents[t, alive] = candidates[c, 0]
                permutations[t, alive] = following.names[alive]
                alive += 1
        beam, following = following, beam
        newest = np.where(is_seen[t], t * n + np.arange(n), newest)


@njit(cache=True)
def _carry(drift: np.ndarray, newest: np.ndarray, beam: _Beam, alive: int) -> None:
    """Move remembered poses along with the image.

    Args:
        drift: (track, keypoint, space) of the newest pose of each track.
        newest: (track,) the source of that pose. The drift of older ones, which few hypotheses remember, is unknown.
        beam: hypotheses.
        alive: number of them.
    """
    for h in range(alive):
        for animal, source in enumerate(beam.sources[h]):
            track = source % len(newest)
            if source >= 0 and source == newest[track]:
                beam.pose[h, animal] += drift[track]


@njit(cache=True)
def _empty(most: int, animals: int, keypoints: int, space: int) -> _Beam:
    """Return hypotheses under which nothing was seen, and the tracks have their own names."""
    names = np.empty((most, animals), np.int64)
    names[:] = np.arange(animals)
    return _Beam(
        names,
        np.full((most, animals), -1),
        np.zeros(most),
        np.full((most, animals, keypoints, space), np.nan),
        np.zeros((most, animals, space)),
        np.ones((most, animals), np.int64),
        np.zeros((most, animals), np.bool_),
    )


@njit(cache=True)
def _find_candidates(
    poses: np.ndarray,
    is_seen: np.ndarray,
    scale: MotionScale,
    price: float,
    beam: _Beam,
    alive: int,
    candidates: np.ndarray,
    totals: np.ndarray,
) -> int:
    """Fill candidates (candidate, 3) and what each costs (candidate,); return their number."""
    n = beam.names.shape[1]
    cost = np.empty((n, n))
    count, lowest = 0, np.inf
    for h in range(alive):
        names = beam.names[h]
        costs(poses, is_seen, Memories(beam.pose[h], beam.velocity[h], beam.age[h], beam.known[h], scale), cost)
        kept = beam.totals[h]
        for i in range(n):
            kept += cost[i, names[i]]
        for i in range(n):
            for j in range(i, n):
                a, b = names[i], names[j]
                total = kept
                if j > i:
                    total += cost[i, b] + cost[j, a] - cost[i, a] - cost[j, b] + price
                is_new = i == j == 0 or (j > i and (is_seen[a] or is_seen[b]))
                if is_new and total < lowest + _GATE:
                    candidates[count, 0], candidates[count, 1], candidates[count, 2] = h, i, j
                    totals[count] = total
                    count += 1
                    lowest = min(lowest, total)
    return count


@njit(cache=True)
def _rename(frame: int, is_seen: np.ndarray, beam: _Beam, candidate: np.ndarray, following: _Beam, place: int) -> None:
    """Fill the names and sources of a candidate."""
    h, i, j = candidate
    names, sources = following.names[place], following.sources[place]
    names[:], sources[:] = beam.names[h], beam.sources[h]
    names[i], names[j] = beam.names[h, j], beam.names[h, i]
    for k in range(len(names)):
        if is_seen[names[k]]:
            sources[k] = frame * len(names) + names[k]


@njit(cache=True)
def _is_double(beam: _Beam, place: int) -> bool:
    """Return whether a better hypothesis has the same names and remembers the same poses."""
    for other in range(place):
        if (beam.names[other] == beam.names[place]).all() and (beam.sources[other] == beam.sources[place]).all():
            return True
    return False


@njit(cache=True)
def _remember(
    poses: np.ndarray, is_seen: np.ndarray, scale: MotionScale, beam: _Beam, parent: int, following: _Beam, place: int
) -> None:
    """Fill the memories of a hypothesis from those of its parent and the poses (track, keypoint, space) of a frame."""
    pose, velocity, age = following.pose[place], following.velocity[place], following.age[place]
    known = following.known[place]
    pose[:], velocity[:] = beam.pose[parent], beam.velocity[parent]
    age[:], known[:] = beam.age[parent], beam.known[parent]
    animals = np.full(len(is_seen), -1)
    for animal, track in enumerate(following.names[place]):
        if is_seen[track]:
            animals[track] = animal
    record(poses, animals, Memories(pose, velocity, age, known, scale))
