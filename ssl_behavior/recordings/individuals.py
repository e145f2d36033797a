"""The number of individuals and pairs in words, so that users notice track fragments that count as animals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ssl_behavior.errors import count_of, list_names
from ssl_behavior.recordings.recording import Recording

__all__ = ["crowding_warning", "describe_individuals"]

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
            f"{_pairs(most):,} ordered pairs. If these are fragments of fewer animals' tracks, join them in the "
            "tracking program (a fixed number of animals in SLEAP, stitching of tracklets in DeepLabCut) and export "
            "again"
        )


def _pairs(individuals: int) -> int:
    """Count the ordered pairs of so many individuals; a lone animal is paired with itself."""
    return individuals * (individuals - 1) if individuals > 1 else individuals
