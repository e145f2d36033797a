"""Compare where annotations lie with the length of the tracks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import Annotations

_WHOLE = 0.9
"""Share of the tracks that annotations reach if somebody went through the whole video."""

_EXCESS = 1.05
"""Share of the tracks beyond which annotations are no longer explained by frames that programs drop at the end."""

_WATCHED = 0.5
"""Share of the tracks after which there is usually a bout, if somebody watched to the end."""


def compare_with_tracks(annotations: Annotations, frames: int | None) -> Annotations:
    """Return the annotations with notices of frames that nobody may have looked at.

    Args:
        annotations: annotations of one video.
        frames: number of frames of its tracks; None without tracks.

    Raises:
        InputError: every bout starts well after the end of the tracks.
    """
    starts = [bout.start for bouts in annotations.channels.values() for bout in bouts]
    if not frames or not starts:
        return annotations
    if min(starts) > _EXCESS * frames:
        raise InputError(
            f"{annotations.source}: expected bouts within the {frames:,} frames of the tracks of {annotations.id!r}; "
            f"found the first at frame {min(starts):,}: check that both are of the same video, and that times "
            "count from its start"
        )
    return replace(annotations, notices=(*annotations.notices, *_notices(annotations, frames)))


def _notices(annotations: Annotations, frames: int) -> Iterator[str]:
    last = max(annotations.stop(channel) for channel in annotations.channels)
    background = annotations.background
    if last > _EXCESS * frames:
        yield (
            f"the annotations reach frame {last:,}, and the tracks have {frames:,} frames: check that both are of the "
            "same video, whole, and at one frame rate"
        )
    elif (background is None or annotations.frames is not None) and last < _WHOLE * frames:
        yield f"the annotations end at frame {last:,} of {frames:,}: later frames are unscored"
    elif background is not None and last < _WATCHED * frames:
        yield (
            f"there is no bout after frame {last:,} of {frames:,}, and later frames count as {background!r}: if nobody "
            f"watched them, add --unscored {background}"
        )
