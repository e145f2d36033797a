"""Embeddings of whole recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssl_behavior.compute.devices import uses_bfloat16
from ssl_behavior.errors import InputError
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.augment import reflect
from ssl_behavior.poses.clips import ClipBatch, pair_clip
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.poses import Poses

_AROUND = 8
"""Frames to either side of a chunk from which its kinematics are computed; velocities need 5 (``features.LAGS``)."""

EmbeddingsByPair = Mapping[tuple[str, tuple[int, int]], Tensor]
"""Embeddings (time, channel) by recording id and ordered pair."""


@torch.inference_mode()
def embed(
    encoder: Encoder, poses: Poses, pair: tuple[int, int], chunk: int = 4096, with_mirror: bool = False
) -> Tensor:
    """Embed a whole recording for one ordered pair.

    The recording goes through the network in chunks. The network keeps the state that the next chunk needs, so every
    frame is embedded as if the recording went through in one piece, and only the embeddings grow with its length.

    Args:
        encoder: encoder on any device.
        poses: poses prepared with ``encoder.landmarks`` and ``encoder.preparation``.
        pair: indices of the agent and the target.
        chunk: frames at a time.
        with_mirror: average over the recording and its mirror image, so that left and right make no difference.

    Returns:
        (time, channel) float32 on the CPU.

    Raises:
        InputError: an embedding is not finite.

    Examples:
        >>> embed(encoder, prepare(recording, encoder.landmarks, encoder.preparation), (0, 1)).shape
        torch.Size([18000, 128])
    """
    device, total = encoder.mean.device, len(poses.positions)
    in_precision = torch.autocast(device.type, torch.bfloat16, enabled=uses_bfloat16(encoder.precision, device))
    state: Any = None
    embeddings = []
    for start in range(0, total, chunk):
        low = max(0, start - _AROUND)
        clip = pair_clip(poses, low, start + chunk + _AROUND, pair).map(lambda tensor: tensor.to(device))
        if with_mirror:
            images = reflect(clip, torch.ones(1, dtype=torch.bool, device=device), mirror(encoder.landmarks))
            clip = ClipBatch(*(torch.cat(both) for both in zip(clip, images, strict=True)))
        values = encoder.kinematics(clip)[0][:, start - low : start - low + chunk]
        with in_precision:
            done, state = encoder.temporal.step(values, state, last=start + chunk >= total)
        embeddings.append(done.float().mean(0).cpu())
    return require_finite(torch.cat(embeddings), "embeddings", encoder, poses)


def require_finite(values: Tensor, noun: str, encoder: Encoder, poses: Poses) -> Tensor:
    """Return values that a network computed, if they are finite numbers.

    Args:
        values: of any shape.
        noun: description of the values.
        encoder: encoder of the network; its ``source`` is named in the error.
        poses: recording that they belong to.

    Raises:
        InputError: one of them is NaN or infinite.
    """
    if not bool(values.isfinite().all()):
        raise InputError(
            f"{encoder.source}: expected {noun} of finite numbers; found NaN or infinity in those of {poses.id}: its "
            "weights are too large or damaged, so copy it again, or run the command that wrote it again"
        )
    return values


def embed_all(encoder: Encoder, videos: Sequence[LabelledPoses]) -> EmbeddingsByPair:
    """Embed every video and pair, to train heads on a frozen encoder."""
    return {(video.poses.id, pair): embed(encoder, video.poses, pair) for video in videos for pair in video.pairs}
