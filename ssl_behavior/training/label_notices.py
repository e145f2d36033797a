"""Notices about labels that a model can learn without knowing behaviour, or can hardly learn."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import numpy as np

from ssl_behavior.errors import count_of
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.recordings.labels import UNSCORED

_NOTEWORTHY = 0.05
"""Share of the scored frames with an animal missing from which on they are mentioned."""


def label_notices(videos: Sequence[LabelledPoses], behaviours: Sequence[str]) -> Iterator[str]:
    """Yield a sentence on each behaviour that stands for unjudged frames, and one on frames with an animal missing.

    Args:
        videos: labelled videos.
        behaviours: names of the labels.
    """
    for name in _edge_behaviours(videos, behaviours):
        yield (
            f"{name} fills the beginning and the end of all {count_of(len(videos), 'labelled video')} and occurs "
            f"nowhere between: if nobody judged these frames, leave them out with --unscored {shlex.quote(name)}"
        )
    if (share := _share_with_an_animal_missing(videos)) >= _NOTEWORTHY:
        yield (
            f"fewer than two animals are tracked in {share:.0%} of the scored frames: expect more errors there, and "
            "fewer with more complete tracks"
        )


def _edge_behaviours(videos: Sequence[LabelledPoses], behaviours: Sequence[str]) -> list[str]:
    """Return the behaviours whose frames are the first and the last scored ones of every video, and no others."""
    if len(videos) < 2:
        return []
    scored = [video.labels[video.labels != UNSCORED] for video in videos]
    return [name for i, name in enumerate(behaviours) if all(_is_at_both_ends(labels == i) for labels in scored)]


def _is_at_both_ends(is_behaviour: np.ndarray) -> bool:
    """Tell whether a behaviour (time,) starts and ends the video, and another one fills the middle."""
    changes = np.count_nonzero(np.diff(is_behaviour))
    return bool(is_behaviour[0] and is_behaviour[-1] and changes == 2)


def _share_with_an_animal_missing(videos: Sequence[LabelledPoses]) -> float:
    """Return the share of the scored frames of videos of several animals in which fewer than two are seen."""
    several = [video for video in videos if len(video.poses.individuals) > 1]
    missing = [(video.poses.seen.any(2).sum(1) < 2)[video.labels != UNSCORED] for video in several]
    return float(np.concatenate(missing).mean()) if missing else 0.0
