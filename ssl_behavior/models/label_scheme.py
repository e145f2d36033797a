"""Label scheme: the meaning of a model's outputs, and their conversion to labels."""

from __future__ import annotations

from dataclasses import dataclass

from ssl_behavior.decoding import CalibratedDecoder


@dataclass(frozen=True)
class LabelScheme:
    """The behaviours of a model and how its logits become labels.

    Attributes:
        behaviours: names of the outputs, in order.
        channel: name of the annotation channel that the model was trained on.
        pair: names of the agent and the target that the labels hold for, or None if they hold for the whole group.
        unscored: behaviours of the annotations that were left out of training.
        calibrated_decoder: logits -> probabilities -> labels.
    """

    behaviours: tuple[str, ...]
    channel: str
    pair: tuple[str, str] | None
    unscored: tuple[str, ...]
    calibrated_decoder: CalibratedDecoder
