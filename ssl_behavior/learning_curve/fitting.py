"""One point of the curve: train one variant on some labelled videos, and label other videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ssl_behavior.compute.devices import Precision
from ssl_behavior.learning_curve.variants import Variant
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import tree_logits
from ssl_behavior.models.tree_examples import fit_tree_member, tree_examples
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.finetuning import finetune_encoder
from ssl_behavior.training.supervised import Supervision


@dataclass(frozen=True)
class FitSettings:
    """Settings of the training that all variants share.

    Attributes:
        supervision: settings of the training on labels, as for fine-tuning.
        device: device to compute on.
        precision: precision of the forward pass.
    """

    supervision: Supervision
    device: torch.device
    precision: Precision


def fit_and_predict(
    variant: Variant,
    train_videos: Sequence[LabelledPoses],
    test_videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    encoder: Encoder,
    fit_settings: FitSettings,
    seed: int,
) -> list[np.ndarray]:
    """Train on ``train_videos`` and label ``test_videos``, as the commands finetune and predict do.

    Args:
        variant: ``pretrained`` tunes the encoder; ``from-scratch`` tunes a fresh encoder of the same architecture;
            ``frozen-linear`` trains a linear head on the frozen encoder, without trees; ``expert-features`` grows trees
            without a network.
        train_videos: at least one video to train on. Cross-validation over these videos chooses the decoder.
        test_videos: their labels are ignored.
        behaviours: names of the labels.
        encoder: pretrained encoder; its weights are not changed.
        fit_settings: settings of the training.
        seed: seed of all random numbers.

    Returns:
        (time,) indices of behaviours for each test video, at the frame rate of the recording itself.
    """
    # The labels are removed here, so that no mistake below can leak them into a score.
    blind = [replace(video, labels=np.full_like(video.labels, UNSCORED)) for video in test_videos]
    settings = fit_settings.supervision
    if variant == "expert-features":
        trees = fit_tree_member(tree_examples(train_videos), len(behaviours), settings.trees, seed, None)
        if trees is None:  # the training videos show a single behaviour
            behaviour = int(frequencies(train_videos, len(behaviours)).argmax())
            return [np.full(video.poses.frames, behaviour) for video in blind]
        return [video.poses.to_native(tree_logits(trees, video).argmax(1)) for video in blind]
    if variant == "frozen-linear":
        settings = replace(settings, tune="linear", trees=0)
    encoder, from_scratch = encoder.to(fit_settings.device), variant == "from-scratch"
    result = finetune_encoder(encoder, train_videos, behaviours, settings, seed, fit_settings.precision, from_scratch)
    return [result.label(video) for video in blind]
