"""The labels of one channel over the videos of an atlas: those in the atlas, and newer ones in annotation files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, list_names, natural_key
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.recordings.annotations import Annotations, merge_vocabularies
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.renaming import how_to_match
from ssl_behavior.recordings.videos import Video, Videos

_NEW_CHANNEL = "behaviour"
"""Name of the channel if nothing is labelled yet and the user names none."""


@dataclass(frozen=True)
class ChannelLabels:
    """The labels of one channel.

    Attributes:
        channel: name of the channel.
        behaviours: names that the labels index.
        annotations: video id -> annotations that have the channel; they override the labels of the atlas.
        unscored: behaviours of the annotations that mark frames nobody judged.
    """

    channel: str
    behaviours: tuple[str, ...]
    annotations: Mapping[str, Annotations]
    unscored: tuple[str, ...]

    def for_video(self, video: EmbeddedVideo) -> np.ndarray:
        """Return (frame,) int16 labels of the recording's own frames, -1 where unscored.

        The atlas stores labels only at the frame rate of its embeddings; they are repeated for the frames between.
        """
        values = np.full(video.poses.frames, UNSCORED, np.int16)
        if stored := video.labels.get(self.channel):
            # A frame of the poses spans the recording's frames up to the next one, as in clips.video_clips.
            repeats = np.diff(video.poses.native_frames, append=video.poses.frames)
            values = np.repeat(
                Labels(stored.behaviours, stored.values).with_behaviours(self.behaviours).values, repeats
            )
        if annotations := self.annotations.get(video.id):
            names = (*self.behaviours, *self.unscored)
            newer = annotations.labels(self.channel, names, len(values)).without(self.unscored).values
            values = np.where(newer == UNSCORED, values, newer)
        return values

    def pair(self, video: EmbeddedVideo) -> tuple[int, int] | None:
        """Return the ordered pair that the atlas's labels describe; None if they hold for the whole group."""
        stored = video.labels.get(self.channel)
        if stored is None or stored.pair is None or not set(stored.pair) <= set(video.poses.individuals):
            return None
        agent, target = (video.poses.individuals.index(name) for name in stored.pair)
        return agent, target


def read_channel_labels(
    atlas: Atlas, paths: Sequence[Path], channel: str | None, unscored: Sequence[str]
) -> ChannelLabels:
    """Read the labels of an atlas's videos.

    Args:
        atlas: an atlas, with labels or without.
        paths: files, folders or globs of annotations; none to use the labels of the atlas only.
        channel: name of the channel; may be None if there is at most one.
        unscored: behaviours of the annotations that mark frames nobody judged.

    Raises:
        InputError: there is no such channel, there are several and none is named, or no annotations match a video.
    """
    videos = [Video(video.id, video.poses.native_rate, video.poses.frames) for video in atlas.videos()]
    annotations = read_labels(paths, Videos(videos))[0] if paths else []
    known = [video.id for video in videos]
    if annotations and not {each.id for each in annotations} & set(known):
        raise InputError(
            f"--annotations {paths[0]}: expected videos of the atlas, {list_names(known, 5)}; found annotations of "
            f"{list_names([each.id for each in annotations], 5)}: "
            f"{how_to_match(known, annotations)}, or add their recordings to the atlas with ssl-behavior embed"
        )
    vocabularies: dict[str, list[Sequence[str]]] = {}
    for video in atlas.videos():
        for name, labels in video.labels.items():
            vocabularies.setdefault(name, []).append(labels.behaviours)
    for each in annotations:
        for name, behaviours in each.vocabulary.items():
            scored = [behaviour for behaviour in behaviours if behaviour not in unscored]
            vocabularies.setdefault(name, []).append(scored)
    chosen = _choose_channel(atlas, channel, sorted(vocabularies, key=natural_key))
    vocabulary = merge_vocabularies(vocabularies.get(chosen, ()))
    with_channel = {each.id: each for each in annotations if chosen in each.channels}
    return ChannelLabels(chosen, vocabulary, with_channel, tuple(unscored))


def _choose_channel(atlas: Atlas, channel: str | None, existing: Sequence[str]) -> str:
    # Unlike recordings.matching.choose_channel, no channel need exist: the first labels may still have to be made.
    if not existing:
        return channel or _NEW_CHANNEL
    if channel is None and len(existing) > 1:
        raise InputError(
            f"{atlas.folder}: several channels are labelled: {list_names(existing)}; choose one with --channel"
        )
    if channel is not None and channel not in existing:
        raise InputError(
            f"--channel {channel}: expected a channel that is labelled; found {list_names(existing)}: choose one"
        )
    return channel or existing[0]
