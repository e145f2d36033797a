"""What every command that learns from labels takes in: recordings with one channel's labels, as poses to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.commands import TracksConfig
from ssl_behavior.devices import Device, Precision
from ssl_behavior.encoders import Encoder
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.formats.annotations import (
    Annotations,
    attach,
    choose_channel,
    from_recordings,
    read_labels,
    require_behaviours,
)
from ssl_behavior.formats.paths import some
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.recordings import UNSCORED, Recording, scored_frames
from ssl_behavior.supervision import LabelledPoses, Supervision, labelled_pairs
from ssl_behavior.validators import AtLeast
from ssl_behavior.windows import require_length


@dataclass(frozen=True, kw_only=True)
class LabelledTracksConfig(TracksConfig):
    """Settings of every command that takes in labels.

    Attributes:
        annotations: files, folders or globs of annotations; those in the recordings' own files if none are given.
        channel: of the annotations; needed only where there are several.
        unscored: behaviours that are no judgement: their frames are left out of training and scores.
        agent: the individual whose behaviour towards the target was annotated; without it, labels hold for the group.
        target: the individual that the agent's behaviour is directed at.
        videos: use only the labelled videos with these ids.
    """

    annotations: tuple[Path, ...] = ()
    channel: str | None = None
    unscored: tuple[str, ...] = ()
    agent: str | None = None
    target: str | None = None
    videos: tuple[str, ...] = ()

    def read_labelled(self) -> tuple[list[Recording], str]:
        """The labelled recordings that these settings name, and their channel.

        Raises:
            InputError: recordings and annotations do not go together, or a name is not among them.
        """
        self._require_both_or_neither()
        recordings = self.read()
        annotations = self._annotations(recordings)
        channel = choose_channel(annotations, self.channel)
        if wanted := set(self.videos):
            tracked, annotated = {one.id for one in recordings}, {one.id for one in annotations}
            for there, what in ((tracked, "recordings"), (annotated, "annotations")):
                if missing := wanted - there:
                    raise InputError(
                        f"--videos {', '.join(sorted(missing))}: expected ids among the {what}; found {some(there, 10)}"
                    )
            annotations = [one for one in annotations if one.id in wanted | tracked]
        require_behaviours(self.unscored, annotations, channel)
        labelled = attach(recordings, annotations, channel, self.unscored, strict=not self.skip_bad_files)
        return [self._directed(one, channel) for one in labelled if not wanted or one.id in wanted], channel

    def _annotations(self, recordings: Sequence[Recording]) -> list[Annotations]:
        if self.annotations:
            rates = {one.id: one.frame_rate or 30.0 for one in recordings}
            return read_labels(self.annotations, rates, self.skip_bad_files)[0]
        if not (annotations := from_recordings([one for one in recordings if one.labels])):
            raise InputError(
                f"{self.recordings[0]}: expected labels in the recordings' files, without --annotations; found none"
            )
        return annotations

    def _require_both_or_neither(self) -> None:
        if (self.agent is None) != (self.target is None):
            found = f"--target {self.target}" if self.agent is None else f"--agent {self.agent}"
            raise InputError(f"expected --agent and --target together; found {found} alone: give both, or neither")

    def _directed(self, recording: Recording, channel: str) -> Recording:
        """The recording with labels that speak of the ordered pair that --agent and --target name, if they do."""
        if self.agent is None or self.target is None:
            return recording
        pair, there = (self.agent, self.target), recording.individuals
        # A lone animal is paired with itself.
        if not set(pair) <= set(there) or (self.agent == self.target and len(there) > 1):
            raise InputError(
                f"{recording.source or recording.id}: expected two individuals of {', '.join(there)}; found --agent "
                f"{self.agent} and --target {self.target}"
            )
        return recording.with_labels({channel: replace(recording.labels[channel], pair=pair)})


@dataclass(frozen=True, kw_only=True)
class LearningConfig(LabelledTracksConfig):
    """Settings of every command that fits models to labels.

    Attributes:
        encoder: folder that pretrain wrote.
        supervision: how the labels are learned.
        seed: of all random numbers.
        device: auto takes a GPU where there is one.
        precision: auto takes bfloat16 where the hardware multiplies it natively.
    """

    encoder: Path
    supervision: Supervision = field(default_factory=Supervision)
    seed: Annotated[int, AtLeast(0)] = 0
    device: Device = "auto"
    precision: Precision = "auto"


def labelled_poses(
    recordings: Sequence[Recording], channel: str, encoder: Encoder, clip_seconds: float, skip_bad: bool = False
) -> list[LabelledPoses]:
    """The recordings as this encoder takes them, with their labels; those without a scored frame are left out.

    Args:
        recordings: with labels in ``channel``.
        channel: of the labels.
        encoder: says which landmarks, and how recordings are made comparable.
        clip_seconds: length of the clips that will be drawn from them.
        skip_bad: report a recording that cannot be used and go on.

    Raises:
        InputError: a recording cannot be used, or fewer than two behaviours are scored in all of them.
    """
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, skip_bad)
    frames = round(clip_seconds * encoder.preparation.frame_rate)
    labels = {one.id: one.labels[channel] for one in recordings}
    videos = [
        LabelledPoses(poses, labels[poses.id].values[poses.native_frames], labelled_pairs(poses, labels[poses.id].pair))
        for poses in require_length(all_poses, frames, skip_bad, "--supervision.clip-seconds")
    ]
    videos = [video for video in videos if (video.labels != UNSCORED).any()]
    if len({int(i) for video in videos for i in np.unique(video.labels)} - {UNSCORED}) < 2:
        raise InputError(
            f"channel {channel}: expected scored frames of at least two behaviours and found fewer in "
            f"{how_many(len(recordings), 'labelled video')}: choose other --videos, or check --channel and --unscored"
        )
    return videos


def behaviour_counts(videos: Sequence[LabelledPoses], behaviours: int) -> np.ndarray:
    """(video, behaviour) int64: scored frames of each behaviour in each video."""
    return np.stack([scored_frames(video.labels, behaviours) for video in videos])


def shares(videos: Sequence[LabelledPoses], behaviours: Sequence[str]) -> str:
    """How much of the scored frames each behaviour has, to print."""
    counts = behaviour_counts(videos, len(behaviours)).sum(0)
    return ", ".join(f"{name} {count / counts.sum():.1%}" for name, count in zip(behaviours, counts, strict=True))
