"""Visits: where animals enter and leave, each stay of an animal becomes one of its own."""

from __future__ import annotations

import numpy as np

from ssl_behavior.recordings.individuals import NOBODY


def separate_visits(identities: np.ndarray, at_least: int, longest_absence: int) -> np.ndarray:
    """Return identities in which an animal that comes after a long absence is another one.

    An animal is not gone while fewer than ``at_least`` others are there: it is one of those that stay.

    Args:
        identities: (time, instance) the animal of each instance, ``NOBODY`` where there is none.
        at_least: number of animals that are there at any time.
        longest_absence: frames for which an animal may be unseen without being gone.

    Returns:
        (time, instance) int64, the visit of each instance, numbered by their first frames.

    Examples:
        >>> separate_visits(np.array([[0, 1], [0, -1], [0, -1], [0, 1]]), at_least=1, longest_absence=1).tolist()
        [[0, 1], [0, -1], [0, -1], [0, 2]]
    """
    frames, places = np.nonzero(identities != NOBODY)
    animals = identities[frames, places]
    number = int(animals.max(initial=-1)) + 1
    absences = [_absences(frames[animals == animal], longest_absence) for animal in range(number)]
    is_there = np.zeros((len(identities), number), bool)
    for animal, of_animal in enumerate(absences):
        mine = frames[animals == animal]
        is_there[mine.min(initial=len(identities)) : mine.max(initial=-1) + 1 + longest_absence, animal] = True
        for start, stop in of_animal:
            is_there[start + 1 : stop, animal] = False
    visits = np.full(identities.shape, NOBODY, np.int64)
    starts: list[tuple[int, int]] = []
    for animal, of_animal in enumerate(absences):
        others = np.delete(is_there, animal, axis=1).sum(1)
        ends = [stop for start, stop in of_animal if others[start + 1 : stop].min() >= at_least]
        mine = frames[animals == animal]
        visits[mine, places[animals == animal]] = len(starts) + np.searchsorted(ends, mine, side="right")
        starts += [(int(start), len(starts) + i) for i, start in enumerate([*mine[:1], *ends])]
    order = np.empty(len(starts) + 1, np.int64)
    order[[visit for _, visit in sorted(starts)]] = np.arange(len(starts))
    order[NOBODY] = NOBODY
    return np.asarray(order[visits])


def _absences(frames: np.ndarray, longest: int) -> list[tuple[int, int]]:
    """Frames before and after each absence of an animal that is seen in these frames."""
    long = np.flatnonzero(np.diff(frames) - 1 > longest)
    return [(int(frames[i]), int(frames[i + 1])) for i in long]
