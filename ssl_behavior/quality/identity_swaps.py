"""Individuals that a tracker took for each other: both jump to where the other was, and stay the other one."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ssl_behavior.poses.poses import Poses

_APART_S, _LONGEST_GAP_S = 0.14, 1.0
"""Seconds over which a jump is looked for, more than one frame, as resampling draws it out; and at most."""
_FARTHER = 1.3
"""Body lengths that the animals are farther from where they were than from where the other one was."""
_BACK_S = 2.0
"""Within which an exchange that is taken back is a slip of the tracker."""


def exchanges(poses: Poses) -> list[int]:
    """Frames of the recording from which on two individuals are exchanged, of any two; slips are left out.

    Found is what shows: animals that lie on each other can be exchanged without a jump.
    """
    found = [at for pair in combinations(range(len(poses.individuals)), 2) for at in _of_pair(poses, pair)]
    return sorted(int(poses.native_frames[at]) for at in found)


def _of_pair(poses: Poses, pair: tuple[int, int]) -> list[int]:
    known = poses.seen[:, pair].any(2) & ~np.isnan(poses.centre[:, pair, 0])
    seen = np.flatnonzero(known.all(1))
    if len(seen) < 2:
        return []
    step, rate = max(2, round(_APART_S * poses.frame_rate)), poses.frame_rate
    later = np.searchsorted(seen, seen + step)
    there = later < len(seen)
    before, after = seen[there], seen[later[there]]
    near = after - before <= _LONGEST_GAP_S * rate
    before, after = before[near], after[near]
    was, is_now = poses.centre[before][:, pair], poses.centre[after][:, pair]
    kept, crossed = (np.linalg.norm(is_now - one, axis=-1).sum(1) for one in (was, was[:, ::-1]))
    jumps = after[(kept - crossed > _FARTHER) & (crossed < kept / 3)]
    first = jumps[np.diff(jumps, prepend=-step * 2) > step]  # of those that follow one another
    lasting: list[int] = []
    for at in first.tolist():
        if lasting and at - lasting[-1] < _BACK_S * rate:
            lasting.pop()  # and back again
        else:
            lasting.append(at)
    return lasting
