"""Annotators: what they write down about the true actions, with habits like those in the files of MABe-2025."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class Bout(NamedTuple):
    """Consecutive frames of one action.

    Attributes:
        agent: number of the mouse, from 1.
        target: number of the mouse that it acts on; the agent's own if it acts by itself.
        action: name of the action.
        start: first frame.
        stop: frame after the last one.
    """

    agent: int
    target: int
    action: str
    start: int
    stop: int


@dataclass(frozen=True)
class Habits:
    """Habits of the annotators of a laboratory.

    Attributes:
        late: mean delay of an edge behind the true one, s.
        spread: standard deviation of the delay of each edge, s.
        misses: share of the bouts that are not noticed.
        shortest: bouts shorter than this are seldom noticed, s.
        merges: bouts of one action are joined over a gap shorter than this, s.
        grid: edges are multiples of this number of frames.
        names: the laboratory's own name -> for actions that others call otherwise.
    """

    late: float = 0.0
    spread: float = 0.0
    misses: float = 0.0
    shortest: float = 0.0
    merges: float = 0.0
    grid: int = 1
    names: Mapping[str, str] = field(default_factory=dict)


MISSED_SHORT_BOUTS = 0.8  # share of the bouts shorter than ``Habits.shortest`` that are not noticed


def annotate(
    bouts: Iterable[Bout], habits: Habits, frame_rate: float, frames: int, rng: np.random.Generator
) -> list[Bout]:
    """Annotate a recording.

    Bouts of one ordered pair never overlap in the result, as in the official files: where an edge is late, the later
    bout begins after the earlier one. No bout is empty.

    Args:
        bouts: true bouts, of which those of one ordered pair do not overlap.
        habits: habits of the annotators.
        frame_rate: Hz.
        frames: number of frames of the recording.
        rng: random number generator.

    Examples:
        >>> bout = Bout(1, 2, "sniff", 10, 20)
        >>> annotate([bout], Habits(grid=9), 30.0, 100, np.random.default_rng(0))
        [Bout(agent=1, target=2, action='sniff', start=9, stop=18)]
    """
    pairs: dict[tuple[int, int], list[Bout]] = {}
    for bout in sorted(bouts, key=lambda bout: bout.start):
        pairs.setdefault((bout.agent, bout.target), []).append(bout)
    annotated: list[Bout] = []
    for pair in sorted(pairs):
        merged = _merge(pairs[pair], habits.merges * frame_rate)
        noticed = [bout for bout in merged if _is_noticed(bout, habits, frame_rate, rng)]
        moved = [_move_edges(bout, habits, frame_rate, frames, rng) for bout in noticed]
        annotated += _without_overlaps(moved)
    return annotated


def _merge(bouts: Iterable[Bout], gap: float) -> list[Bout]:
    """Join neighbouring bouts of one action that touch, or between which there are fewer frames than ``gap``."""
    merged: list[Bout] = []
    for bout in bouts:
        last = merged[-1] if merged else None
        if last and last.action == bout.action and bout.start - last.stop < max(gap, 1):
            merged[-1] = last._replace(stop=max(last.stop, bout.stop))
        else:
            merged.append(bout)
    return merged


def _is_noticed(bout: Bout, habits: Habits, frame_rate: float, rng: np.random.Generator) -> bool:
    is_short = bout.stop - bout.start < habits.shortest * frame_rate
    return rng.random() >= (MISSED_SHORT_BOUTS if is_short else habits.misses)


def _move_edges(bout: Bout, habits: Habits, frame_rate: float, frames: int, rng: np.random.Generator) -> Bout:
    delays = rng.normal(habits.late, habits.spread, 2) * frame_rate
    start, stop = (
        habits.grid * round((edge + delay) / habits.grid) for edge, delay in zip(bout[3:], delays, strict=True)
    )
    start = max(0, start)
    # A bout has at least one step of the grid.
    stop = min(max(stop, start + habits.grid), frames // habits.grid * habits.grid)
    return bout._replace(action=habits.names.get(bout.action, bout.action), start=start, stop=stop)


def _without_overlaps(bouts: Iterable[Bout]) -> list[Bout]:
    """The bouts of one ordered pair without overlaps: the later one gives way, and is left out if nothing remains."""
    apart: list[Bout] = []
    for bout in sorted(bouts, key=lambda bout: bout.start):
        start = max(bout.start, apart[-1].stop) if apart else bout.start
        if start < bout.stop:
            apart.append(bout._replace(start=start))
    return _merge(apart, 0)
