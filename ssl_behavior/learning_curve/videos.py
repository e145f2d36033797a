"""The choice of test videos and of training videos: always whole videos, because frames of one video are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.poses.poses import Poses

# Random choices to compare. More would hardly find a better one.
_CANDIDATES = 2000


def hold_out(counts: np.ndarray, videos: int, seed: int) -> list[int]:
    """Choose test videos: among many random choices, the one that represents the behaviours best.

    The criteria, in this order: as many behaviours as possible occur in the test videos; as many as possible occur in
    the other videos; and each behaviour's share of frames in the test videos is near their share of videos, as measured
    by the behaviour that is furthest off.

    Args:
        counts: (video, behaviour) scored frames.
        videos: number of test videos.
        seed: seed of the random choices.

    Returns:
        Indices of videos, rising.
    """
    order = np.random.default_rng(seed).random((_CANDIDATES, len(counts))).argsort(1)
    chosen = np.sort(order[:, :videos], axis=1)
    total = counts.sum(0)
    occurring = total > 0
    held_out = counts[chosen].sum(1)[:, occurring]
    missing = (held_out == 0).sum(1)
    only_held_out = (held_out == total[occurring]).sum(1)
    expected = total[occurring] * (videos / len(counts))
    deviation = np.abs(np.log((held_out + 1) / (expected + 1))).max(1)
    return [int(i) for i in chosen[np.lexsort((deviation, only_held_out, missing))[0]]]


def draw_orders(counts: np.ndarray, draws: int, seed: int) -> list[list[int]]:
    """Draw random orders in which videos are labelled; the first n videos of an order are its draw of n videos.

    A larger draw therefore contains the smaller one, as the labels of a lab do. Each order starts with another video,
    and with one that shows at least two behaviours if there is one, because a single behaviour cannot be learned. An
    order depends only on the seed and on its number, so that more draws do not change the first ones.

    Args:
        counts: (video, behaviour) scored frames of the videos to train on.
        draws: number of orders.
        seed: seed of the random numbers.

    Returns:
        Indices of all videos, for each order.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(counts))
    has_two_behaviours = (counts > 0).sum(1) > 1
    starts = [*order[has_two_behaviours[order]]] or [*order]
    orders = []
    for draw in range(draws):
        start = int(starts[draw % len(starts)])
        others = np.random.default_rng([seed, draw]).permutation(len(counts))
        orders.append([start, *(int(i) for i in others if i != start)])
    return orders


def default_sizes(videos: int) -> tuple[int, ...]:
    """Return numbers of labelled videos for a curve: 1 or 2, 3, 5, 10, 20, 40, ... and all of the ``videos``.

    Examples:
        >>> default_sizes(12)
        (2, 3, 5, 12)
    """
    steps = [1 if videos < 5 else 2, 3, 5, *(10 * 2**i for i in range(16))]
    return (*(size for size in steps if size < 0.8 * videos), videos)


def require_distinct(poses: Sequence[Poses]) -> None:
    """Make sure that no two videos have the same tracks. Trained and tested on, they would inflate the scores.

    Raises:
        InputError: two videos have the same tracks, for example because several people annotated one video.
    """
    ids: dict[str, str] = {}
    for recording in poses:
        first = ids.setdefault(recording.fingerprint(), recording.id)
        if first != recording.id:
            raise InputError(
                f"videos {first} and {recording.id}: expected different tracks; found the same: leave one of them "
                "out, with a --videos that names all others"
            )
