"""Match predictions with annotations, to score them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_names, natural_key
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.formats.tracks.calms21.submissions import read_submission
from ssl_behavior.predictions import table_reading
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.matching import (
    choose_channel,
    conversion_notices,
    require_behaviours,
)
from ssl_behavior.recordings.pairs import pair_channel
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.renaming import how_to_match
from ssl_behavior.recordings.selection import find_videos
from ssl_behavior.recordings.videos import Video, Videos
from ssl_behavior.scoring.report import ScoredVideo

_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """The annotations to score predictions against.

    Attributes:
        annotations: files, folders or globs of annotations, or of tracks that carry labels.
        channel: channel to score; needed only where the annotations have several.
        unscored: behaviours that stand for frames nobody judged: these frames are not scored.
        videos: ids of the videos to score; all that are both predicted and annotated if empty.
        frame_rate: frame rate in Hz of annotations in seconds that do not state it; by default that of each prediction.
        skip_bad_files: report a bad annotation file and continue without it.
    """

    annotations: tuple[Path, ...]
    channel: str | None = None
    unscored: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    frame_rate: float | None = None
    skip_bad_files: bool = False

    def match_videos(self, predicted: set[str], annotated: Mapping[str, Annotations]) -> list[str]:
        """Choose the videos to score, and print those that are predicted only or annotated only.

        Args:
            predicted: ids of the predicted videos.
            annotated: annotations by video id.

        Returns:
            Ids in natural order.

        Raises:
            InputError: a chosen video is not both predicted and annotated, or no video is.
        """
        if self.videos:
            both = predicted & set(annotated)
            predicted = find_videos(self.videos, both, "videos that are both predicted and annotated")
            annotated = {video: annotated[video] for video in predicted}
        if not predicted & set(annotated):
            raise InputError(
                f"no video is both predicted and annotated: the predictions are of {list_names(predicted, _NAMED)}; "
                f"the annotations are of {list_names(annotated, _NAMED)}; {how_to_match(predicted, annotated.values())}"
            )
        if unmatched := predicted - set(annotated):
            print(f"predicted and not annotated, left out: {list_names(unmatched)}")
        if unmatched := set(annotated) - predicted:
            print(f"annotated and not predicted, left out: {list_names(unmatched)}")
        return sorted(predicted & set(annotated), key=natural_key)

    def mask_unscored(self, values: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
        """A copy of labels (time,) with -1 in the frames of unscored behaviours."""
        unscored = [i for i, name in enumerate(behaviours) if name in self.unscored]
        return np.where(np.isin(values, unscored), UNSCORED, values)


def compare_folder(path: Path, truth: GroundTruth) -> tuple[list[ScoredVideo], tuple[str, ...]]:
    """Match a folder of predictions with the annotations of the same videos.

    Args:
        path: folder that ``predict`` wrote.
        truth: annotations to score against.

    Returns:
        The videos with true and predicted labels, and the names of the predicted behaviours.

    Raises:
        InputError: a file cannot be read, no video is both predicted and annotated, or a label is not among the
            predicted behaviours.
    """
    predictions = table_reading.read_folder(path)
    videos_predicted = Videos(
        Video(prediction.id, truth.frame_rate or prediction.frame_rate, len(prediction.labels))
        for prediction in predictions
    )
    annotations, _ = read_labels(truth.annotations, videos_predicted, truth.skip_bad_files)
    if predictions[0].pair is not None:
        return _compare_pairs(predictions, annotations, truth), predictions[0].behaviours
    channel = choose_channel(annotations, truth.channel)
    annotated = {of_video.id: of_video for of_video in annotations if channel in of_video.channels}
    predicted = {prediction.id: prediction for prediction in predictions}
    videos = truth.match_videos(set(predicted), annotated)
    behaviours = predictions[0].behaviours
    require_behaviours(truth.unscored, annotations, channel, behaviours)
    lengths = [(annotated[video], len(predicted[video].labels)) for video in videos]
    for notice in conversion_notices(lengths, channel, "predictions"):
        print(notice)
    return [_compare_video(predicted[video], annotated[video], channel, truth) for video in videos], behaviours


def _compare_video(prediction: Prediction, annotations: Annotations, channel: str, truth: GroundTruth) -> ScoredVideo:
    names = tuple(dict.fromkeys([*prediction.behaviours, *annotations.vocabulary[channel]]))
    values = truth.mask_unscored(annotations.labels(channel, names, len(prediction.labels)).values, names)
    # Predicted behaviours come first in the names, so any higher number is a label that the model does not predict.
    unpredicted = np.flatnonzero(values >= len(prediction.behaviours))
    if unpredicted.size:
        name = names[values[unpredicted[0]]]
        reason = ", which frames outside all bouts get," if name == annotations.background else ""
        # All of them, as each would be refused in turn.
        unscored = shlex.join(dict.fromkeys(names[value] for value in values[unpredicted]))
        another = ", or choose another --channel" if len(annotations.channels) > 1 else ""
        raise InputError(
            f"{annotations.source}: label {name!r}{reason} is not in the vocabulary of the predictions "
            f"({list_names(prediction.behaviours, 10)}), and {unpredicted.size} of the {len(values)} frames of "
            f"{annotations.id} have it, from frame {unpredicted[0]} on: add --unscored {unscored} if those "
            f"frames are not to be scored{another}"
        )
    return ScoredVideo(annotations.id, values, prediction.labels, prediction.probabilities, prediction.frame_rate)


def _compare_pairs(
    predictions: Sequence[Prediction], annotations: Sequence[Annotations], truth: GroundTruth
) -> list[ScoredVideo]:
    """Match predictions of pairs with annotations of the same pairs; the pairs of a video are scored as one."""
    if truth.channel is not None or not all(name in item.pairs for item in annotations for name in item.channels):
        found = f"--channel {truth.channel}" if truth.channel is not None else "channels without a pair"
        raise InputError(
            f"{truth.annotations[0]}: expected annotations of an agent and its target, as the predictions are; found "
            f"{found}: give files with columns 'agent' and 'target', and no --channel"
        )
    annotated = {item.id: item for item in annotations}
    of_video: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        of_video.setdefault(prediction.id, []).append(prediction)
    videos, unmatched = [], dict[str, None]()
    for name in truth.match_videos(set(of_video), annotated):
        channel_of = {pair: channel for channel, pair in annotated[name].pairs.items()}
        predicted = {each.pair: each for each in of_video[name] if each.pair is not None}
        unmatched |= dict.fromkeys(pair_channel(pair) for pair in channel_of if pair not in predicted)
        if both := [pair for pair in channel_of if pair in predicted]:
            pairs = [_compare_video(predicted[pair], annotated[name], channel_of[pair], truth) for pair in both]
            videos.append(_joined(pairs))
    if unmatched:
        print(f"annotated pairs without predictions, left out: {list_names(unmatched)}")
    if not videos:
        raise InputError(
            f"{truth.annotations[0]}: expected annotations of the predicted pairs; found those of "
            f"{list_names(unmatched, _NAMED)}: give animals the same names in annotations and tracks"
        )
    return videos


def _joined(pairs: Sequence[ScoredVideo]) -> ScoredVideo:
    """Return the pairs of one video after each other, with an unscored frame between them that ends all bouts."""
    first = pairs[0]
    behaviours = 0 if first.probabilities is None else first.probabilities.shape[1]
    gap = ScoredVideo("", np.array([UNSCORED]), np.array([0]), np.full((1, behaviours), 1 / behaviours), 1.0)
    parts = [part for pair in pairs for part in (pair, gap)][:-1]
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return ScoredVideo(
        first.id,
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.predicted for part in parts]),
        np.concatenate(probabilities),
        first.frame_rate,
    )


def compare_submission(path: Path, truth: GroundTruth) -> tuple[list[ScoredVideo], tuple[str, ...]]:
    """Match a challenge submission with the labelled sequences of the challenge's own file.

    Args:
        path: submission ``.npy``.
        truth: a file of tracks with labels in CalMS21's layout; only sequences of annotator 0 are scored.

    Returns:
        The sequences with true and predicted labels, and the names of the behaviours.

    Raises:
        InputError: a file cannot be read, no sequence is both predicted and annotated, or lengths or label numbers
            differ.
    """
    submission = read_submission(path)
    videos_of_rate = Videos(frame_rate=truth.frame_rate)
    annotations, recordings = read_labels(truth.annotations, videos_of_rate, truth.skip_bad_files)
    sequences = _scored_sequences(recordings, truth)
    annotations = [of_video for of_video in annotations if of_video.id in sequences]
    channel = choose_channel(annotations, truth.channel)
    require_behaviours(truth.unscored, annotations, channel)
    sequences = {name: sequence for name, sequence in sequences.items() if channel in sequence.labels}
    # The first sequence says what the submission's numbers mean; the others may list the behaviours in another order.
    behaviours = next(iter(sequences.values())).labels[channel].behaviours
    videos = []
    annotated = {item.id: item for item in annotations if item.id in sequences}
    for name in truth.match_videos(set(submission), annotated):
        labels, true = submission[name], sequences[name].labels[channel]
        if len(labels) != len(true.values):
            raise InputError(
                f"{path}: {name}: expected {len(true.values)} labels, one per frame; found {len(labels)} labels: "
                "give the labels of the file that was predicted"
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < len(behaviours):
            raise InputError(
                f"{path}: {name}: expected labels that are indices of {list(behaviours)}; found {labels.min()} to "
                f"{labels.max()}: make the submission with a model of these behaviours"
            )
        values = truth.mask_unscored(true.with_behaviours(behaviours).values, behaviours)
        videos.append(ScoredVideo(name, values, labels, None, sequences[name].frame_rate))
    return videos, behaviours


def _scored_sequences(recordings: Sequence[Recording], truth: GroundTruth) -> Mapping[str, Recording]:
    """The labelled sequences of annotator 0, by id: the challenge scores no others."""
    sequences = {
        recording.id: recording
        for recording in recordings
        if recording.labels and recording.metadata.get("annotator", 0) in (0, None)
    }
    if not sequences:
        raise InputError(
            f"{truth.annotations[0]}: expected labelled sequences of annotator 0 in CalMS21's layout, which also says "
            "what the numbers of a submission mean; found none: give the challenge's file with --annotations"
        )
    if len(sequences) < len(recordings):
        print(f"{len(sequences)} of {count_of(len(recordings), 'sequence')} count: those labelled by annotator 0")
    return sequences
