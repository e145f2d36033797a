"""Lists: which actions the annotators of a video looked for, of whom and towards whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssl_behavior.simulation.actions import SELF_ACTIONS
from ssl_behavior.simulation.annotators import Bout
from ssl_behavior.simulation.laboratories import Laboratory


class Entry(NamedTuple):
    """One entry of a list.

    Attributes:
        agent: number of the mouse, from 1.
        target: number of the mouse that it acts on; the agent's own if it acts by itself.
        action: the laboratory's name of the action.
    """

    agent: int
    target: int
    action: str

    @property
    def names(self) -> tuple[str, str, str]:
        """The entry as written in the files of MABe-2025."""
        return f"mouse{self.agent}", "self" if self.target == self.agent else f"mouse{self.target}", self.action


def draw_list(laboratory: Laboratory, rng: np.random.Generator) -> tuple[Entry, ...]:
    """Draw what the annotators of a video look for: not all that the mice do, and more than they see.

    Args:
        laboratory: the laboratory.
        rng: random number generator.

    Returns:
        The entries, sorted as they are written; at least one.
    """
    actions = [*laboratory.asked, *(action for action in laboratory.sometimes if rng.random() < 0.5)]
    entries: list[Entry] = []
    for agent in range(1, min(laboratory.agents, laboratory.mice) + 1):
        for target in range(1, laboratory.mice + 1):
            if target != agent and entries and rng.random() < laboratory.unlisted:
                continue
            entries += [
                Entry(agent, target, laboratory.habits.names.get(action, action))
                for action in actions
                if (action in SELF_ACTIONS) == (target == agent)
            ]
    return tuple(sorted(entries, key=lambda entry: entry.names))


def is_listed(bout: Bout, listed: Sequence[Entry]) -> bool:
    """Return whether the annotators looked for the action of a bout, of its agent and towards its target."""
    return (bout.agent, bout.target, bout.action) in listed


def written_list(listed: Sequence[Entry], has_stray_apostrophes: bool) -> tuple[str, ...]:
    """The entries as text; with stray apostrophes, each has a twin with them, as in two of the real laboratories."""
    clean = [",".join(entry.names) for entry in listed]
    if not has_stray_apostrophes:
        return tuple(clean)
    # The real twins are rests of a list in Python's notation: only the first begins with an apostrophe.
    twins = ["','".join(entry.names) + "'" for entry in listed]
    return (f"'{twins[0]}", *twins[1:], *clean)
