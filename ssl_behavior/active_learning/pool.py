"""The input of suggestions: an atlas, its labels, and the predictions of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.active_learning.channel_labels import ChannelLabels
from ssl_behavior.active_learning.clips import ClipEmbeddings, video_clips
from ssl_behavior.active_learning.criterion import entropy
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, list_names
from ssl_behavior.predictions.table_reading import by_video, read_folder
from ssl_behavior.predictions.tables import Prediction


@dataclass(frozen=True, eq=False)
class LabelPool:
    """An atlas with labels and predictions.

    Attributes:
        atlas: atlas of labelled and unlabelled videos.
        labels: labels of one channel.
        predictions: video id -> prediction of a model; None without a model.
        agent: individual whose behaviour counts; any if None.
        target: individual that the behaviour is directed at; any if None.
    """

    atlas: Atlas
    labels: ChannelLabels
    predictions: Mapping[str, Prediction] | None
    agent: str | None = None
    target: str | None = None

    def pairs(self, video: EmbeddedVideo) -> list[tuple[int, int]]:
        """Return the pairs whose embeddings count: those of agent and target, else those of the labels, else all.

        Raises:
            InputError: the video has no such individuals.
        """
        if self.agent is None and self.target is None and (labelled_pair := self.labels.pair(video)):
            return [labelled_pair]
        return video.pairs_of(self.agent, self.target)

    def clips(self, seconds: float) -> tuple[ClipEmbeddings, ClipEmbeddings]:
        """Return the unlabelled clips to choose from, and the labelled clips.

        Args:
            seconds: duration of a clip.

        Raises:
            InputError: there is no unlabelled clip.
        """
        candidates, labelled = [], []
        for video in self.atlas.videos(verify=True):
            for pair in self.pairs(video):
                self.atlas.finite(video, pair)
            unlabelled_clips, labelled_clips = video_clips(
                video, self.labels.for_video(video), seconds, self.pairs(video)
            )
            labelled.append(labelled_clips)
            if self.predictions is None or video.id in self.predictions:
                candidates.append(unlabelled_clips)
        if not sum(map(len, candidates)):
            # Without a duration, each frame is a clip: shorter clips help only if there is one.
            ways = ["lower --seconds"] if seconds and self._has_candidates() else []
            if self.predictions is not None and len(self.predictions) < len(self.atlas.ids):
                ways.append("predict the other videos of the atlas with ssl-behavior predict")
            ways.append("add unlabelled recordings to the atlas with ssl-behavior embed")
            raise InputError(
                f"{self.atlas.folder}: expected unlabelled clips of {seconds:g} s in which the animals are tracked; "
                f"found none: {', or '.join(ways)}"
            )
        return ClipEmbeddings.concatenate(candidates), ClipEmbeddings.concatenate(labelled)

    def _has_candidates(self) -> bool:
        try:
            return len(self.clips(0.0)[0]) > 0
        except InputError:
            return False

    def uncertainty(self, clips: ClipEmbeddings) -> np.ndarray | None:
        """Return the mean entropy (clip,) of the model's probabilities, from 0 to 1; None without a model."""
        if self.predictions is None:
            return None
        entropies = {video: entropy(prediction.probabilities) for video, prediction in self.predictions.items()}
        spans = zip(clips.videos, clips.starts, clips.stops, strict=True)
        return np.array([entropies[video][start:stop].mean() for video, start, stop in spans])


def read_predictions(atlas: Atlas, folder: Path) -> dict[str, Prediction]:
    """Read the predictions of an atlas's videos, by video id; print which videos have none.

    Args:
        atlas: the atlas.
        folder: folder that predict wrote.

    Raises:
        InputError: no video of the atlas was predicted, or a prediction is of another recording.
    """
    in_folder = read_folder(folder)
    if any(prediction.pair is not None for prediction in in_folder):
        raise InputError(
            f"{folder}: expected predictions of one channel; found those of pairs, from which nothing can be suggested "
            "yet: predict with a model of one channel (finetune --channel)"
        )
    predictions = by_video(in_folder, atlas.ids)
    if not predictions:
        raise InputError(
            f"{folder}: expected predictions of the atlas's videos, {list_names(atlas.ids, 5)}; found those of "
            f"{list_names([prediction.id for prediction in in_folder], 5)}: run ssl-behavior predict with the "
            "recordings that were embedded"
        )
    for video, prediction in predictions.items():
        frames = atlas.video(video).poses.frames
        if len(prediction.labels) != frames:
            raise InputError(
                f"{folder}: expected {frames} frames of video {video}, as in the atlas; found "
                f"{len(prediction.labels)}: run ssl-behavior predict with the recordings that were "
                "embedded"
            )
    if missing := [video for video in atlas.ids if video not in predictions]:
        print(f"without predictions, so nothing is suggested in them: {list_names(missing)}")
    return predictions
