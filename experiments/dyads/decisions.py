"""Decisions: probabilities of a variant -> labels.

A decision takes the largest probability / (frequency in training) ** power: the most probable behaviour (0), or the
balanced decision (1). Or it is that of the default: a temperature, balance and smoothing that cross-validation over
the labelled videos chooses. Smoothing mends bouts, so bouts are comparable only between rows with the same decision.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ssl_behavior.decoding import CalibratedDecoder, rebalance
from ssl_behavior.poses.poses import Poses
from ssl_behavior.training.cross_validation import fit_calibrated_decoder, folds_by_video
from ssl_behavior.training.supervised import Supervision

if TYPE_CHECKING:
    from experiments.dyads.protocol import FitPredict, Task

Power = float | None
"""A decision: its power of the frequencies, or None for the decision of the default."""
_SMALLEST = 1e-4
"""Smallest probability before the logarithm, as for the trees of the default."""


def named(power: Power) -> str:
    """Name of a decision, for tables."""
    names = {None: "as the default", 0.0: "most probable", 1.0: "balanced"}
    return names.get(power) or f"balanced to the power {power:g}"


def choose_decoder(fit_predict: FitPredict, task: Task) -> CalibratedDecoder:
    """The temperature and the decoder that ``finetune`` would choose if the variant were its model.

    The folds, their seeds and the choice are those of ``finetune``; so no label of a test video is used.
    """
    videos, logits = [video.labelled for video in task.train], {}
    for number, held_out in enumerate(folds_by_video(videos, len(task.behaviours), Supervision.folds), 1):
        others = tuple(video for i, video in enumerate(task.train) if i not in held_out)
        unlabelled = tuple(task.train[i].poses for i in held_out)
        fold = replace(task, train=others, test=unlabelled, seed=task.seed + number)
        logits |= {name: _balanced_logits(values, fold.frequencies) for name, values in fit_predict(fold).items()}
    ordered = [logits[video.poses.id] for video in videos]
    return fit_calibrated_decoder(ordered, videos, task.behaviours, videos[0].poses.frame_rate)[0]


def decide(
    values: np.ndarray, poses: Poses, frequencies: np.ndarray, power: float, decoder: CalibratedDecoder | None = None
) -> np.ndarray:
    """Labels (frame,): of the decoder, or the largest probability / frequency ** power; labels stay unchanged."""
    if values.ndim == 1:
        return values
    if decoder is None:
        return poses.to_native(rebalance(values, frequencies, power).argmax(1))
    probabilities = decoder.probabilities(_balanced_logits(values, frequencies))
    return poses.to_native(decoder.decoder.decode(probabilities, poses.frame_rate))


def _balanced_logits(probabilities: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Log probabilities (time, behaviour) as if all behaviours were equally frequent."""
    return np.log(np.maximum(rebalance(probabilities, frequencies), _SMALLEST))
