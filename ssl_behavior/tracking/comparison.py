"""Match tracked recordings with true ones, to score them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ssl_behavior.errors import InputError, list_in_order, list_names, natural_key
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.selection import find_videos
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.tracking.association import seen_instances

_NAMED = 5


@dataclass(frozen=True, eq=False)
class TracksWithTruth:
    """The tracks of one video and the true ones, over the same frames and keypoints.

    Attributes:
        tracked: the tracks to score.
        truth: the true tracks.
    """

    tracked: Recording
    truth: Recording

    @property
    def id(self) -> str:
        """The video's id."""
        return self.truth.id


def match_with_truth(
    tracked: Sequence[Recording],
    truth: Sequence[Recording],
    videos: Sequence[str] = (),
    notify: Callable[[str], None] = print,
) -> list[TracksWithTruth]:
    """Match tracked with true recordings by id, and keep the keypoints that both have.

    Args:
        tracked: recordings of different ids.
        truth: recordings of different ids.
        videos: ids or patterns of the recordings to score; all that are in both if empty.
        notify: called with a notice of recordings and keypoints that are left out.

    Returns:
        Matches, in the natural order of the ids.

    Raises:
        InputError: no recording is in both, or two of one video differ in length, unit or dimensions, or share no
            keypoint.
    """
    of_tracked, of_truth = ({recording.id: recording for recording in of} for of in (tracked, truth))
    both = set(of_tracked) & set(of_truth)
    if not both:
        raise InputError(
            f"expected recordings of one video in --tracks and --truth; found {list_names(of_tracked, _NAMED)} in "
            f"--tracks and {list_names(of_truth, _NAMED)} in --truth: give files of one video the same name"
        )
    if videos:
        both = find_videos(videos, both, "videos that are in both --tracks and --truth")
    else:
        if left := set(of_tracked) - both:
            notify(f"tracked and without truth, left out: {list_names(left)}")
        if left := set(of_truth) - both:
            notify(f"true tracks of recordings that are not tracked, left out: {list_names(left)}")
    return [_match(of_tracked[name], of_truth[name], notify) for name in sorted(both, key=natural_key)]


def _match(tracked: Recording, truth: Recording, notify: Callable[[str], None]) -> TracksWithTruth:
    where = f"{tracked.source or 'tracks'} ({tracked.id})"
    if tracked.frames != truth.frames:
        raise InputError(
            f"{where}: expected {truth.frames:,} frames, as {truth.source or 'the truth'} has; found "
            f"{tracked.frames:,}: give tracks and truth of the same frames"
        )
    if tracked.positions.shape[-1] != truth.positions.shape[-1] or tracked.unit != truth.unit:
        raise InputError(
            f"{where}: expected positions in {_space(truth)}, as {truth.source or 'the truth'} has them; found "
            f"{_space(tracked)}: convert one of the two"
        )
    names = truth.skeleton.keypoints
    shared = [name for name in names if name in tracked.skeleton.keypoints]
    if not shared:
        raise InputError(
            f"{where}: expected keypoints of {truth.source or 'the truth'} ({list_in_order(names, _NAMED)}); found "
            f"{list_in_order(tracked.skeleton.keypoints, _NAMED)}: give the keypoints the same names in both"
        )
    if left := {*names, *tracked.skeleton.keypoints} - set(shared):
        notify(f"{truth.id}: keypoints that tracks and truth do not share, left out: {list_names(left, _NAMED)}")
    truth = with_keypoints(truth, shared)
    if not seen_instances(truth.positions).any():
        raise InputError(
            f"{truth.source or 'the truth'} ({truth.id}): expected a pose with one of {list_in_order(shared, _NAMED)}, "
            "which tracks and truth share; found none: leave out the recording"
        )
    return TracksWithTruth(with_keypoints(tracked, shared), truth)


def _space(recording: Recording) -> str:
    return f"{recording.positions.shape[-1]} dimensions in {recording.unit}"


def with_keypoints(recording: Recording, names: Sequence[str]) -> Recording:
    """Return a recording with the keypoints of these names only, in this order.

    Raises:
        ValueError: the recording has no keypoint of one of the names.
    """
    skeleton = recording.skeleton
    if tuple(names) == skeleton.keypoints:
        return recording
    chosen = [skeleton.keypoints.index(name) for name in names]
    return replace(
        recording,
        positions=recording.positions[:, :, chosen],
        confidence=None if recording.confidence is None else recording.confidence[:, :, chosen],
        skeleton=Skeleton(
            tuple(names),
            tuple(edge for edge in skeleton.edges if set(edge) <= set(names)),
            {name: meaning for name, meaning in skeleton.landmarks.items() if name in names},
        ),
        content_hash=None,
    )
