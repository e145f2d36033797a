"""One point of the curve: learn from some labelled videos in one of several ways, and label others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch

from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import fit_tree_member, tree_examples, tree_logits
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.finetuning import learn
from ssl_behavior.training.supervised import Supervision

Variant = Literal["pretrained", "from-scratch", "expert-features", "frozen-linear"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True)
class Fitting:
    """How networks are fitted.

    Attributes:
        supervision: as for fine-tuning.
        device: to compute on.
        precision: of the forward pass.
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
    fitting: Fitting,
    seed: int,
) -> list[np.ndarray]:
    """Learn from the labels of ``train_videos`` and label ``test_videos``, as fine-tuning and prediction do.

    Args:
        variant: ``pretrained`` tunes the encoder, ``from-scratch`` a fresh one of the same make, ``frozen-linear`` fits
            a linear head on the encoder as it is, without trees, ``expert-features`` grows trees alone.
        train_videos: at least one; what is chosen besides is chosen by cross-validation over these.
        test_videos: their labels are not looked at.
        behaviours: names of the labels.
        encoder: pretrained; left as it is.
        fitting: how.
        seed: of all random numbers.

    Returns:
        Per test video, (time,) indices of behaviours at the recording's own frame rate.
    """
    blind = [replace(video, labels=np.full_like(video.labels, UNSCORED)) for video in test_videos]
    settings = fitting.supervision
    if variant == "expert-features":
        trees = fit_tree_member(tree_examples(train_videos), len(behaviours), settings.trees, seed, None)
        if trees is None:  # one behaviour is all that there is to learn
            shown = int(frequencies(train_videos, len(behaviours)).argmax())
            return [np.full(video.poses.frames, shown) for video in blind]
        return [video.poses.to_native(tree_logits(trees, video).argmax(1)) for video in blind]
    if variant == "frozen-linear":
        settings = replace(settings, tune="linear", trees=0)
    encoder = encoder.to(fitting.device)
    learned = learn(encoder, train_videos, behaviours, settings, seed, fitting.precision, variant == "from-scratch")
    return [learned.label(video) for video in blind]
