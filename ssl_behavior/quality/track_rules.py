"""Rules for faults within the tracks of one recording, at its own frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssl_behavior.errors import list_in_order
from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.frame_rhythm import find_rhythm
from ssl_behavior.quality.jumps import find_jumps
from ssl_behavior.quality.native_tracks import native_tracks
from ssl_behavior.quality.repeated_tracks import Repeats, share_of_same_track
from ssl_behavior.quality.rules import Suspicion
from ssl_behavior.recordings.recording import Recording

# Thresholds. experiments/checks measures what they see and what they suspect in vain.
_SAME_TRACK = 0.2
"""Share of the time that two animals are in one place. Trackers put two on one animal now and then: up to 5 %."""
_JUMP = 6.0
"""Step of all animals relative to the usual steps around it."""
_RHYTHM = 6.0
"""Standard errors by which every so many steps differ."""
_REPEATED, _MISSING = 0.6, 1.4
"""Lengths of these steps relative to the others."""
_COPIES = 0.04
"""Share of the frames that equal the one before. Still animals and smoothing trackers make up to 3 %."""
_NAMED_FRAMES = 5


def check_tracks(recording: Recording, poses: Poses) -> Iterator[Suspicion]:
    """Apply the rules that need the recording's own frames.

    Args:
        recording: recording with positions in the plane.
        poses: the same recording, prepared.
    """
    tracks = native_tracks(recording, poses)
    yield from _check_same_track(recording, tracks)
    repeats = Repeats(recording.positions, recording.frame_rate)
    yield from _check_frozen(recording, repeats)
    yield from _check_jumps(recording, tracks)
    yield from _check_frames(recording, tracks, repeats)


def list_frames(frames: list[int]) -> str:
    """Name the first frames, and the number of the others."""
    return f"{'frame' if len(frames) == 1 else 'frames'} {list_in_order(frames, _NAMED_FRAMES)}"


def _check_same_track(recording: Recording, tracks: np.ndarray) -> Iterator[Suspicion]:
    share, (first, second) = share_of_same_track(tracks, recording.frame_rate)
    if share > _SAME_TRACK:
        names = f"{recording.individuals[first]} and {recording.individuals[second]}"
        yield Suspicion(
            recording.id,
            "same track",
            f"{names} are in one place in {share:.0%} of the frames that show both. Check whether one animal was "
            "exported or tracked twice.",
        )


def _check_frozen(recording: Recording, repeats: Repeats) -> Iterator[Suspicion]:
    frozen = repeats.frozen()
    if not frozen:
        return
    starts = [start for start, _, _ in frozen]
    longest = max(frozen, key=lambda stretch: stretch[1] - stretch[0])
    who = (
        "All animals"
        if len(longest[2]) == len(recording.individuals)
        else ", ".join(recording.individuals[i] for i in longest[2])
    )
    seconds = (longest[1] - longest[0]) / recording.frame_rate
    yield Suspicion(
        recording.id,
        "frozen",
        f"{who} keep exactly the same coordinates for {seconds:.1f} s from frame {longest[0]} on"
        f"{f', and there are {len(frozen) - 1} more such stretches' * (len(frozen) > 1)}. Check whether the video "
        "froze, or gaps were filled with the last position.",
        tuple(sorted(starts)),
    )


def _check_jumps(recording: Recording, tracks: np.ndarray) -> Iterator[Suspicion]:
    frames, scores = find_jumps(tracks, recording.frame_rate)
    jumps: list[int] = []
    for frame in frames[scores > _JUMP].tolist():
        if not jumps or frame - jumps[-1] > recording.frame_rate:
            jumps.append(frame)
    if jumps:
        who = "All animals jump" if tracks.shape[2] > 1 else "The animal jumps"
        yield Suspicion(
            recording.id,
            "jump",
            f"{who} to another place at {list_frames(jumps)}. Check whether frames are missing there, or two videos "
            "were joined.",
            tuple(jumps),
        )


def _check_frames(recording: Recording, tracks: np.ndarray, repeats: Repeats) -> Iterator[Suspicion]:
    rhythm, copies = find_rhythm(tracks), repeats.share()
    is_regular = abs(rhythm.z) > _RHYTHM
    advice = "Check whether the video was converted to another frame rate before it was tracked."
    if is_regular and rhythm.ratio < _REPEATED:
        yield Suspicion(
            recording.id,
            "frames repeated",
            f"At every {_ordinal(rhythm.period)} frame animals move {max(rhythm.ratio, 0.0):.1f} times as far as at "
            f"the others. {advice}",
        )
    elif copies > _COPIES:
        yield Suspicion(
            recording.id,
            "frames repeated",
            f"{copies:.0%} of the frames are exact copies of the one before. {advice}",
        )
    elif is_regular and rhythm.ratio > _MISSING:
        yield Suspicion(
            recording.id,
            "frames missing",
            f"At every {_ordinal(rhythm.period)} frame animals move {rhythm.ratio:.1f} times as far as at the others. "
            f"{advice}",
        )


def _ordinal(number: int) -> str:
    return f"{number}{ {2: 'nd', 3: 'rd', 22: 'nd', 23: 'rd', 21: 'st'}.get(number, 'th') }"
