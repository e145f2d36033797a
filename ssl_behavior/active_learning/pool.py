"""What suggestions are made from: an atlas, what is labelled of it, and what a model says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.active_learning.clips import Clips, cut_video
from ssl_behavior.active_learning.criterion import entropy
from ssl_behavior.active_learning.labelled import LabelledClips
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, some
from ssl_behavior.predictions.tables import Prediction, read_folder
from ssl_behavior.storage.paths import file_stem


@dataclass(frozen=True, eq=False)
class LabelPool:
    """An atlas with labels and predictions.

    Attributes:
        atlas: of labelled and unlabelled videos.
        known: what is labelled.
        predicted: video id -> what a model says of it; None without a model.
        agent: whose behaviour it is; of any individual if None.
        target: towards whom.
    """

    atlas: Atlas
    known: LabelledClips
    predicted: Mapping[str, Prediction] | None
    agent: str | None = None
    target: str | None = None

    def pairs(self, video: EmbeddedVideo) -> list[tuple[int, int]]:
        """The pairs whose embeddings count: those that are asked for, or that the labels speak of, or all.

        Raises:
            InputError: no such individuals.
        """
        if self.agent is None and self.target is None and (own := self.known.pair(video)):
            return [own]
        return video.pairs_of(self.agent, self.target)

    def clips(self, seconds: float) -> tuple[Clips, Clips]:
        """The clips to choose from, and those of what is labelled.

        Raises:
            InputError: there is nothing to choose from.
        """
        free, labelled = [], []
        for video in self.atlas.videos():
            own = cut_video(video, self.known.labels(video), seconds, self.pairs(video))
            labelled.append(own[1])
            if self.predicted is None or video.id in self.predicted:
                free.append(own[0])
        if not sum(map(len, free)):
            raise InputError(
                f"{self.atlas.folder}: expected unlabelled clips of {seconds:g} s in which the animals are tracked; "
                "found none: embed more recordings, or lower --seconds"
            )
        return Clips.joined(free), Clips.joined(labelled)

    def uncertainty(self, clips: Clips) -> np.ndarray | None:
        """(clip,) mean entropy of the model's probabilities over each clip, from 0 to 1; None without a model."""
        if self.predicted is None:
            return None
        each = {video: entropy(one.probabilities) for video, one in self.predicted.items()}
        spans = zip(clips.videos, clips.starts, clips.stops, strict=True)
        return np.array([each[video][start:stop].mean() for video, start, stop in spans])


def read_predicted(atlas: Atlas, folder: Path) -> dict[str, Prediction]:
    """Video id -> what a model says of it, of those videos of an atlas that were predicted.

    Raises:
        InputError: none was, or not the same recording.
    """
    stems = {file_stem(video): video for video in atlas.ids}
    read = read_folder(folder)
    found = {stems[one.id]: one for one in read if one.id in stems}
    if not found:
        raise InputError(
            f"{folder}: expected predictions of the atlas's videos, {some(atlas.ids, 5)}; found those of "
            f"{some([one.id for one in read], 5)}"
        )
    for video, one in found.items():
        frames = atlas.video(video).poses.frames
        if len(one.labels) != frames:
            raise InputError(
                f"{folder}: expected {frames} frames of video {video}, as in the atlas; found {len(one.labels)}: "
                "predict the recordings that were embedded"
            )
    if bare := [video for video in atlas.ids if video not in found]:
        print(f"without predictions, so nothing is suggested in them: {some(bare)}")
    return found
