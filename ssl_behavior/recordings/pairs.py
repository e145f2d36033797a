"""Ordered pairs of individuals, and the names of their channels."""

from __future__ import annotations

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
