"""The temporal encoder: an ordered pair of animals over time -> one vector per frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.tcn import Architecture, Block, Temporal
from ssl_behavior.models.transformer import AttentionBlock, Transformer
from ssl_behavior.poses.clips import Clip
from ssl_behavior.poses.features import feature_names, features, known_features
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.storage.digests import digest

__all__ = ["Architecture", "Encoder", "Temporal"]


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
