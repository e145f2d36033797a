"""The temporal encoder: an ordered pair of animals over time -> one vector per frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from ssl_behavior.devices import Precision, uses_bfloat16
from ssl_behavior.digests import digest
from ssl_behavior.poses.augment import reflect
from ssl_behavior.poses.features import Clip, feature_names, features, known_features, pair_clip
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.prepare import Poses, Preparation
from ssl_behavior.temporal import Architecture, Block, Temporal
from ssl_behavior.transformer import AttentionBlock, Transformer

__all__ = ["Architecture", "Encoder", "Temporal", "embed"]


class Encoder(nn.Module):
    """Poses -> invariant kinematics -> one embedding per frame.

    Args:
        landmarks: names that positions are given for, in order.
        preparation: how recordings are made into the poses it takes.
        architecture: its kind and size.

    Attributes:
        precision: of the products of ``embed``; auto takes bfloat16 where the hardware multiplies it natively.
    """

    precision: Precision = "auto"
    mean: Tensor
    deviation: Tensor

    def __init__(self, landmarks: tuple[str, ...], preparation: Preparation, architecture: Architecture) -> None:
        super().__init__()
        self.landmarks, self.preparation, self.architecture = landmarks, preparation, architecture
        inputs, flags = len(feature_names(landmarks)), 2 * len(landmarks)  # of each animal's landmarks: seen or not
        self.temporal = (
            Temporal(inputs, architecture) if architecture.kind == "tcn" else Transformer(inputs, flags, architecture)
        )
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))

    @property
    def features(self) -> int:
        """Number of kinematic features per frame."""
        return len(self.mean)

    def fingerprint(self) -> str:
        """16 characters that only an encoder of the same weights and settings has."""
        weights = (tensor.detach().cpu().numpy() for tensor in self.state_dict().values())
        return digest(repr((self.landmarks, self.preparation, self.architecture)), *weights)

    def kinematics(self, clip: Clip) -> tuple[Tensor, Tensor]:
        """Standardised features (batch, time, feature), 0 where unknown, and where they are known."""
        values, known = features(clip, self.preparation.frame_rate)
        return self._standardised(values, slice(None)) * known, known

    def masked(self, values: Tensor, hidden: Clip) -> tuple[Tensor, Tensor]:
        """What ``kinematics`` finds of a clip of which parts were hidden, from those of the whole.

        Args:
            values: standardised features (batch, time, feature) of the whole clip.
            hidden: the clip with parts made unknown, and nothing else changed.
        """
        left = known_features(hidden)
        seen = self._standardised(hidden.seen.flatten(2).float(), flags := slice(-2 * len(self.landmarks), None))
        masked = values * left
        masked[..., flags] = seen
        return masked, left

    def _standardised(self, values: Tensor, which: slice) -> Tensor:
        return ((values - self.mean[which]) / self.deviation[which]).clamp(-5, 5)

    def standardise(self, clips: Iterable[Clip]) -> None:
        """Set mean and deviation of every feature from what is known in the clips."""
        count, total, squares = (torch.zeros(self.features, dtype=torch.float64) for _ in range(3))
        rate = self.preparation.frame_rate
        for clip in clips:
            values, known = (tensor.flatten(0, 1).double().cpu() for tensor in features(clip, rate))
            count, total, squares = count + known.sum(0), total + values.sum(0), squares + values.square().sum(0)
        mean = total / count.clamp(min=1)
        variance = (squares / count.clamp(min=1) - mean.square()).clamp(min=0)
        self.mean.copy_(mean)
        self.deviation.copy_(variance.sqrt().where(variance > 1e-6, 1.0))

    def forward(self, clip: Clip, left: Tensor | None = None) -> Tensor:
        """Clip -> embeddings (batch, time, channel), of the features that are ``left`` (batch, 1, feature) or all."""
        values, _ = self.kinematics(clip)
        return cast(Tensor, self.temporal(values if left is None else values * left))

    def set_dropout(self, share: float) -> None:
        """Drop this share of channels while training, whatever the architecture says."""
        for module in self.temporal.modules():
            if isinstance(module, Block | AttentionBlock):
                module.dropout = share


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
