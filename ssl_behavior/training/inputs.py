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
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.poses.sampling import require_length
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.label_notices import label_notices
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

    Notices about the labels are printed (see ``label_notices``).

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
    for notice in label_notices(videos, recordings[0].labels[channel].behaviours):
        print(notice)
    return videos


def seen_in_pretraining(encoder: Path, videos: Sequence[LabelledPoses]) -> set[str] | None:
    """Return the ids of the videos whose tracks an encoder was pretrained on; None if nobody recorded that.

    Args:
        encoder: folder of the encoder.
        videos: prepared for this encoder.

    Raises:
        InputError: the folder is no checkpoint of an encoder.
    """
    pretrained_on = checkpoints.load_pretraining_fingerprints(encoder)
    if pretrained_on is None:
        return None
    # Names count too: a video that was filtered or cut since pretraining has other content, but was used.
    contents = set(pretrained_on.values())
    return {
        video.poses.id for video in videos if video.poses.id in pretrained_on or video.poses.fingerprint() in contents
    }


def about_pretraining(seen: set[str] | None, total: int, noun: str) -> str:
    """Return a sentence on whether an encoder was pretrained on the tracks of the videos on which a model is scored.

    Args:
        seen: as from ``seen_in_pretraining``.
        total: number of these videos.
        noun: what to call them, such as ``test videos``.
    """
    if seen is None:
        return f"It is unknown whether the encoder was pretrained on the tracks of the {noun}."
    if not seen:
        return f"Inductive: the encoder was pretrained on other tracks than those of the {noun}."
    number = "all" if len(seen) == total else f"{len(seen)} of the {total}"
    return f"Transductive: the encoder was pretrained on the tracks, not the labels, of {number} {noun}."
