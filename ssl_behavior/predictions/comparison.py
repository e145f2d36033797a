"""Match predictions with annotations, to score them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, how_many, natural, some
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.formats.tracks.calms21.submissions import read_submission
from ssl_behavior.predictions import tables as prediction_files
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.matching import choose_channel, conversion_notices, require_behaviours
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.selection import require_videos
from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.storage.paths import file_stem

_IN_ONE_SENTENCE = 5


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """The annotations to score against, and the part of them that counts.

    Attributes:
        annotations: files, folders or globs of annotations, or of tracks that carry labels.
        channel: of the annotations; needed only where there are several.
        unscored: behaviours whose frames are not scored.
        videos: ids of the videos to score; all that are predicted and annotated if none are given.
        frame_rate: Hz of annotations in seconds that do not state it; by default each prediction's own.
        skip_bad_files: report a bad annotation file and go on.
    """

    annotations: tuple[Path, ...]
    channel: str | None = None
    unscored: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    frame_rate: float | None = None
    skip_bad_files: bool = False


def compare_folder(path: Path, truth: GroundTruth) -> tuple[list[ScoredVideo], tuple[str, ...]]:
    """Match a folder of predictions with the annotations of the same videos.

    Args:
        path: the folder that ``predict`` wrote.
        truth: what to score against.

    Returns:
        The videos with both labels, and the names of the predicted behaviours.

    Raises:
        InputError: a file cannot be read, no video has both, or a label is not in the predictions' vocabulary.
    """
    predicted = prediction_files.read_folder(path)
    rates = _RateByStem({one.id: one.frame_rate for one in predicted})
    annotations, _ = read_labels(truth.annotations, truth.frame_rate or rates, truth.skip_bad_files)
    channel = choose_channel(annotations, truth.channel)
    by_name = {file_stem(one.id): one for one in annotations if channel in one.channels}
    by_prediction = {one.id: one for one in predicted}
    matched = _matched(set(by_prediction), set(by_name), truth)
    require_behaviours(truth.unscored, annotations, channel, predicted[0].behaviours)
    lengths = [(by_name[name], len(by_prediction[name].labels)) for name in matched]
    for notice in conversion_notices(lengths, channel, "predictions"):
        print(notice)
    return [_scored(by_prediction[name], by_name[name], channel, truth) for name in matched], predicted[0].behaviours


def compare_submission(path: Path, truth: GroundTruth) -> tuple[list[ScoredVideo], tuple[str, ...]]:
    """Match a challenge submission with the labelled sequences of the challenge's own file.

    Args:
        path: the submission ``.npy``.
        truth: what to score against, in CalMS21's layout; only sequences of annotator 0 count.

    Returns:
        The sequences with both labels, and the names of the behaviours.

    Raises:
        InputError: a file cannot be read, no sequence has both, or lengths or labels do not go together.
    """
    submission = read_submission(path)
    annotations, recordings = read_labels(
        truth.annotations, truth.frame_rate or ASSUMED_FRAME_RATE, truth.skip_bad_files
    )
    counting = {one.id: one for one in recordings if one.labels and one.metadata.get("annotator", 0) in (0, None)}
    if not counting:
        raise InputError(
            f"{truth.annotations[0]}: a submission is scored against labelled sequences of annotator 0 in CalMS21's "
            "layout, which also says what its numbers mean; found none"
        )
    if len(counting) < len(recordings):
        print(f"{len(counting)} of {how_many(len(recordings), 'sequence')} count: those labelled by annotator 0")
    annotations = [one for one in annotations if one.id in counting]
    channel = choose_channel(annotations, truth.channel)
    require_behaviours(truth.unscored, annotations, channel)
    with_channel = {name: one for name, one in counting.items() if channel in one.labels}
    behaviours = next(iter(with_channel.values())).labels[channel].behaviours
    matched = _matched(set(submission), set(with_channel), truth)
    videos = []
    for name in matched:
        annotated, labels = with_channel[name].labels[channel], submission[name]
        if len(labels) != len(annotated.values):
            raise InputError(f"{path}: {name} has {len(labels)} labels and the sequence {len(annotated.values)} frames")
        if labels.size and not 0 <= labels.min() <= labels.max() < len(behaviours):
            found = f"{labels.min()} to {labels.max()}"
            raise InputError(f"{path}: {name}: labels must be indices of {list(behaviours)}; found {found}")
        values = annotated.with_behaviours(behaviours).values.copy()
        values[np.isin(values, [i for i, known in enumerate(behaviours) if known in truth.unscored])] = UNSCORED
        videos.append(ScoredVideo(name, values, labels, None, with_channel[name].frame_rate))
    return videos, behaviours


def _matched(predicted: set[str], annotated: set[str], given: GroundTruth) -> list[str]:
    """The videos to score; tells what has no counterpart."""
    if given.videos:
        chosen = {file_stem(name) if file_stem(name) in predicted | annotated else name for name in given.videos}
        require_videos(chosen, predicted & annotated, "videos that are both predicted and annotated")
        predicted, annotated = predicted & chosen, annotated & chosen
    if not predicted & annotated:
        raise InputError(
            f"no video is both predicted and annotated: the predictions are of {some(predicted, _IN_ONE_SENTENCE)}; "
            f"the annotations are of {some(annotated, _IN_ONE_SENTENCE)}; file names must begin with the same video id"
        )
    if only := predicted - annotated:
        print(f"predicted and not annotated, left out: {some(only)}")
    if only := annotated - predicted:
        print(f"annotated and not predicted, left out: {some(only)}")
    return sorted(predicted & annotated, key=natural)


def _scored(prediction: Prediction, truth: Annotations, channel: str, given: GroundTruth) -> ScoredVideo:
    names = tuple(dict.fromkeys([*prediction.behaviours, *truth.vocabulary[channel]]))
    values = truth.labels(channel, names, len(prediction.labels)).values.copy()
    values[np.isin(values, [i for i, name in enumerate(names) if name in given.unscored])] = UNSCORED
    unknown = np.flatnonzero(values >= len(prediction.behaviours))
    if unknown.size:
        name = names[values[unknown[0]]]
        why = ", which frames in no bout have," if name == truth.background else ""
        raise InputError(
            f"{truth.source}: label {name!r}{why} is not in the vocabulary {list(prediction.behaviours)} of the "
            f"predictions, and {unknown.size} of the {len(values)} frames of {truth.id} have it, from frame "
            f"{unknown[0]} on; choose another --channel, or name it with --unscored if nobody judged those frames"
        )
    return ScoredVideo(truth.id, values, prediction.labels, prediction.probabilities, prediction.frame_rate)


class _RateByStem(dict[str, float]):
    """Predictions' frame rates, found by video ids too where those cannot stand in file names."""

    def __missing__(self, video: str) -> float:
        if (stem := file_stem(video)) == video:
            raise KeyError(video)
        return self[stem]
