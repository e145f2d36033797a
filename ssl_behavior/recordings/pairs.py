"""Ordered pairs of individuals, and the names of their channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.recordings.labels import UNSCORED, Labels

Pair = tuple[str, str]
"""(agent, target); twice the same name for what an individual does by itself."""


def pair_channel(pair: Pair) -> str:
    """Return the name of the channel of a pair.

    Examples:
        >>> pair_channel(("mouse1", "mouse2")), pair_channel(("mouse1", "mouse1"))
        ('mouse1-mouse2', 'mouse1')
    """
    agent, target = pair
    return agent if agent == target else f"{agent}-{target}"


def labels_of_pair(labels: Iterable[Labels], pair: Pair, behaviours: Sequence[str], frames: int) -> np.ndarray:
    """Return what an agent does in one row of labels: to its target or, where that is nothing, by itself.

    Args:
        labels: labels of pairs and of single animals of one video, one of each at most.
        pair: agent and target.
        behaviours: the vocabulary of the result.
        frames: number of frames.

    Returns:
        (time,) int16, -1 where nobody judged either.

    Examples:
        >>> alone = Labels(("rear", "other"), np.array([0, 0, 1]), ("a", "a"))
        >>> sniff = Labels(("sniff", "other"), np.array([1, 0, 1]), ("a", "b"))
        >>> labels_of_pair([alone, sniff], ("a", "b"), ("rear", "sniff", "other"), 3).tolist()
        [0, 1, 2]
    """
    row = np.full(frames, UNSCORED, np.int16)
    nothing = behaviours.index(OTHER) if OTHER in behaviours else UNSCORED
    by_pair = {each.pair: each for each in labels}
    for each in (by_pair.get((pair[0], pair[0])), by_pair.get(pair)):
        if each is not None:
            values = each.with_behaviours(behaviours).values
            says_something = (values != UNSCORED) & ((values != nothing) | (row == UNSCORED))
            row[says_something] = values[says_something]
    return row
