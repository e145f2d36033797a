"""Input of the commands that train on labels: their common settings, and labelled recordings as poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.cli.inputs import LabelledTracksConfig
from ssl_behavior.cli.validators import AtLeast
from ssl_behavior.compute.devices import Device, Precision
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.poses.sampling import require_length
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.supervised import Supervision


@dataclass(frozen=True, kw_only=True)
class LearningConfig(LabelledTracksConfig):
    """Settings of every command that trains on labels.

    Attributes:
        encoder: folder that pretrain wrote.
        supervision: settings of the training on labels.
        seed: seed of all random numbers.
        device: auto takes a GPU if there is one.
        precision: auto takes bfloat16 if the hardware multiplies it natively.
    """

    encoder: Path
    supervision: Supervision = field(default_factory=Supervision)
    seed: Annotated[int, AtLeast(0)] = 0
    device: Device = "auto"
    precision: Precision = "auto"


def labelled_poses(
    recordings: Sequence[Recording], channel: str, encoder: Encoder, clip_seconds: float, skip_bad: bool = False
) -> list[LabelledPoses]:
    """Prepare recordings for an encoder and attach their labels. Recordings without a scored frame are left out.

    Args:
        recordings: recordings with labels in ``channel``.
        channel: channel of the labels.
        encoder: encoder that determines the landmarks and the preparation.
        clip_seconds: length of the clips to train on; shorter recordings cannot be used.
        skip_bad: print a recording that cannot be used and go on without it.

    Raises:
        InputError: a recording cannot be used, or fewer than two behaviours are scored in all of them.
    """
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, skip_bad)
    frames = round(clip_seconds * encoder.preparation.frame_rate)
    labels = {recording.id: recording.labels[channel] for recording in recordings}
    videos = [
        LabelledPoses(poses, labels[poses.id].values[poses.native_frames], labelled_pairs(poses, labels[poses.id].pair))
        for poses in require_length(all_poses, frames, skip_bad, "--supervision.clip-seconds")
    ]
    videos = [video for video in videos if (video.labels != UNSCORED).any()]
    if len({int(i) for video in videos for i in np.unique(video.labels)} - {UNSCORED}) < 2:
        raise InputError(
            f"channel {channel}: expected scored frames of at least two behaviours; found fewer in "
            f"{count_of(len(recordings), 'labelled video')}: label another behaviour or another video, or "
            "check --channel, --unscored and --videos"
        )
    return videos
