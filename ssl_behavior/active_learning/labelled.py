"""What is labelled already: in the atlas, and in annotations that were made since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, natural, some
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.recordings.annotations import Annotations, merge_vocabularies
from ssl_behavior.recordings.labels import UNSCORED, Labels

_NO_CHANNEL = "behaviour"


@dataclass(frozen=True)
class LabelledClips:
    """The labels of one channel.

    Attributes:
        channel: its name.
        behaviours: names, what labels index.
        annotations: video id -> annotations that have the channel; they hold over the atlas's labels.
        unscored: behaviours of the annotations that are no judgement.
    """

    channel: str
    behaviours: tuple[str, ...]
    annotations: Mapping[str, Annotations]
    unscored: tuple[str, ...]

    def labels(self, video: EmbeddedVideo) -> np.ndarray:
        """(frame,) int16 labels of the recording's own frames, -1 where nobody judged.

        Those of the atlas are known at the frame rate of its embeddings only.
        """
        values = np.full(video.poses.frames, UNSCORED, np.int16)
        if own := video.labels.get(self.channel):
            # A frame of the poses stands for the recording's own up to the next, as where clips are cut.
            lasts = np.diff(video.poses.native_frames, append=video.poses.frames)
            values = np.repeat(Labels(own.behaviours, own.values).with_behaviours(self.behaviours).values, lasts)
        if annotations := self.annotations.get(video.id):
            names = (*self.behaviours, *self.unscored)
            newer = annotations.labels(self.channel, names, len(values)).without(self.unscored).values
            values = np.where(newer == UNSCORED, values, newer)
        return values

    def pair(self, video: EmbeddedVideo) -> tuple[int, int] | None:
        """The ordered pair that the atlas's labels speak of, if they name one."""
        own = video.labels.get(self.channel)
        if own is None or own.pair is None or not set(own.pair) <= set(video.poses.individuals):
            return None
        agent, target = (video.poses.individuals.index(name) for name in own.pair)
        return agent, target


def read_known(atlas: Atlas, paths: Sequence[Path], channel: str | None, unscored: Sequence[str]) -> LabelledClips:
    """What is labelled of an atlas's videos.

    Args:
        atlas: with labels or without.
        paths: of annotations; perhaps none.
        channel: which channel; None where there is one at most.
        unscored: behaviours of the annotations that are no judgement.

    Raises:
        InputError: no such channel, several and none named, or annotations of other videos.
    """
    rates = {video.id: video.poses.native_rate for video in atlas.videos()}
    annotations = read_labels(paths, rates)[0] if paths else []
    if annotations and not {one.id for one in annotations} & set(rates):
        raise InputError(
            f"--annotations {paths[0]}: expected videos of the atlas, {some(rates, 5)}; found annotations of "
            f"{some([one.id for one in annotations], 5)}"
        )
    vocabularies: dict[str, list[Sequence[str]]] = {}
    for video in atlas.videos():
        for name, one in video.labels.items():
            vocabularies.setdefault(name, []).append(one.behaviours)
    for found in annotations:
        for name, names in found.vocabulary.items():
            vocabularies.setdefault(name, []).append([one for one in names if one not in unscored])
    chosen = _chosen(atlas, channel, sorted(vocabularies, key=natural))
    behaviours = merge_vocabularies(vocabularies.get(chosen, ()))
    of_channel = {one.id: one for one in annotations if chosen in one.channels}
    return LabelledClips(chosen, behaviours, of_channel, tuple(unscored))


def _chosen(atlas: Atlas, channel: str | None, there: Sequence[str]) -> str:
    if not there:
        return channel or _NO_CHANNEL
    if channel is None and len(there) > 1:
        raise InputError(f"{atlas.folder}: several channels are labelled: {some(there)}; choose one with --channel")
    if channel is not None and channel not in there:
        raise InputError(f"--channel {channel}: expected a channel that is labelled; found {some(there)}")
    return channel or there[0]
