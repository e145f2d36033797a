"""Which videos are tested on, and which of the others are learned from: whole videos, as frames of one are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.poses.poses import Poses

_CANDIDATES = 2000


def hold_out(counts: np.ndarray, videos: int, seed: int) -> list[int]:
    """The videos to test on: of many random choices, the one in which behaviours are best represented.

    First, as many behaviours as possible occur in it; then, as many as possible occur in what is left to learn from;
    then, the behaviour whose share of frames is furthest from the share of videos is as near to it as can be.

    Args:
        counts: (video, behaviour) scored frames.
        videos: how many to choose.
        seed: of the random choices.

    Returns:
        Indices of videos, rising.
    """
    order = np.random.default_rng(seed).random((_CANDIDATES, len(counts))).argsort(1)
    chosen = np.sort(order[:, :videos], axis=1)
    total = counts.sum(0)
    occurring = total > 0
    held_out = counts[chosen].sum(1)[:, occurring]
    missing = (held_out == 0).sum(1)
    only_there = (held_out == total[occurring]).sum(1)
    expected = total[occurring] * (videos / len(counts))
    deviation = np.abs(np.log((held_out + 1) / (expected + 1))).max(1)
    return [int(i) for i in chosen[np.lexsort((deviation, only_there, missing))[0]]]


def draw_orders(counts: np.ndarray, draws: int, seed: int) -> list[list[int]]:
    """Random orders in which videos are labelled; a draw of n videos is the first n of an order.

    So a larger draw holds the smaller one, as a lab's labels do. Each order starts with another video, one that shows
    two behaviours at least, where there is one: nothing can be learned from less. An order depends on the seed and its
    place only, so that more draws leave the first ones as they are.

    Args:
        counts: (video, behaviour) scored frames of the videos that may be learned from.
        draws: how many orders.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(counts))
    telling = (counts > 0).sum(1) > 1
    starts = [*order[telling[order]]] or [*order]
    orders = []
    for draw in range(draws):
        start = int(starts[draw % len(starts)])
        others = np.random.default_rng([seed, draw]).permutation(len(counts))
        orders.append([start, *(int(i) for i in others if i != start)])
    return orders


def default_sizes(videos: int) -> tuple[int, ...]:
    """Numbers of labelled videos that tell a curve: 1 or 2, 3, 5, 10, 20, 40, ... and all ``videos`` there are."""
    steps = [1 if videos < 5 else 2, 3, 5, *(10 * 2**i for i in range(16))]
    return (*(size for size in steps if size < 0.8 * videos), videos)


def require_distinct(poses: Sequence[Poses]) -> None:
    """Make sure that no two videos are the same tracks: learned from and tested on, they would flatter the scores.

    Raises:
        InputError: two are (as where one video was annotated by several people).
    """
    seen: dict[str, str] = {}
    for one in poses:
        former = seen.setdefault(one.fingerprint(), one.id)
        if former != one.id:
            raise InputError(
                f"videos {former} and {one.id}: expected different tracks and found the same; keep one, with --videos"
            )
