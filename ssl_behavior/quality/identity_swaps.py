"""Exchanged identities: two individuals jump to each other's position, and stay exchanged."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ssl_behavior.poses.poses import Poses

_JUMP_S, _LONGEST_GAP_S = 0.14, 1.0
"""Shortest and longest time between the two frames that are compared. Resampling stretches a jump over several frames,
and in a gap of more than a second two animals may have changed places by themselves."""
_FARTHER = 1.3
"""Body lengths by which two animals are farther from their own positions before the jump than from each other's."""
_SLIP_S = 2.0
"""An exchange that is taken back within this time is a slip of the tracker."""


def find_swaps(poses: Poses) -> list[int]:
    """Find the frames at which two individuals are exchanged for good.

    An exchange is visible only as a jump: animals that lie on each other can be exchanged without one.

    Returns:
        Frames of the recording, ascending, over all pairs of individuals.
    """
    pairs = combinations(range(len(poses.individuals)), 2)
    swaps = [frame for pair in pairs for frame in _find_swaps_of_pair(poses, pair)]
    return sorted(int(poses.native_frames[frame]) for frame in swaps)


def _find_swaps_of_pair(poses: Poses, pair: tuple[int, int]) -> list[int]:
    is_tracked = poses.seen[:, pair].any(2) & ~np.isnan(poses.centre[:, pair, 0])
    frames = np.flatnonzero(is_tracked.all(1))
    if len(frames) < 2:
        return []
    step, rate = max(2, round(_JUMP_S * poses.frame_rate)), poses.frame_rate
    # Compare each frame with the next one, at least a jump later, in which both animals are tracked.
    later = np.searchsorted(frames, frames + step)
    has_later = later < len(frames)
    before, after = frames[has_later], frames[later[has_later]]
    is_near = after - before <= _LONGEST_GAP_S * rate
    before, after = before[is_near], after[is_near]
    old, new = poses.centre[before][:, pair], poses.centre[after][:, pair]
    straight, crossed = (np.linalg.norm(new - centres, axis=-1).sum(1) for centres in (old, old[:, ::-1]))
    jumps = after[(straight - crossed > _FARTHER) & (crossed < straight / 3)]
    first_of_each = jumps[np.diff(jumps, prepend=-step * 2) > step]  # one jump shows in several frames
    return _drop_slips(first_of_each.tolist(), _SLIP_S * rate)


def _drop_slips(swaps: list[int], shortest: float) -> list[int]:
    """Drop pairs of swaps of which the second takes the first back in fewer than ``shortest`` frames."""
    lasting: list[int] = []
    for frame in swaps:
        if lasting and frame - lasting[-1] < shortest:
            lasting.pop()
        else:
            lasting.append(frame)
    return lasting
