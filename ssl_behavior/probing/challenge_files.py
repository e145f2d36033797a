"""Files of the MABe22 challenge, matched to recordings: the split, the rows of a submission, and its embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.tracks import mabe22
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.mabe22 import Split


def read_split(path: Path, recordings: Sequence[Recording]) -> Split:
    """Read the indices of the recordings to train on and to score.

    Raises:
        InputError: no recording is on one of the sides.
    """
    train, test = (
        [i for i, recording in enumerate(recordings) if recording.id in ids] for ids in mabe22.read_split(path)
    )
    if not train or not test:
        raise InputError(
            f"{path}: expected some of the recordings {list_names((recording.id for recording in recordings), 5)} on "
            f"both sides; found {len(train)} to train on and {len(test)} to score: give another --split"
        )
    return train, test


def submission_rows(path: Path | None, recordings: Sequence[Recording]) -> dict[str, tuple[int, int]]:
    """Return the rows (start, stop) of each recording in a submission, by its id.

    Args:
        path: the challenge's frame_number_map; without it, recordings follow each other.
        recordings: recordings to embed; the rows of others in the map stay 0.

    Raises:
        InputError: the map lacks a recording, or has another number of frames for it.
    """
    if path is None:
        stops = np.cumsum([recording.frames for recording in recordings]).tolist()
        return {
            recording.id: (stop - recording.frames, stop) for recording, stop in zip(recordings, stops, strict=True)
        }
    places = mabe22.read_frame_number_map(path)
    frames = {recording.id: recording.frames for recording in recordings}
    in_map = {name: stop - start for name, (start, stop) in places.items()}
    if differing := {name for name, count in frames.items() if in_map.get(name) != count}:
        raise InputError(
            f"{path}: expected the ids and numbers of frames of {count_of(len(frames), 'recording')}; found "
            f"others for {list_names(differing, 5)}: give the map of these recordings"
        )
    if missing := places.keys() - frames:
        print(f"{path}: no recording of {list_names(missing, 5)}, whose embeddings are 0")
    return places


def read_embeddings(path: Path, recordings: Sequence[Recording]) -> list[np.ndarray]:
    """Read the embeddings (frame, dimension) of each recording from a submission.

    Raises:
        InputError: the submission lacks a recording, or has another number of frames for it.
    """
    submission = mabe22.read_submission(path)
    for recording in recordings:
        frames = len(submission.get(recording.id, ()))
        if frames != recording.frames:
            raise InputError(
                f"{path}: {recording.id!r}: expected embeddings of {recording.frames} frames; found {frames}: give "
                "the embeddings of these recordings"
            )
    return [submission[recording.id] for recording in recordings]
