"""The encoder: clips of ordered pairs -> kinematics -> one embedding per frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.tcn import TCN, Architecture, Block
from ssl_behavior.models.transformer import AttentionBlock, Transformer
from ssl_behavior.poses.cleaning import trunk_landmarks
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.features import feature_names, features, known_features, own_features
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.storage.digests import digest

__all__ = ["Architecture", "Encoder", "TCN"]


class Encoder(nn.Module):
    """Clips -> invariant kinematics -> one embedding per frame.

    It carries its own preparation and standardisation, so that inference cannot disagree with training.

    Args:
        landmarks: names of the landmarks of its input, in order.
        preparation: settings with which recordings are prepared for it.
        architecture: kind and size of the network.

    Attributes:
        source: folder of the checkpoint that it was loaded from, for errors.
        trunk: indices of the landmarks that turn with the animal.
        precision: precision of matrix products in ``embed``; auto is bfloat16 on hardware that multiplies it natively.
        mean: (feature,) of the kinematics, see ``standardise``.
        deviation: (feature,) standard deviation of the kinematics.
    """

    source: str = "the encoder"
    precision: Precision = "auto"
    mean: Tensor
    deviation: Tensor

    def __init__(self, landmarks: tuple[str, ...], preparation: Preparation, architecture: Architecture) -> None:
        super().__init__()
        self.landmarks, self.preparation, self.architecture = landmarks, preparation, architecture
        self.trunk = trunk_landmarks(landmarks)
        # The last features are flags: whether each landmark of the two animals is seen.
        inputs, flags = len(feature_names(landmarks)), 2 * len(landmarks)
        self.temporal = (
            TCN(inputs, architecture) if architecture.kind == "tcn" else Transformer(inputs, flags, architecture)
        )
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))

    @property
    def features(self) -> int:
        """Number of kinematic features per frame."""
        return len(self.mean)

    def fingerprint(self) -> str:
        """Return 16 characters that two encoders share only if their weights and settings are equal."""
        weights = (tensor.detach().cpu().numpy() for tensor in self.state_dict().values())
        return digest(repr((self.landmarks, self.preparation, self.architecture)), *weights)

    def kinematics(self, clip: ClipBatch) -> tuple[Tensor, Tensor]:
        """Compute the standardised features of a clip.

        Returns:
            Values (batch, time, feature), 0 where unknown; and (batch, time, feature) bool, True where known.
        """
        values, known = features(clip, self.preparation.frame_rate, self.trunk)
        return self._scale(values, slice(None)) * known, known

    def mask_kinematics(self, values: Tensor, hidden: ClipBatch) -> tuple[Tensor, Tensor]:
        """Derive the ``kinematics`` of a clip with hidden parts from those of the whole clip, which takes less time.

        Args:
            values: standardised features (batch, time, feature) of the whole clip.
            hidden: the same clip with some landmarks or animals made unknown, and nothing else changed.

        Returns:
            As ``kinematics(hidden)``.
        """
        known = known_features(hidden, self.trunk)
        masked = values * known
        own = own_features(hidden, self.preparation.frame_rate, self.trunk)
        columns = slice(-own.shape[-1], None)
        masked[..., columns] = self._scale(own, columns) * known[..., columns]
        return masked, known

    def _scale(self, values: Tensor, features: slice) -> Tensor:
        """Standardise features; tracking errors reach 5 standard deviations and no more."""
        return ((values - self.mean[features]) / self.deviation[features]).clamp(-5, 5)

    def standardise(self, clips: Iterable[ClipBatch]) -> None:
        """Set mean and deviation of every feature from its known values in the clips."""
        # Sums in float64: in float32 the difference of squares would lose its digits.
        count, total, squares = (torch.zeros(self.features, dtype=torch.float64) for _ in range(3))
        rate = self.preparation.frame_rate
        for clip in clips:
            values, known = (tensor.flatten(0, 1).double().cpu() for tensor in features(clip, rate, self.trunk))
            count, total, squares = count + known.sum(0), total + values.sum(0), squares + values.square().sum(0)
        mean = total / count.clamp(min=1)
        variance = (squares / count.clamp(min=1) - mean.square()).clamp(min=0)
        self.mean.copy_(mean)
        self.deviation.copy_(variance.sqrt().where(variance > 1e-6, 1.0))  # a constant feature stays as it is

    def forward(self, clip: ClipBatch, keep: Tensor | None = None) -> Tensor:
        """Embed clips.

        Args:
            clip: batch of clips.
            keep: (batch, 1, feature) bool, features to embed; all of them by default.

        Returns:
            (batch, time, channel).
        """
        values, _ = self.kinematics(clip)
        return cast(Tensor, self.temporal(values if keep is None else values * keep))

    def set_dropout(self, share: float) -> None:
        """Set the share of channels that are dropped in training, in place of the architecture's."""
        for module in self.temporal.modules():
            if isinstance(module, Block | AttentionBlock):
                module.dropout = share
