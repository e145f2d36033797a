"""Individuals of recordings: their number in words, the choice of some, and those that are never seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ssl_behavior.errors import PROGRAM, InputError, count_of, list_names
from ssl_behavior.recordings.recording import Recording

__all__ = [
    "NOBODY",
    "choose_individuals",
    "crowding_warning",
    "describe_individuals",
    "require_individuals",
    "seen_individuals",
    "select_individuals",
    "with_unseen_noticed",
    "without_unseen",
]

NOBODY = -1
"""Identity of what belongs to no individual."""

_CHUNK = 4096
"""Frames that are searched at a time for one in which an individual is seen."""

_USUAL_MAXIMUM = 6
"""Individuals in one recording. Above this, "individuals" are more often track fragments than animals."""


def describe_individuals(recordings: Sequence[Recording]) -> Iterator[str]:
    """Yield lines to print: the number of individuals and ordered pairs, then ``crowding_warning`` if it applies.

    Examples:
        >>> next(describe_individuals(read_recordings("flies.h5")))  # doctest: +SKIP
        '27 individuals, which make 702 ordered pairs of an agent and its target'
    """
    counts = sorted({len(recording.individuals) for recording in recordings})
    if not counts:
        return
    fewest, most = counts[0], counts[-1]
    each = f" in each of {count_of(len(recordings), 'recording')}" if len(recordings) > 1 else ""
    individuals = count_of(most, "individual") if fewest == most else f"{fewest} to {most} individuals"
    pairs = f"{_pairs(most):,}" if fewest == most else f"{_pairs(fewest)} to {_pairs(most):,}"
    of_pairs = f", which make {pairs} ordered pairs of an agent and its target" if most > 1 else ""
    yield f"{individuals}{each}{of_pairs}"
    yield from crowding_warning(recordings)


def crowding_warning(recordings: Sequence[Recording]) -> Iterator[str]:
    """Yield one warning if any recording has more individuals than are usually filmed together."""
    crowded = [recording for recording in recordings if len(recording.individuals) > _USUAL_MAXIMUM]
    if crowded:
        most = max(len(recording.individuals) for recording in crowded)
        yield (
            f"warning: {list_names((recording.id for recording in crowded), 3)}: {most} individuals make "
            f"{_pairs(most):,} ordered pairs. If these are fragments of fewer animals' tracks, join them first: "
            f"{PROGRAM} track --recordings ... --individuals N --output tracked"
        )


def _pairs(individuals: int) -> int:
    """Count the ordered pairs of so many individuals; a lone animal is paired with itself."""
    return individuals * (individuals - 1) if individuals > 1 else individuals


def seen_individuals(recording: Recording) -> np.ndarray:
    """Return (individual,) bool: whether any keypoint of the individual has a position, and a confidence above 0."""
    seen = np.zeros(len(recording.individuals), bool)
    for start in range(0, recording.frames, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        points = np.isfinite(recording.positions[chunk]).all(-1)
        if recording.confidence is not None:
            points &= recording.confidence[chunk] > 0
        seen |= points.any((0, 2))
        if seen.all():
            break
    return seen


def without_unseen(recording: Recording) -> tuple[Recording, tuple[str, ...]]:
    """Return a recording without the individuals that are never seen, and the names of these.

    A recording without keypoints stays as it is.

    Raises:
        InputError: no individual is ever seen.
    """
    if not recording.skeleton.keypoints or (seen := seen_individuals(recording)).all():
        return recording, ()
    if not seen.any():
        raise InputError(
            f"{recording.source or 'recording'} ({recording.id}): expected a keypoint that is seen in some frame; "
            f"found none of {list_names(recording.individuals, 5)}: leave out the recording, or track the video again"
        )
    unseen = tuple(name for name, is_seen in zip(recording.individuals, seen, strict=True) if not is_seen)
    return select_individuals(recording, [name for name in recording.individuals if name not in unseen]), unseen


def choose_individuals(recording: Recording, names: Sequence[str]) -> Recording:
    """Return a recording with only the individuals that ``--individuals`` names, in that order; all if it names none.

    Raises:
        InputError: the recording has none of them.
    """
    if not names:
        return recording
    chosen = [name for name in dict.fromkeys(names) if name in recording.individuals]
    if not chosen:
        raise InputError(
            f"{recording.source or 'recording'} ({recording.id}): --individuals {list_names(names)}: expected some of "
            f"its individuals {list_names(recording.individuals)}; found none of these: correct the names"
        )
    return select_individuals(recording, chosen)


def require_individuals(names: Sequence[str], existing: Collection[str]) -> None:
    """Make sure that every name in ``--individuals`` is one of some recording: a misspelt name would choose nothing.

    Raises:
        InputError: a name is of no recording.
    """
    if unknown := set(names) - set(existing):
        raise InputError(
            f"--individuals {list_names(unknown)}: expected individuals of the recordings; found "
            f"{list_names(existing)}: correct the names"
        )


def select_individuals(recording: Recording, names: Sequence[str]) -> Recording:
    """Return a recording with the individuals of these names, in this order.

    Labels of a pair that is not among them are left out, with a notice.
    """
    if tuple(names) == recording.individuals:
        return recording
    index = [recording.individuals.index(name) for name in names]
    labels = {
        channel: labels
        for channel, labels in recording.labels.items()
        if labels.pair is None or set(labels.pair) <= set(names) or not set(labels.pair) <= set(recording.individuals)
    }
    lost = [channel for channel in recording.labels if channel not in labels]
    notice = f"labels of {list_names(lost)} are left out, as they are of a pair with an animal that is left out"
    return replace(
        recording,
        positions=recording.positions[:, index],
        confidence=None if recording.confidence is None else recording.confidence[:, index],
        individuals=tuple(names),
        labels=labels,
        content_hash=None,
        notices=(*recording.notices, notice) if lost else recording.notices,
    )


def with_unseen_noticed(recordings: Sequence[tuple[Recording, tuple[str, ...]]]) -> list[Recording]:
    """Return recordings with a notice of the individuals that ``without_unseen`` left out of each."""
    present = {name for recording, _ in recordings for name in recording.individuals}
    noticed = []
    for recording, unseen in recordings:
        everywhere = [name for name in unseen if name not in present]
        here = [name for name in unseen if name in present]
        notices = [f"{list_names(everywhere)}: never seen, and left out"] if everywhere else []
        if here:
            left = "a lone animal" if len(recording.individuals) == 1 else "fewer animals"
            notices.append(
                f"{list_names(here)}: never seen, and left out; it is seen in other recordings, so this one is read as "
                f"one of {left} (--individuals chooses the animals of all)"
            )
        noticed.append(replace(recording, notices=(*recording.notices, *notices)))
    return noticed
