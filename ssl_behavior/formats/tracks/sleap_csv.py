"""Tables of SLEAP and sleap-io: a row per instance (also "analysis CSV"), per point, or per frame.

Rows without a position say that the video goes on; poses without any score were set by a person.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.corrections import Instance
from ssl_behavior.formats.tracks.instances import assemble
from ssl_behavior.formats.tracks.sleap_labels import distinct_stems
from ssl_behavior.formats.tracks.sleap_layouts import FRAME, Poses, column_names, is_table, poses_of
from ssl_behavior.formats.tracks.unseen import bound_confidence, mask_unseen
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE, Recording
from ssl_behavior.recordings.skeleton import Skeleton
from ssl_behavior.storage.video_names import video_id

_MOST_DOUBLES = 0.1
"""Part of the poses that may share their track and frame with another before the table must hold several videos."""


def detect(path: Path) -> bool:
    """Return whether the file is a CSV with frame numbers and the positions of nodes as SLEAP names them."""
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        return False
    try:
        return is_table(column_names(path))
    except (InputError, OSError, UnicodeDecodeError, csv.Error):
        return False


def read(path: Path) -> list[Recording]:
    """Read one recording per video of a table, in px.

    Raises:
        InputError: the table is cut short, its frame numbers are no whole numbers, or it mixes several videos.
    """
    nodes, poses = poses_of(path)
    if not nodes:
        raise InputError(f"{path}: expected columns such as nose.x and nose.y; found none: export the table again")
    videos = list(dict.fromkeys(poses.videos))
    stems = distinct_stems([str(video) for video in videos])
    names = [video_id(path)] if len(videos) == 1 else [f"{video_id(path)}/{stem}" for stem in stems]
    return [_recording(poses, nodes, video, name, path) for video, name in zip(videos, names, strict=True)]


def _recording(poses: Poses, nodes: Sequence[str], video: str | None, name: str, path: Path) -> Recording:
    rows = [row for row, other in enumerate(poses.videos) if other == video]
    tracks = list(dict.fromkeys(track for row in rows if (track := poses.tracks[row]) is not None))
    length = int(poses.frames[rows].max()) + 1
    seen = np.isfinite(poses.points[..., :2]).all(2).any(1)
    instances = list(_as_instances(poses, [row for row in rows if seen[row]], tracks))
    _require_one_video(instances, path)
    try:
        parts = assemble(instances, tracks, len(nodes), length)
    except ValueError as error:
        raise InputError(f"{path}: expected frame numbers of one video ({error}): correct {FRAME}") from None
    positions = mask_unseen(parts.values[..., :2])
    has_scores = bool(np.isfinite(poses.points[..., 2]).any())
    confidence, notices = bound_confidence(parts.values[..., 2], positions, path) if has_scores else (None, ())
    return Recording(
        name,
        positions,
        parts.individuals,
        Skeleton(tuple(nodes)),
        ASSUMED_FRAME_RATE,
        confidence,
        source=str(path),
        frame_rate_is_assumed=True,
        notices=(*parts.notices, *notices),
    )


def _as_instances(poses: Poses, rows: Sequence[int], tracks: Sequence[str]) -> Iterator[Instance]:
    numbers = {track: number for number, track in enumerate(tracks)}
    unscored = np.isnan(poses.points[..., 2]).all(1) & np.isnan(poses.scores)
    # Without any score in the table, poses set by hand look like all others.
    by_hand = poses.users if poses.users is not None else unscored & (not unscored.all())
    scores = np.nan_to_num(poses.scores).tolist()
    for row in rows:
        track = poses.tracks[row]
        yield Instance(
            int(poses.frames[row]),
            poses.points[row],
            None if track is None else numbers[track],
            by_hand=bool(by_hand[row]),
            score=scores[row],
        )


def _require_one_video(instances: Sequence[Instance], path: Path) -> None:
    predictions = [(one.frame, one.track) for one in instances if one.track is not None and not one.by_hand]
    doubles = len(predictions) - len(set(predictions))
    if doubles > _MOST_DOUBLES * len(predictions):
        raise InputError(
            f"{path}: expected one video; found {doubles:,} of {len(predictions):,} poses with the track and frame of "
            "another, as if several videos were in one table: export each video to a table of its own"
        )
