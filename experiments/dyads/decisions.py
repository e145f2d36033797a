"""Decisions: probabilities of a variant -> labels.

- ``most probable``: the most probable behaviour of each frame.
- ``balanced``: that which would be most probable if all behaviours were equally frequent.
- ``balanced, smoothed``: the same of probabilities that are smoothed over half a second, as the default decides with
  fewer than ten labelled videos. It costs no fit.
- ``as the default``: the temperature and the decoder that ``finetune`` would choose by cross-validation over the
  labelled videos. It fits the variant once more for each fold.
- ``its own``: the variant returns labels.

Smoothing mends bouts, so bouts are comparable only between rows with the same decision.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ssl_behavior.decoding import CalibratedDecoder, Decoder, balancing_weights, default_decoder, rebalance
from ssl_behavior.poses.poses import Poses
from ssl_behavior.training.cross_validation import fit_calibrated_decoder, folds_by_video
from ssl_behavior.training.supervised import Supervision

if TYPE_CHECKING:
    from experiments.dyads.protocol import FitPredict, Task

Decision = Literal["most probable", "balanced", "balanced, smoothed", "as the default", "its own"]
FREE: tuple[Decision, ...] = ("most probable", "balanced", "balanced, smoothed")
"""Decisions on probabilities that need no further fit."""
_SMALLEST = 1e-4
"""Smallest probability before the logarithm, as for the trees of the default."""


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
    values: np.ndarray,
    poses: Poses,
    frequencies: np.ndarray,
    decision: Decision,
    chosen: CalibratedDecoder | None = None,
) -> np.ndarray:
    """Decide the label (frame,) of every filmed frame.

    Args:
        values: probabilities (time, behaviour), or labels (frame,), which stay as they are.
        poses: poses of the video.
        frequencies: (behaviour,) shares of the behaviours in training.
        decision: decision to take.
        chosen: result of ``choose_decoder``, for the decision of the default.
    """
    if decision == "its own":
        return values
    if decision == "as the default":
        assert chosen is not None
        values, decoder = chosen.probabilities(_balanced_logits(values, frequencies)), chosen.decoder
    elif decision == "balanced, smoothed":
        decoder = default_decoder(frequencies)
    else:
        decoder = Decoder(balancing_weights(frequencies)) if decision == "balanced" else Decoder()
    return poses.to_native(decoder.decode(values, poses.frame_rate))


def _balanced_logits(probabilities: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Log probabilities (time, behaviour) as if all behaviours were equally frequent."""
    return np.log(np.maximum(rebalance(probabilities, frequencies), _SMALLEST))
