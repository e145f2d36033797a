"""Embeddings and logits of whole recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.compute.devices import uses_bfloat16
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.heads import Classifier
from ssl_behavior.poses.augment import reflect
from ssl_behavior.poses.clips import Clip, pair_clip
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.prepare import Poses

_AROUND = 8
"""Frames to either side that kinematics look at, and some more."""


@torch.inference_mode()
def embed(
    encoder: Encoder, poses: Poses, pair: tuple[int, int], chunk: int = 4096, with_mirror: bool = False
) -> Tensor:
    """Embeddings (time, channel) of a whole recording for one ordered pair, as float32 on the CPU.

    With ``with_mirror`` they are the mean over the recording and its mirror image, so that what happens to the left and
    to the right is the same. Recordings go through in chunks, of which the network keeps what it needs for the next, so
    that every frame is what it would be in one piece and memory grows with the embeddings only.
    """
    device, total = encoder.mean.device, len(poses.positions)
    in_precision = torch.autocast(device.type, torch.bfloat16, enabled=uses_bfloat16(encoder.precision, device))
    kept: Any = None
    out = []
    for start in range(0, total, chunk):
        low = max(0, start - _AROUND)
        clip = pair_clip(poses, low, start + chunk + _AROUND, pair).map(lambda tensor: tensor.to(device))
        if with_mirror:
            images = reflect(clip, torch.ones(1, dtype=torch.bool, device=device), mirror(encoder.landmarks))
            clip = Clip(*(torch.cat(both) for both in zip(clip, images, strict=True)))
        values = encoder.kinematics(clip)[0][:, start - low : start - low + chunk]
        with in_precision:
            found, kept = encoder.temporal.step(values, kept, last=start + chunk >= total)
        out.append(found.float().mean(0).cpu())
    return torch.cat(out)


Embedded = Mapping[tuple[str, tuple[int, int]], Tensor]
"""Embeddings (time, channel) by recording id and ordered pair."""


def embed_all(classifier: Classifier, videos: Sequence[LabelledPoses]) -> Embedded:
    """Embeddings of every video and pair, for heads on a frozen encoder."""
    return {
        (video.poses.id, pair): embed(classifier.encoder, video.poses, pair) for video in videos for pair in video.pairs
    }


def video_logits(classifier: Classifier, video: LabelledPoses, embedded: Embedded | None = None) -> np.ndarray:
    """Logits (time, behaviour) of a video, the mean over its pairs."""
    with torch.inference_mode():
        device = classifier.encoder.mean.device
        each = [
            embed(classifier.encoder, video.poses, pair) if embedded is None else embedded[video.poses.id, pair]
            for pair in video.pairs
        ]
        logits = [classifier.head(embeddings.to(device)[None])[0] for embeddings in each]
        return torch.stack(logits).mean(0).cpu().numpy()
