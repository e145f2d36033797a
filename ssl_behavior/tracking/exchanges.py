"""Exchanges of two animals' names: from the names of every frame to a list that a person can review, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Exchange:
    """Two animals whose names are exchanged in a stretch of frames.

    Attributes:
        start: first frame.
        stop: the frame after the last; None if it lasts to the end of the recording.
        pair: the two animals, the lower number first.
    """

    start: int
    stop: int | None
    pair: tuple[int, int]


@dataclass(frozen=True)
class Change:
    """An exchange with the evidence for it.

    Attributes:
        exchange: the frames and the animals.
        distance: between the two animals at its first frame in body lengths; NaN if they are not both seen.
        margin: nats by which it fits better than none, by motion and shapes.
        probability: that the tracker exchanged these animals here.
    """

    exchange: Exchange
    distance: float
    margin: float
    probability: float


def list_exchanges(names: np.ndarray, longest_slip: int) -> list[Exchange]:
    """List the exchanges that lead from the tracks' own names to these.

    Each lasts to the end of the recording, and a later one may take it back. If it is taken back soon, the two become
    one that ends there.

    Args:
        names: (time, animal) int64, the track of each animal.
        longest_slip: frames within which an exchange that is taken back becomes one that ends.

    Returns:
        Exchanges in order of their first frames. ``exchanged_names`` makes the names of them again.

    Examples:
        >>> list_exchanges(np.array([[0, 1], [1, 0], [0, 1], [1, 0]]), longest_slip=1)
        [Exchange(start=1, stop=2, pair=(0, 1)), Exchange(start=3, stop=None, pair=(0, 1))]
    """
    found: list[Exchange] = []
    for exchange in _changes(names):
        same_animals = [i for i, other in enumerate(found) if set(other.pair) & set(exchange.pair)]
        last = found[same_animals[-1]] if same_animals else None
        if last and last.pair == exchange.pair and last.stop is None and exchange.start - last.start <= longest_slip:
            found[same_animals[-1]] = Exchange(last.start, exchange.start, last.pair)
        else:
            found.append(exchange)
    return found


def _changes(names: np.ndarray) -> Iterator[Exchange]:
    """Yield the exchanges of two animals, each to the end, that lead from each frame's names to the next one's."""
    current = np.arange(names.shape[1])
    starts = np.flatnonzero((names != np.concatenate([current[None], names[:-1]])).any(1))
    for start in starts.tolist():
        for first, track in enumerate(names[start]):
            if current[first] != track:
                second = int(np.flatnonzero(current == track)[0])
                current[[first, second]] = current[[second, first]]
                yield Exchange(start, None, (first, second))


def exchanged_names(exchanges: Iterable[Exchange], frames: int, animals: int) -> np.ndarray:
    """Return the names after these exchanges, one after another.

    Args:
        exchanges: in the order in which they are made; each exchanges two animals as those before it named them.
        frames: number of frames.
        animals: number of animals.

    Returns:
        (time, animal) int64, the track of each animal.
    """
    names = np.tile(np.arange(animals), (frames, 1))
    for exchange in exchanges:
        part = names[exchange.start : exchange.stop]
        part[:, exchange.pair] = part[:, exchange.pair[::-1]]
    return names
