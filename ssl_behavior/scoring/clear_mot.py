"""Matches of animals and tracks from frame to frame, and the switches between them.

Bernardin and Stiefelhagen 2008, "Evaluating multiple object tracking performance: the CLEAR MOT metrics",
doi:10.1155/2008/246309.
"""

from __future__ import annotations

import numpy as np

from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.scoring.similarities import Similarities

Switch = tuple[int, int, int, int]
"""Frame, animal, track before, track after."""


def match_frames(similarities: Similarities) -> np.ndarray:
    """Match animals with tracks in each frame.

    An animal keeps the track of its last match as long as the two can be the same (``MATCH``). Of the others, as many
    as possible are matched, those with the largest sum of similarities.

    Returns:
        (time, animal) int64, the track of each animal; ``NOBODY`` where it has none.

    Examples:
        >>> match_frames(similarities_of_detections(np.array([[0, 1]]), np.array([[5, 3]]))).tolist()
        [[5, 3]]
    """
    pairs = similarities.matches()
    matched = np.full(similarities.truth.shape, NOBODY, np.int64)
    plain = pairs.are_plain()
    matched[pairs.frames[plain], pairs.animals[plain]] = pairs.tracks[plain]
    last = np.full(similarities.truth.shape[1], NOBODY)
    done = 0
    for of_frame in pairs.crowded_frames():
        frame = pairs.frames[of_frame.start]
        if done < frame:
            _remember(last, matched[done:frame])
        chosen = _match(pairs, of_frame, last)
        matched[frame, pairs.animals[chosen]] = pairs.tracks[chosen]
        done = frame
    return matched


def _remember(last: np.ndarray, matched: np.ndarray) -> None:
    """Put the last tracks of frames (time, animal) in the place of earlier ones (animal,)."""
    has_track = matched != NOBODY
    animals = np.flatnonzero(has_track.any(0))
    frames = len(matched) - 1 - has_track[::-1, animals].argmax(0)
    last[animals] = matched[frames, animals]


def _match(pairs: Similarities, of_frame: slice, last: np.ndarray) -> np.ndarray:
    """Return the indices of the pairs of one frame that are matched, given the last track of each animal."""
    numbers = np.arange(of_frame.start, of_frame.stop)
    animals, tracks = pairs.animals[of_frame], pairs.tracks[of_frame]
    as_before = np.flatnonzero(last[animals] == tracks)
    # Two animals may have had the same track, one after the other: the first one in order gets it.
    kept = as_before[np.unique(tracks[as_before], return_index=True)[1]]
    free = numbers[~np.isin(animals, animals[kept]) & ~np.isin(tracks, tracks[kept])]
    # Each pair more outweighs all similarities, as these are 1 at most.
    return np.concatenate([numbers[kept], free[pairs.assign(free, pairs.values[free] + len(free))]])


def switches(matched: np.ndarray) -> list[Switch]:
    """List the changes of the track that an animal is matched with, by frame.

    Args:
        matched: (time, animal) int, the track of each animal; ``NOBODY`` where it has none, which is no change.
    """
    changes = []
    for animal, of_animal in enumerate(matched.T):
        frames = np.flatnonzero(of_animal != NOBODY)
        tracks = of_animal[frames]
        changes += [
            (int(frames[at]), animal, int(tracks[at - 1]), int(tracks[at]))
            for at in np.flatnonzero(np.diff(tracks)) + 1
        ]
    return sorted(changes)


def count_exchanges(changes: list[Switch]) -> int:
    """Count pairs of switches of two animals of which each takes the track that the other one leaves."""
    exchanges = 0
    open_changes: dict[tuple[int, int], list[int]] = {}
    for _, animal, before, after in changes:
        others = [other for other in open_changes.get((after, before), []) if other != animal]
        if others:
            exchanges += 1
            open_changes[after, before].remove(others[0])
        else:
            open_changes.setdefault((before, after), []).append(animal)
    return exchanges
