"""Poses of one animal in one frame each, as SLEAP stores them, put together into tracks.

A person's correction takes the place of the prediction that it corrects. Instances without a track are used where only
one animal can be meant. The notices count all that is not used as it stands in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ssl_behavior.errors import PROGRAM, count_of, list_names
from ssl_behavior.formats.tracks.corrections import Instance, corrected
from ssl_behavior.formats.untrusted.limits import most_bytes

_MOST_NAMES = 5


@dataclass(frozen=True)
class Tracks:
    """Instances put together.

    Attributes:
        individuals: one name per individual.
        values: (frame, individual, node, x y score) float32; NaN where nothing is seen, and the score of a pose that a
            person set.
        notices: what was left out or assumed, a sentence each.
    """

    individuals: tuple[str, ...]
    values: np.ndarray
    notices: tuple[str, ...]


@dataclass
class _Frames:
    """The instances of each frame while they are given to tracks."""

    tracked: dict[int, dict[int, Instance]] = field(default_factory=dict)
    """frame -> track -> instance"""
    untracked: dict[int, list[Instance]] = field(default_factory=dict)
    """frame -> instances"""
    doubles: int = 0


def assemble(instances: Iterable[Instance], tracks: Sequence[str], nodes: int, frames: int = 0) -> Tracks:
    """Put the instances of one video together.

    Args:
        instances: in the order of the file.
        tracks: names of the tracks that instances refer to by number.
        nodes: number of keypoints.
        frames: number of frames of the video, as far as it is known.

    Raises:
        ValueError: frames are numbered so that the tracks would take more memory than the instances justify.
    """
    by_frame: dict[int, list[Instance]] = {}
    number = 0
    for number, instance in enumerate(instances, 1):  # noqa: B007 (their number counts afterwards)
        by_frame.setdefault(instance.frame, []).append(instance)
    length = _length(by_frame, number, nodes, frames)
    by_frame, corrections = corrected(by_frame)
    parts = _by_track(by_frame)
    used = sorted({track for of_frame in parts.tracked.values() for track in of_frame})
    if used:
        names, rows, notices = _with_untracked(parts, used, tracks, number)
    else:
        names, rows, notices = _numbered(parts, tracks)
    values = np.full((length, len(names), nodes, 3), np.nan, np.float32)
    for frame, row, instance in rows:
        values[frame, row] = instance.points
    if 2 * len(by_frame) < length:
        notices.append(f"instances in {len(by_frame):,} of {length:,} frames: nothing is seen in the others")
    unused = [name for track, name in enumerate(tracks) if track not in used and name not in names]
    return Tracks(names, values, (*_notices_of_all(corrections, parts.doubles, unused), *notices))


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that differ: numbered ones if some are the same."""
    return tuple(names) if len(set(names)) == len(names) else tuple(f"individual{i + 1}" for i in range(len(names)))


def _length(by_frame: dict[int, list[Instance]], instances: int, nodes: int, frames: int) -> int:
    """Return the number of frames: the video's if it has room for the instances, else that of the last instance."""
    first, last = min(by_frame, default=0), max(by_frame, default=-1)
    individuals = max(map(len, by_frame.values()), default=1)
    frame_bytes = individuals * nodes * 3 * np.dtype(np.float32).itemsize
    most = most_bytes(instances * frame_bytes) // max(frame_bytes, 1)
    if first < 0 or last >= most:
        raise ValueError(f"{instances} instances are in frames {first} to {last}")
    return max(last + 1, frames) if frames <= most else last + 1


def _by_track(by_frame: dict[int, list[Instance]]) -> _Frames:
    """Give each instance to its track. Of two in one frame, a person's counts, or the one with the higher score."""
    parts = _Frames()
    for frame, instances in by_frame.items():
        of_frame = parts.tracked.setdefault(frame, {})
        for instance in instances:
            if instance.track is None:
                parts.untracked.setdefault(frame, []).append(instance)
                continue
            earlier = of_frame.get(instance.track)
            if earlier is not None:
                parts.doubles += 1
            if earlier is None or (instance.by_hand, instance.score) > (earlier.by_hand, earlier.score):
                of_frame[instance.track] = instance
    return parts


def _with_untracked(
    parts: _Frames, used: Sequence[int], tracks: Sequence[str], number: int
) -> tuple[tuple[str, ...], Iterator[tuple[int, int, Instance]], list[str]]:
    """Return names, (frame, row, instance) and notices of a video in which instances have tracks."""
    given: Counter[int] = Counter()
    left: dict[int, list[Instance]] = {}
    for frame, instances in parts.untracked.items():
        missing = [track for track in used if track not in parts.tracked[frame]]
        if len(missing) == len(instances) == 1:
            parts.tracked[frame][missing[0]] = instances[0]
            given[missing[0]] += 1
        else:
            left[frame] = instances
    names = [tracks[track] for track in used]
    rows = [(frame, used.index(t), one) for frame, of_frame in parts.tracked.items() for t, one in of_frame.items()]
    notices = [
        f"{count_of(count, 'instance')} without a track {'is' if count == 1 else 'are'} read as {tracks[track]!r}, the "
        "only animal that is missing in their frames"
        for track, count in given.items()
    ]
    unplaced = sum(map(len, left.values()))
    if unplaced == len(left) and 2 * unplaced >= len(parts.tracked):
        unused = [name for i, name in enumerate(tracks) if i not in used]
        names.append(unused[0] if len(unused) == 1 else f"individual{len(names) + 1}")
        rows += [(frame, len(names) - 1, one) for frame, (one,) in left.items()]
        notices.append(f"{count_of(unplaced, 'instance')} without a track, one in a frame, are read as {names[-1]!r}")
    elif unplaced:
        notices.append(
            f"{unplaced:,} of {number:,} instances have no track and are left out: assign tracks in SLEAP, then export "
            "again"
        )
    return distinct(names), iter(rows), notices


def _numbered(
    parts: _Frames, tracks: Sequence[str]
) -> tuple[tuple[str, ...], Iterator[tuple[int, int, Instance]], list[str]]:
    """Return names, (frame, row, instance) and notices of a video in which no instance has a track."""
    animals = max(map(len, parts.untracked.values()), default=1)
    rows = ((frame, row, one) for frame, of_frame in parts.untracked.items() for row, one in enumerate(of_frame))
    if animals == len(tracks) == 1:
        return tuple(tracks), rows, [f"no instance has a track: the one animal is read as {tracks[0]!r}"]
    names = tuple(f"individual{i + 1}" for i in range(animals))
    if animals == 1:
        return names, rows, []
    crowded = sum(len(instances) == animals for instances in parts.untracked.values())
    notice = (
        f"no instance has a track, and {crowded:,} of {len(parts.untracked):,} frames hold {animals}: the animals are "
        f"numbered in the order of each frame, which may exchange them: {PROGRAM} track follows each animal"
    )
    return names, rows, [notice]


def _notices_of_all(corrections: int, doubles: int, unused: Sequence[str]) -> list[str]:
    notices = []
    if corrections:
        notices.append(f"{count_of(corrections, 'prediction')} corrected by hand: the corrected poses are used")
    if doubles:
        notices.append(
            f"{count_of(doubles, 'instance')} left out, as another has the same track and frame: a pose set by hand or "
            "the higher score counts"
        )
    if unused:
        notices.append(f"tracks without an instance are left out: {list_names(unused, _MOST_NAMES)}")
    return notices
