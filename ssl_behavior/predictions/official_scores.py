"""Match a submission to MABe-2025 with the annotations of a folder in the competition's layout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ssl_behavior.errors import InputError, count_of, list_names, natural_key
from ssl_behavior.formats.tracks.mabe25.annotations import annotation_file, read_bouts
from ssl_behavior.formats.tracks.mabe25.metadata import SELF, VideoRow, find_table, read_table
from ssl_behavior.formats.tracks.mabe25.submissions import read_submission
from ssl_behavior.recordings.selection import find_videos
from ssl_behavior.scoring.mabe25 import KEY, OF_SOLUTION, SPAN, OfficialScore, score
from ssl_behavior.storage.paths import PARTS

_TEST = "test"
_NAMED = 5

Annotated = Mapping[str, tuple[VideoRow, Path]]
"""Video id -> its row, and the file of its bouts."""


def score_submission(path: Path, annotations: Sequence[Path], videos: Sequence[str] = ()) -> OfficialScore:
    """Compute the official score of a submission, and print what is not scored.

    A submission for the test set is scored on all annotated test videos, as the host does: one without rows has all its
    bouts missed. Annotated training videos are scored if the submission has rows of them.

    Args:
        path: submission ``.csv``.
        annotations: one folder, with train.csv and train_annotation, or those of the test part, or both.
        videos: ids or patterns of the videos to score in place of these.

    Raises:
        InputError: the folder is in another layout, the host would refuse the submission, or it belongs to another test
            set.
    """
    folder = _folder(annotations)
    rows = {part: _rows(folder, part) for part in PARTS}
    lists = {video: row.official_list for part in PARTS for video, row in rows[part].items()}
    submission = read_submission(path, lists)
    predicted = set(submission["video_id"])
    if not predicted & set(lists):
        raise InputError(
            f"{path}: expected predictions of videos of {folder}; found only {list_names(predicted, _NAMED)}: the "
            "submission belongs to another test set, so give the folder of that one with --annotations"
        )
    annotated = {part: dict(_annotated(folder, part, rows[part])) for part in PARTS}
    everything = {video: found for part in PARTS for video, found in annotated[part].items()}
    chosen = find_videos(videos, everything, "annotated videos") if videos else _scored(predicted, rows, annotated)
    if not chosen:
        raise InputError(
            f"{folder}: expected annotations of videos of the submission, such as {list_names(predicted, 1)}; found "
            "none in train_annotation or test_annotation: put them there"
        )
    # Nobody who predicts the test set alone expects scores of training videos.
    possible = {video for part in PARTS if predicted & set(rows[part]) for video in annotated[part]}
    for notice in _notices(predicted & set(lists), possible, chosen):
        print(notice)
    return score(_solution({video: everything[video] for video in sorted(chosen, key=natural_key)}), submission)


def _folder(annotations: Sequence[Path]) -> Path:
    folder = annotations[0].expanduser()
    if len(annotations) > 1 or not any(find_table(folder, part) for part in PARTS):
        found = "several paths" if len(annotations) > 1 else "no such table"
        raise InputError(
            f"--annotations {folder}: expected one folder in the layout of MABe-2025 (train.csv or test.csv); found "
            f"{found}: give the folder that has the submission's videos"
        )
    return folder


def _rows(folder: Path, part: str) -> dict[str, VideoRow]:
    table = find_table(folder, part)
    return {} if table is None else {row.video: row for row in read_table(table).rows.values()}


def _annotated(folder: Path, part: str, rows: Mapping[str, VideoRow]) -> Iterator[tuple[str, tuple[VideoRow, Path]]]:
    for video, row in rows.items():
        if (file := annotation_file(folder, part, row.lab, video)).is_file():
            yield video, (row, file)


def _scored(
    predicted: set[str], rows: Mapping[str, Mapping[str, VideoRow]], annotated: Mapping[str, Annotated]
) -> set[str]:
    """Return the videos to score: all annotated ones of the test set if it was predicted, and predicted others."""
    is_of_test = bool(predicted & set(rows[_TEST]))
    whole = set(annotated[_TEST]) if is_of_test else set()
    return whole | {video for part in PARTS for video in annotated[part] if video in predicted}


def _notices(predicted: set[str], annotated: set[str], chosen: set[str]) -> Iterator[str]:
    """Yield what is not scored, and which scored videos have no prediction."""
    if unannotated := predicted - annotated:
        yield f"predicted and not annotated, left out: {list_names(unannotated, _NAMED)}"
    if unpredicted := chosen - predicted:
        yield (
            f"annotated and without predicted bouts, all their bouts count as missed: {list_names(unpredicted, _NAMED)}"
        )
    if others := annotated - chosen:
        yield f"annotated and not scored: {count_of(len(others), 'video')} (--videos '*' scores all)"


def _solution(annotated: Annotated) -> pd.DataFrame:
    """Return the annotated bouts as the host has them.

    Raises:
        InputError: the annotations have no bouts.
    """
    records = []
    for video, (row, file) in annotated.items():
        facts = (row.lab, json.dumps(row.official_list))
        for agent, target, action, start, stop in read_bouts(file):
            records.append((video, agent, SELF if agent == target else target, action, start, stop, *facts))
    if not records:
        raise InputError(
            f"{next(iter(annotated.values()))[1]}: expected bouts in the annotations; found none in any file"
        )
    return pd.DataFrame(records, columns=[*KEY, *SPAN, *OF_SOLUTION])
